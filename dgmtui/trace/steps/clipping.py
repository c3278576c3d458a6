"""What a training does to gradients between the backward pass and the step, as far as its snapshots tell."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from dgmtui.recording.model import GradientChange, OptimizerStep, SnapshotInfo

_TINY = 1e-6
"""What ``torch.nn.utils.clip_grad_norm_`` adds to the norm."""
_ALIKE = 1e-3


@dataclass(frozen=True)
class Clipping:
    """A norm that gradients are scaled down to."""

    most: float

    def factor(self, norm: float) -> float:
        """What gradients of this norm are multiplied by."""
        return min(1.0, self.most / (norm + _TINY))


@dataclass(frozen=True)
class AtStep:
    """The gradients that a step takes."""

    gradients: Mapping[str, Tensor]
    note: str = ""
    """What is not known of them; empty where all is."""
    skipped: bool = False
    """A ``GradScaler`` would leave the step out."""


def clipping_of(snapshots: Iterable[SnapshotInfo], type_: str) -> Clipping | None:
    """What an optimiser's gradients were clipped to, where every snapshot in which they were says the same."""
    found = [most for s in snapshots for told in s.optimizers if told.type == type_ and (most := _clipped_to(told))]
    alike = found and max(found) - min(found) <= _ALIKE * max(found)
    return Clipping(found[-1]) if alike else None


def _clipped_to(told: OptimizerStep) -> float | None:
    """The norm that the step's gradients were scaled down to; None where they were not."""
    if told.gradients is not GradientChange.SCALED or not math.isfinite(told.norm):
        return None
    scale = told.loss_scale or 1.0
    factor = told.amount * scale
    return factor * (told.norm / scale + _TINY) if factor < 1 - _ALIKE else None


def at_step(told: OptimizerStep, left: Mapping[str, Tensor], norm: float, clipping: Clipping | None) -> AtStep:
    """What the step takes of gradients as the backward pass ``left`` them, whose norm together is ``norm``."""
    scale = told.loss_scale or 1.0
    if told.loss_scale is not None and not math.isfinite(norm):
        return AtStep(left, "the gradient scaler skips a step whose gradients are not finite", skipped=True)
    if told.gradients is GradientChange.CLAMPED:
        return AtStep({path: g.clamp(-told.amount, told.amount) for path, g in left.items()})
    if told.gradients is GradientChange.SCALED and norm == told.norm:
        return AtStep(_scaled(left, told.amount))
    beyond = told.amount * scale - 1
    if told.gradients is GradientChange.SCALED and (clipping is None or beyond > _ALIKE):
        note = f"gradients were multiplied by {1 + beyond:.4g} between backward and step, as these are too"
        return AtStep(_scaled(left, told.amount), note if abs(beyond) > _ALIKE else "")
    if told.gradients is GradientChange.NONE and norm == told.norm:
        return AtStep(_scaled(left, 1 / scale))  # a fused step divides by the scale itself
    factor = 1.0 if clipping is None or not math.isfinite(norm) else clipping.factor(norm / scale)
    note = ""
    if told.gradients is GradientChange.OTHER:
        note = "gradients were changed between backward and step; the step takes them as backward left them"
    elif clipping is not None and factor < 1 and not math.isclose(norm, told.norm, rel_tol=_ALIKE):
        note = f"gradients are clipped to the norm {clipping.most:.4g}, as in other snapshots"
    return AtStep(_scaled(left, factor / scale), note)


def _scaled(gradients: Mapping[str, Tensor], factor: float) -> Mapping[str, Tensor]:
    return gradients if factor == 1 else {path: g * factor for path, g in gradients.items()}
