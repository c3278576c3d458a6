"""What modules and parameters are called: the path from the model that holds them, as ``named_modules()`` gives it."""

import weakref
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dgmtui.recorder.frames import in_scope
from dgmtui.recorder.ranks import replica
from dgmtui.recording.model import ModuleInfo


class Names:
    """The models met so far; one is named without a prefix, several each with the name of their variable.

    A name once given is kept, since the recording is written under it: which models there are is settled when the first
    module is called, by the user's variables and optimisers.
    """

    def __init__(self) -> None:
        self._held: list[tuple[str, weakref.ref[nn.Module]]] = []
        self._plain: weakref.ref[nn.Module] | None = None
        """The model without a prefix."""
        self._settled = self._several = False
        self._optimizers: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        self._paths: dict[int, tuple[str, weakref.ref[nn.Module]]] = {}
        self._parameters: dict[int, tuple[str, weakref.ref[Tensor]]] = {}
        self._buffers: dict[int, tuple[str, weakref.ref[Tensor]]] = {}
        self.generation = 0
        """Grows whenever the parameters are others than before: a layer was replaced or put in."""

    def add_root(self, name: str, model: nn.Module) -> None:
        """Name a model; those that are part of it go by its name from here on."""
        model = replica(model)
        parts = {id(module) for module in model.modules()}
        kept = [(known, other) for known, other in self.roots() if id(other) not in parts]
        plain = None if self._plain is None else self._plain()
        if (plain is None and not self._several and _has_parameters(model)) or id(plain) in parts:
            self._plain = weakref.ref(model)
        taken = {known for known, _ in kept}
        number, free = 2, name
        while free in taken:
            free, number = f"{name}{number}", number + 1
        self._held = [(known, weakref.ref(other)) for known, other in [*kept, (free, model)]]
        self.refresh()

    def add_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """What it holds is trained."""
        self._optimizers.add(optimizer)

    def trains(self, tensor: Tensor) -> bool:
        """Whether an optimiser that is known holds it."""
        return any(tensor is p for optimizer in self._optimizers for g in optimizer.param_groups for p in g["params"])

    def settle(self) -> None:
        """Find the models that are trained, before the first of them is named."""
        if self._settled:
            return
        self._settled = True
        optimizers = [*self._optimizers, *(found for _, found in in_scope(torch.optim.Optimizer))]
        trained = {id(p) for optimizer in optimizers for group in optimizer.param_groups for p in group["params"]}
        found: dict[int, tuple[str, nn.Module]] = {}
        for name, model in ((name, replica(model)) for name, model in in_scope(nn.Module)):
            if any(id(p) in trained for p in model.parameters()):
                found[id(model)] = name, model  # of several names that of the outermost function stays
        parts = {id(part) for _, model in found.values() for part in model.modules() if part is not model}
        for key, (name, model) in found.items():
            if key not in parts:
                self.add_root(_plain_name(name, model), model)
        if sum(_has_parameters(model) for _, model in self.roots()) > 1:
            self._several, self._plain = True, None
            self.refresh()

    def path(self, module: nn.Module) -> str:
        """The path of a module; a module not met before is looked for in the user's variables."""
        known = self._paths.get(id(module)) if self._settled else None
        if known is not None and known[1]() is module:
            return known[0]
        self.settle()
        known = self._paths.get(id(module))
        if known is None or known[1]() is not module:
            self.refresh()  # a layer that was put into a known model
            known = self._paths.get(id(module))
        if known is None or known[1]() is not module:
            self.add_root(*_owner(module))
            known = self._paths[id(module)]
        return known[0]

    def known_path(self, module: nn.Module) -> str | None:
        """The path of a module of a model that was met; None of any other, and nothing is looked for."""
        known = self._paths.get(id(module))
        return known[0] if known is not None and known[1]() is module else None

    def refresh(self) -> None:
        """Look at the models again: modules and parameters come and go."""
        roots = self.roots()
        plain = None if self._plain is None else self._plain()
        before = self._parameters
        self._paths, self._parameters, self._buffers = {}, {}, {}
        for name, model in roots:
            prefix = "" if model is plain else f"{name}."
            for path, module in model.named_modules():
                self._paths.setdefault(id(module), ((prefix + path).rstrip("."), weakref.ref(module)))
            for path, parameter in model.named_parameters():
                self._parameters.setdefault(id(parameter), (prefix + path, weakref.ref(parameter)))
            for path, buffer in model.named_buffers():
                self._buffers.setdefault(id(buffer), (prefix + path, weakref.ref(buffer)))
        if not _same_parameters(before, self._parameters):
            self.generation += 1

    def roots(self) -> list[tuple[str, nn.Module]]:
        """The models that still live."""
        return [(name, model) for name, ref in self._held if (model := ref()) is not None]

    def parameter(self, tensor: Tensor) -> str | None:
        """The path of this very parameter."""
        return _path_of(self._parameters, tensor)

    def buffer(self, tensor: Tensor) -> str | None:
        """The path of this very buffer."""
        return _path_of(self._buffers, tensor)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Every parameter by path, shared ones once."""
        return {path: tensor for path, ref in self._parameters.values() if (tensor := ref()) is not None}

    @property
    def buffers(self) -> dict[str, Tensor]:
        """Every buffer by path."""
        return {path: tensor for path, ref in self._buffers.values() if (tensor := ref()) is not None}

    def modules(self) -> Iterator[tuple[str, nn.Module]]:
        """Every module once, with its path, parents before children."""
        seen: set[int] = set()
        for _, model in self.roots():
            for module in model.modules():
                if id(module) not in seen:
                    seen.add(id(module))
                    yield self.path(module), module

    def infos(self, shapes: dict[str, tuple[tuple[int, ...], int | None]]) -> Iterator[ModuleInfo]:
        """Every module as a recording names it; ``shapes``: path → output shape and unit axis, of those called."""
        parents = {self.path(child): path for path, module in self.modules() for child in module.children()}
        for path, module in self.modules():
            shape, axis = shapes.get(path, (None, None))
            yield ModuleInfo(
                path=path,
                type=type(module).__name__,
                parent=parents.get(path),
                output_shape=shape,
                unit_axis=axis,
                parameters=tuple(name for name, _ in module.named_parameters(recurse=False)),
                detail=module.extra_repr().replace("\n", " ")[:200],
            )


def _path_of(known: dict[int, tuple[str, weakref.ref[Tensor]]], tensor: Tensor) -> str | None:
    found = known.get(id(tensor))
    return found[0] if found is not None and found[1]() is tensor else None


def _has_parameters(model: nn.Module) -> bool:
    return next(model.parameters(), None) is not None


def _plain_name(name: str, model: nn.Module) -> str:
    return name if name != "self" else type(model).__name__


def _owner(module: nn.Module) -> tuple[str, nn.Module]:
    """The largest module in the user's variables that holds ``module``, with its variable's name."""
    best, size = (type(module).__name__, module), sum(1 for _ in module.modules())
    for name, candidate in ((name, replica(found)) for name, found in in_scope(nn.Module)):
        members = list(candidate.modules())
        if (len(members) > size or candidate is module) and any(member is module for member in members):
            plain = _plain_name(name, candidate)
            if candidate is module and best[1] is module:
                best = (plain, candidate)
            elif len(members) > size:
                best, size = (plain, candidate), len(members)
    return best


def weight_of(module: nn.Module) -> tuple[str, Tensor, int] | None:
    """The parameter that a module's units own slices of, with its name and the units' axis in it."""
    own = dict(module.named_parameters(recurse=False))
    name = "weight" if "weight" in own else max(own, key=lambda key: own[key].numel(), default=None)
    if name is None or own[name].dim() == 0 or isinstance(own[name], nn.UninitializedParameter):
        return None
    transposed = isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d)
    return name, own[name], 1 if transposed and own[name].dim() > 1 else 0


def tensors_in(value: object, depth: int = 4) -> list[tuple[tuple[object, ...], Tensor]]:
    """Every tensor in nested tuples, lists, dicts and plain objects, with the way to it."""
    if isinstance(value, torch.Tensor):
        return [((), value)]
    if depth == 0:
        return []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    elif not isinstance(value, type | nn.Module) and isinstance(getattr(value, "__dict__", None), dict):
        items = [(f".{key}", item) for key, item in vars(value).items()]
    else:
        return []
    return [((key, *path), tensor) for key, item in items for path, tensor in tensors_in(item, depth - 1)]


def _same_parameters(
    a: dict[int, tuple[str, weakref.ref[Tensor]]], b: dict[int, tuple[str, weakref.ref[Tensor]]]
) -> bool:
    """A tensor has one weak reference without a callback, so the same reference is the same living tensor."""
    return a.keys() == b.keys() and all(a[key][0] == b[key][0] and a[key][1] is b[key][1] for key in a)
