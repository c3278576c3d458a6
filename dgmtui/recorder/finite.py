"""Is all of it finite? Asked every iteration, so with one pass over a tensor and one synchronisation in all."""

from collections.abc import Iterable

import torch
from torch import Tensor

from dgmtui.recorder.ranks import local_part
from dgmtui.trace import one_pass


def is_finite(value: float) -> bool:
    """Neither NaN nor infinite."""
    return value - value == 0.0


def any_nonfinite(gradients: Iterable[Tensor]) -> bool:
    """Whether a gradient holds NaN or Inf."""
    others = []
    for gradient in gradients:
        known = one_pass.is_finite(gradient)
        if known is False:
            return True
        if known is None:
            others.append(gradient)
    return bool(others) and _any_by_sums(others)


def _any_by_sums(gradients: Iterable[Tensor]) -> bool:
    """What its sum lets suspect is confirmed element by element."""
    with torch.no_grad():
        plain = [values for values in map(_values, (g.detach() for g in gradients)) if values.is_floating_point()]
        if not plain:
            return False
        sums = [g.sum() for g in plain]
        if any(s.device != sums[0].device or s.dtype != sums[0].dtype for s in sums):
            sums = [s.to(sums[0].device, torch.float32) for s in sums]
        if is_finite(float(torch.stack(sums).sum())):
            return False
        return not all(bool(torch.isfinite(g).all()) for g in plain)


def _values(gradient: Tensor) -> Tensor:
    """The stored numbers: of a sparse gradient those that are there, of a sharded one this rank's."""
    gradient = local_part(gradient)
    return gradient.coalesce().values() if gradient.layout == torch.sparse_coo else gradient
