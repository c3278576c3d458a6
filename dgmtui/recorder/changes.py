"""What was done to gradients between the backward pass and the step: nothing, clipped, unscaled, or something else."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from dgmtui.recording.model import GradientChange
from dgmtui.trace.verify import same_bits

_NEAR = 1e-5
"""Two multiplications, as unscaling and clipping are, round twice."""


def change_of(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> tuple[GradientChange, float]:
    """What made ``after`` of ``before``, both by path, and by how much."""
    if not after or any(path not in before for path in after):
        return GradientChange.UNKNOWN, 1.0
    pairs = [(before[path], gradient) for path, gradient in after.items()]
    if any(old.shape != new.shape or old.dtype != new.dtype for old, new in pairs):
        return GradientChange.OTHER, 1.0
    if all(same_bits(old, new) for old, new in pairs):
        return GradientChange.NONE, 1.0
    factor = _factor(pairs)
    if factor is not None:
        return GradientChange.SCALED, factor
    bound = max((float(new.abs().max()) for _, new in pairs if new.numel()), default=0.0)
    if math.isfinite(bound) and all(torch.equal(old.clamp(-bound, bound), new) for old, new in pairs):
        return GradientChange.CLAMPED, bound
    return GradientChange.OTHER, 1.0


def _factor(pairs: list[tuple[Tensor, Tensor]]) -> float | None:
    """The one number that all were multiplied by, such that every bit comes out, else as near as rounding allows."""
    old, new = max(pairs, key=lambda pair: float(pair[0].abs().max()) if pair[0].numel() else 0.0)
    at = int(old.abs().argmax()) if old.numel() else 0
    if not old.numel() or old.is_complex() or not float(old.flatten()[at]):
        return None
    ratio = (new.flatten()[at].double() / old.flatten()[at].double()).to(old.dtype)
    if not bool(torch.isfinite(ratio)) or not float(ratio):
        return None
    steps = [torch.nextafter(ratio, torch.full_like(ratio, way)) for way in (-math.inf, math.inf)]
    for factor in (ratio, *steps):
        if all(torch.equal(each * factor, after) for each, after in pairs):
            return float(factor)
    near = all(torch.allclose(each * ratio, after, rtol=_NEAR, atol=0) for each, after in pairs)
    return float(ratio) if near else None
