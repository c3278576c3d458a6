"""Whether an operation written out gives what was recorded; if not, its rule does not apply."""

import torch
from torch import Tensor

from dgmtui.credit.rules.passing import Setting
from dgmtui.trace.graph import Node, NodeRef
from dgmtui.trace.tensors import dtype_named

_ROUNDINGS = 256
"""Relative difference that is still rounding, in units of the dtype's own."""


def agrees(written: Tensor, node: Node, setting: Setting) -> bool:
    """Whether ``written`` is the first result of ``node`` up to rounding in the dtype it was computed in."""
    meta = node.outs[0]
    if meta is None or tuple(written.shape) != meta.shape:
        return False
    recorded = setting.value(NodeRef(node.id))
    eps = max(torch.finfo(dtype_named(meta.dtype)).eps, torch.finfo(recorded.dtype).eps)
    largest = float(recorded.abs().max()) if recorded.numel() else 0.0
    return torch.allclose(written, recorded, rtol=_ROUNDINGS * eps, atol=_ROUNDINGS * eps * largest, equal_nan=True)
