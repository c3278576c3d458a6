"""Where one iteration ends: at the optimiser's step, or where there are several, when each has had its turn."""

import weakref
from collections.abc import Iterable, Sequence

import torch
from torch import nn

PATIENCE = 16
"""Steps of one optimiser for which another one's turn is waited: a critic takes five or ten to its generator's one."""
_STEPLESS, _DISCARDED = 64, 4
"""So many backward passes, or gradients thrown away, for which a first step is waited."""
_SWITCHES = 3
"""After so many changes from one optimiser to another, the two are known to take turns."""


class Rounds:
    """Knows the optimisers there are and which have stepped in this iteration.

    Not every one that was made is waited for: some are for a later stage, for another model or for the same parameters.
    """

    def __init__(self) -> None:
        self._known: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        self._idle: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        self._partners: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        """Those that have had their turn in one iteration with another."""
        self._called: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        """The outermost modules called in this iteration."""
        self._stepped: list[int] = []
        self._last: frozenset[int] = frozenset()
        self._switches = 0

        self._steps = False
        """A step was begun, ever."""
        self._passes = self._discarded = 0
        """Backward passes without any step so far, and after how many of them the gradients were thrown away."""

    def add(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser was made."""
        self._known.add(optimizer)

    def forget(self, optimizer: torch.optim.Optimizer) -> None:
        """It is at work in a training that is not followed."""
        self._known.discard(optimizer)

    @property
    def known(self) -> list[torch.optim.Optimizer]:
        """Those that were made and still live."""
        return list(self._known)

    def called(self, module: nn.Module) -> None:
        """A model is called, with gradients or without."""
        if len(self._known) > 1:
            self._called.add(module)

    @property
    def without_optimizer(self) -> bool:
        """No optimiser lives, or none steps as it seems: an iteration ends with its backward pass."""
        never = not self._steps and (self._discarded >= _DISCARDED or self._passes >= _STEPLESS)
        return not self._known or never

    def goes_back(self, *, onto_gradients: bool) -> None:
        """A backward pass begins, where the ones before have left gradients or where these were thrown away."""
        if not self._steps:
            self._discarded += self._passes > 0 and not onto_gradients
            self._passes += 1

    def begins_anew(self, optimizer: torch.optim.Optimizer) -> bool:
        """The first optimiser works again after another has: those that never step are not waited for again."""
        self._steps = True
        again = bool(self._stepped) and self._stepped[0] == id(optimizer) and len(set(self._stepped)) > 1
        if again:
            for other in self._known:
                if id(other) not in self._stepped:
                    self._idle.add(other)
        return again

    def stepped(self, optimizer: torch.optim.Optimizer) -> bool:
        """Note a step; whether every optimiser that takes part has now had its turn."""
        self._known.add(optimizer)
        self._idle.discard(optimizer)
        self._stepped.append(id(optimizer))
        waited = [o for o in self._known if o not in self._idle and id(o) not in self._stepped]
        return not any([self._may_follow(other) for other in waited])

    @property
    def several(self) -> bool:
        """Whether more than one optimiser has stepped in this iteration, so that its backward passes are turns."""
        return len(set(self._stepped)) > 1

    def next(self) -> None:
        """A new iteration begins."""
        turns = frozenset(self._stepped)
        if len(turns) > 1:
            self._partners.update(o for o in self._known if id(o) in turns)
        elif turns and self._last and turns != self._last:
            self._switches += 1
        self._last = turns or self._last
        self._called.clear()
        self._stepped = []

    def _may_follow(self, other: torch.optim.Optimizer) -> bool:
        """Whether the turn of ``other`` may come within this iteration."""
        if len(self._stepped) >= PATIENCE and len(set(self._stepped)) == 1:
            self._idle.add(other)
            return False
        if other in self._partners:
            return True
        theirs, ours = _trained((other,)), _trained(o for o in self._known if id(o) in self._stepped)
        if not theirs or theirs & ours:
            return False
        called = {id(parameter) for module in self._called for parameter in module.parameters()}
        return self._switches >= _SWITCHES or bool(theirs & called) or not ours & called


def turn_losses(losses: Sequence[float], *, several: bool) -> dict[str, float]:
    """The loss of each of an iteration's turns as a scalar, ``loss 1``, …; empty where they are one turn's passes.

    Args:
        several: as of ``Rounds``: gradients that one optimiser gathers from several passes are no turns.
    """
    if not several or not 1 < len(losses) <= PATIENCE:
        return {}
    return {f"loss {number}": loss for number, loss in enumerate(losses, start=1)}


def _trained(optimizers: Iterable[torch.optim.Optimizer]) -> set[int]:
    groups = (group for optimizer in optimizers for group in optimizer.param_groups)
    return {id(p) for group in groups for p in group["params"] if p.requires_grad}
