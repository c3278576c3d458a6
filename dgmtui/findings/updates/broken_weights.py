"""Weights that were non-finite before the failing iteration began: did a step of an optimiser make them so, or code?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgmtui.recording.model import SnapshotInfo

_EDITED = (
    "Look at what the code does to weights between iterations: pruning, clipping or normalising them (divide by "
    "norm.clamp(min=1e-12)), averaging them, loading a state."
)
_STEPPED = "Look at the update before: lower the learning rate, clip gradients, or raise the optimiser's epsilon."


@dataclass(frozen=True)
class Account:
    """When weights were broken, and by what."""

    phase: str
    """``update``, or ``edit``: between two iterations, by neither a backward pass nor an optimiser."""
    iteration: int
    cause: str
    """A sentence with ``{what}``, a word for the value, and ``{name}``, the parameter."""
    advice: str


def account_of(snapshot: SnapshotInfo, name: str) -> Account:
    """What the failing snapshot knows of how a parameter was broken.

    Args:
        name: ``param:PATH``.
    """
    told: Mapping[str, Any] = snapshot.extra.get("after_step") or {}
    now = snapshot.iteration
    if told.get("finite") is True:
        cause = (
            f"`{{name}}` held {{what}} before the forward pass of iteration {now:,}, though the step before "
            "had left it finite: the code changed it between two iterations."
        )
        return Account("edit", now, cause, _EDITED)
    if told.get("finite") is False:
        return _by_step(snapshot, told, name)
    if now == 0:
        cause = "`{name}` held {what} before the first iteration: it was made or loaded so."
        return Account("edit", 0, cause, "Look at how the model is initialised, and at the state that is loaded.")
    cause = f"`{{name}}` already held {{what}} before the forward pass of iteration {now:,}."
    return Account("update", now - 1, cause, _STEPPED)


def _by_step(snapshot: SnapshotInfo, told: Mapping[str, Any], name: str) -> Account:
    iteration, optimizer = int(told["iteration"]), told["optimizer"]
    why, advice = _reason(told.get("settings") or {}, snapshot, name)
    cause = f"The step of {optimizer} at the end of iteration {iteration:,} made {{what}} of `{{name}}`"
    cause += f": {why}." if why else ", though loss and gradients were finite."
    return Account("update", iteration, cause, advice)


def _reason(settings: Mapping[str, Any], snapshot: SnapshotInfo, name: str) -> tuple[str, str]:
    """What in the optimiser's settings explains it, if anything does, and what to change."""
    for key, value in settings.items():
        if isinstance(value, str):
            word = "the learning rate" if key == "lr" else f"`{key}`"
            return f"{word} was {value}", f"Look at what computes {word}: a division by zero, a logarithm, an overflow."
    spec, epsilon = snapshot.tensors.get(name), settings.get("eps")
    if spec is not None and spec.dtype == "float16" and epsilon is not None and np.float16(epsilon) == 0:
        why = f"its epsilon of {epsilon:g} is 0 in float16, which the weights are kept in, so that it divides by zero"
        return why, "Keep the weights in float32 and use autocast, or give the optimiser eps=1e-4 or more."
    return "", _STEPPED
