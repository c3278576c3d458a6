"""The weights that an optimiser moves, found once and not at every step."""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dgmtui.recorder.naming import Names, weight_of


@dataclass(frozen=True)
class Weight:
    """A parameter that a module's units own slices of."""

    path: str
    """The module's."""
    module: weakref.ref[nn.Module]
    name: str
    """Among the module's parameters."""
    parameter: weakref.ref[Tensor]
    axis: int
    """Along which the units lie."""

    def tensor(self) -> Tensor | None:
        """The parameter; None where the module has another by now."""
        module, parameter = self.module(), self.parameter()
        return parameter if module is not None and module._parameters.get(self.name) is parameter else None


def weights_in(names: Names) -> Iterator[tuple[Weight, Tensor]]:
    """The weight of every module that has one, parents before children; a shared one under each."""
    for path, module in names.modules():
        own = weight_of(module)
        if own is not None:
            name, tensor, axis = own
            yield Weight(path, weakref.ref(module), name, weakref.ref(tensor), axis), tensor


class Weights:
    """Of each optimiser the weights it moves; looked for again when it, or a module, has others."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._known: weakref.WeakKeyDictionary[torch.optim.Optimizer, tuple[set[int], list[Weight]]] = (
            weakref.WeakKeyDictionary()
        )

    def of(self, optimizer: torch.optim.Optimizer) -> list[tuple[Weight, Tensor]]:
        """The weights among what ``optimizer`` holds, in the order of their modules."""
        mine = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        known = self._known.get(optimizer)
        if known is not None and known[0] == mine:
            living = [(weight, tensor) for weight in known[1] if (tensor := weight.tensor()) is not None]
            if len(living) == len(known[1]):
                return living
        found = [(weight, tensor) for weight, tensor in weights_in(self._names) if id(tensor) in mine]
        self._known[optimizer] = mine, [weight for weight, _ in found]
        return found
