"""What becomes of each parameter: whether an optimiser has it, whether a gradient reaches it, whether it ever moves."""

import weakref
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor, nn

from dgmtui.recorder.frames import in_scope
from dgmtui.recorder.naming import Names
from dgmtui.recorder.optimizers import class_of, groups_of, trained
from dgmtui.recorder.ranks import replica
from dgmtui.trace.tensors import name_of, to_stored

UNSEEN = "unseen"
"""Of a gradient that was not looked at."""


class Reached(IntEnum):
    """The most that was ever seen of a gradient."""

    NONE = 0
    ZERO = 1
    NONZERO = 2


@dataclass
class _Known:
    """One parameter."""

    tensor: weakref.ref[Tensor]
    checksum: int
    """As it was first seen, before its first step."""
    moved: bool = False
    replaced: bool = False
    """Another tensor than at first goes by this path."""
    backward: Reached = Reached.NONE
    """After backward passes."""
    step: Reached = Reached.NONE
    """When an optimiser that has it stepped."""


@dataclass(eq=False)
class _Optimizer:
    """One optimiser."""

    ref: weakref.ref[torch.optim.Optimizer]
    was: dict[int, str] = field(default_factory=dict)
    """The path in its model of what it was made with, by id, where a variable held the model then."""
    stepped: bool = False
    type: str = ""


class Facts:
    """Looks at every parameter at few iterations; each look costs a pass over those that have not moved so far."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: dict[str, _Known] = {}
        self._optimizers: list[_Optimizer] = []
        self._searched = False

    def add_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser was made, or is met."""
        if not any(each.ref() is optimizer for each in self._optimizers):
            was = dict(_paths_in_scope(optimizer))
            self._optimizers.append(_Optimizer(weakref.ref(optimizer), was, type=class_of(optimizer)))

    @property
    def whole(self) -> bool:
        """Whether everything that was seen still lives; at the end of a script it may be gone."""
        return all(one.tensor() is not None for one in self._known.values()) and all(
            one.ref() is not None for one in self._optimizers
        )

    def before_backward(self, parameters: Mapping[str, Tensor]) -> None:
        """See the parameters, by path, before they move."""
        if not self._searched:
            self._searched = True
            for _, optimizer in in_scope(torch.optim.Optimizer):
                self.add_optimizer(optimizer)
        for path, tensor in parameters.items():
            known = self._known.get(path)
            if not _can_be_read(tensor):
                continue
            if known is None or known.tensor() is not tensor:
                self._known[path] = _Known(weakref.ref(tensor), _checksum(tensor), replaced=known is not None)

    def after_backward(self) -> None:
        """See which gradients are there."""
        for _, known, tensor in self._living():
            known.backward = max(known.backward, _reached(tensor, known.backward))

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """See which gradients are still there."""
        self.add_optimizer(optimizer)
        mine = {id(parameter) for parameter in trained(optimizer)}
        for each in self._optimizers:
            each.stepped |= each.ref() is optimizer
        for _, known, tensor in self._living():
            if id(tensor) in mine:
                known.step = max(known.step, _reached(tensor, known.step))

    def parameters(self) -> dict[str, Any]:
        """What is known by now, as the data of an event; FORMAT.md tells the fields."""
        held = [(optimizer, [] if (one := optimizer.ref()) is None else trained(one)) for optimizer in self._optimizers]
        told = []
        for path, known, tensor in self._living():
            known.moved = known.moved or _checksum(tensor) != known.checksum
            told.append(
                {
                    "path": path,
                    "shape": list(tensor.shape),
                    "dtype": name_of(tensor.dtype),
                    "requires_grad": tensor.requires_grad,
                    "optimizers": [i for i, (_, own) in enumerate(held) if any(p is tensor for p in own)],
                    "gradient": known.backward.name.lower(),
                    "step_gradient": known.step.name.lower(),
                    "moved": known.moved,
                    "replaced": known.replaced,
                }
            )
        mine = {id(tensor) for _, _, tensor in self._living()}
        return {"parameters": told, "optimizers": [self._optimizer(each, own, mine) for each, own in held]}

    def _optimizer(self, optimizer: _Optimizer, own: list[Tensor], named: set[int]) -> dict[str, Any]:
        """Gradients of one that has not stepped here are not touched: another thread may train with it just now, and
        its backward pass writes them without Python's lock."""
        strangers = [
            {
                "shape": list(p.shape),
                "was": optimizer.was.get(id(p), ""),
                "gradient": _reached(p, Reached.NONE).name.lower() if optimizer.stepped else UNSEEN,
            }
            for p in own
            if id(p) not in named and _can_be_read(p)
        ]
        return {"type": optimizer.type, "holds": len(own), "stepped": optimizer.stepped, "strangers": strangers}

    def settings(self) -> dict[str, Any]:
        """The settings of each optimiser's groups as they are now."""
        living = [one for each in self._optimizers if (one := each.ref()) is not None]
        return {
            "optimizers": [
                {"type": class_of(one), "groups": [dict(group.settings) for group in groups_of(one, {})]}
                for one in living
            ]
        }

    def _living(self) -> Iterator[tuple[str, _Known, Tensor]]:
        for path, known in self._known.items():
            tensor = known.tensor()
            if tensor is not None:
                yield path, known, tensor


def _paths_in_scope(optimizer: torch.optim.Optimizer) -> Iterator[tuple[int, str]]:
    """Id and path of what it holds, in the smallest models last, so that the largest one names it."""
    mine = {id(parameter) for parameter in trained(optimizer)}
    models = {id(model): model for _, found in in_scope(nn.Module) for model in (replica(found),)}
    for model in sorted(models.values(), key=lambda one: sum(1 for _ in one.modules())):
        yield from ((id(p), path) for path, p in model.named_parameters() if id(p) in mine)


def _can_be_read(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and not isinstance(tensor, nn.UninitializedParameter)


def _checksum(tensor: Tensor) -> int:
    return zlib.crc32(to_stored(tensor).data.tobytes())


def _reached(tensor: Tensor, so_far: Reached) -> Reached:
    """What is seen of its gradient now; not looked at where it has been seen not to be zero."""
    gradient = tensor.grad
    if gradient is None or so_far is Reached.NONZERO:
        return so_far
    if gradient.layout != torch.strided or bool(gradient.any()):
        return Reached.NONZERO
    return Reached.ZERO
