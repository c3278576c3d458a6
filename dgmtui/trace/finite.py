"""Quick looks for non-finite values."""

import torch
from torch import Tensor


def is_finite(t: Tensor) -> bool:
    """Whether ``t`` holds no NaN and no Inf; integers and booleans never do. One pass where that is so."""
    if not (t.is_floating_point() or t.is_complex()) or not t.numel() or t.device.type == "meta":
        return True
    if t.layout != torch.strided:
        t = t.coalesce().values() if t.layout == torch.sparse_coo else t.to_dense()
    if t.dtype in (torch.float32, torch.float64) and bool(torch.isfinite(t.sum())):
        return True  # a finite sum has finite terms
    return bool(torch.isfinite(t).all())


def nonfinite_mask(t: Tensor) -> Tensor:
    """Where ``t`` is NaN or Inf, a boolean tensor of its shape."""
    return ~torch.isfinite(t) if t.is_floating_point() or t.is_complex() else torch.zeros_like(t, dtype=torch.bool)


def benign(t: Tensor) -> Tensor:
    """``t`` with a finite value of its own (0 if it has none) in the place of every non-finite one."""
    if is_finite(t):
        return t
    bad = nonfinite_mask(t)
    finite = t[~bad]
    return t.masked_fill(bad, finite[0].item() if finite.numel() else 0)
