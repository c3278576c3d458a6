"""Whether the weights were finite as the optimisers' last steps left them: else it was a step that broke them."""

import weakref
from collections.abc import Mapping
from typing import Any

import torch

from dgmtui.recorder.finite import any_nonfinite, is_finite

LIMIT = 1 << 20
"""Weights of an optimiser, in elements, that are looked at after each of its steps: more would cost too much."""


class AfterSteps:
    """What optimisers' last steps left behind."""

    def __init__(self) -> None:
        self._finite: weakref.WeakKeyDictionary[torch.optim.Optimizer, bool] = weakref.WeakKeyDictionary()
        self._broken: dict[str, Any] | None = None

    def see(self, optimizer: torch.optim.Optimizer, iteration: int) -> None:
        """A step was made: look at the weights, unless they are many."""
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        if self._broken is not None or sum(parameter.numel() for parameter in parameters) > LIMIT:
            return
        finite = not any_nonfinite(parameters)
        self._finite[optimizer] = finite
        if not finite:
            self._broken = {
                "finite": False,
                "iteration": iteration,
                "optimizer": type(optimizer).__name__,
                "settings": _numbers(optimizer.param_groups),
            }

    def told(self) -> Mapping[str, Any]:
        """``finite``, and of the first step that made it False ``iteration``, ``optimizer`` and ``settings``.

        Empty where no step was looked at.
        """
        if self._broken is not None:
            return self._broken
        return {"finite": True} if self._finite else {}


def _numbers(groups: list[dict[str, Any]]) -> dict[str, float | str]:
    """Of the settings that are numbers, that of the first group, or of the first in which it is not finite; non-finite
    as strings."""
    found: dict[str, float | str] = {}
    for group in groups:
        for name, value in group.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if not is_finite(value):
                found[name] = str(float(value))
            found.setdefault(name, value)
    return found
