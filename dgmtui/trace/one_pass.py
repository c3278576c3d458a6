"""What is recorded of a tensor in one pass over its memory, where the kernel in C could be built.

An installation without a compiler has no kernel; tensors elsewhere than in the CPU's memory, of other dtypes or strides
have none either. Every function then gives None, and the caller goes operation by operation.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

try:
    from dgmtui.trace import _one_pass as kernel
except ImportError:
    kernel = None  # type: ignore[assignment]

_DTYPES = frozenset({torch.float32, torch.float64})
_PLAIN = (Tensor, nn.Parameter)
"""Other classes may keep their numbers elsewhere than they say."""


class Measured(NamedTuple):
    """A tensor of U units whose elements are all finite."""

    statistics: NDArray[np.float64]
    """``[9]`` in the order of ``STATISTICS``."""
    series: NDArray[np.float32]
    """``[3, U]``: mean, root mean square and share of zeros of each unit; ``[1, U]``: its norm."""
    bits_sum: int
    """Of the tensor's bits, modulo 2³² or 2⁶⁴."""


def is_built() -> bool:
    """Whether there is a kernel."""
    return kernel is not None


def measure(
    tensor: Tensor, axis: int | None = None, *, less: Tensor | None = None, renew: bool = False, norms: bool = False
) -> Measured | None:
    """Measure a float32 or float64 tensor with its units along ``axis``; None: one unit.

    Args:
        less: of the same shape: what is measured is ``tensor - less``.
        renew: ``less`` becomes ``tensor`` by the way.
        norms: each unit's L2 norm instead of mean, root mean square and share of zeros.

    Returns:
        None where the kernel can't take it, or not all of it is finite.
    """
    if not takes(tensor) or (less is not None and not _alike(less, tensor)):
        return None
    shape: tuple[int, ...] = tensor.shape
    if not tensor.is_contiguous():
        if axis != 1 or not _is_dense(tensor):
            return None
        shape = tensor.numel() // shape[1], shape[1]  # channels last
    units = 1 if axis is None else shape[axis]
    statistics, series = np.empty(9), np.empty((1 if norms else 3, units), np.float32)
    subtracted = 0 if less is None else less.data_ptr()
    wide = tensor.dtype is not torch.float32
    bits_sum = kernel.measure(tensor.data_ptr(), subtracted, shape, axis, wide, norms, renew, statistics, series)
    return None if bits_sum is None else Measured(statistics, series, bits_sum)


def is_finite(tensor: Tensor) -> bool | None:
    """Whether every element is finite; None where the kernel can't take it."""
    if not takes(tensor) or not _is_dense(tensor):
        return None
    return kernel.is_finite(tensor.data_ptr(), tensor.numel(), tensor.dtype == torch.float64)


def bits_sum(tensor: Tensor) -> int | None:
    """The sum of the elements' bits, modulo 2³² or 2⁶⁴; None where the kernel can't take it."""
    if not takes(tensor) or not _is_dense(tensor):
        return None
    return kernel.bits_sum(tensor.data_ptr(), tensor.numel(), tensor.dtype == torch.float64)


def takes(tensor: Tensor) -> bool:
    """Whether the kernel knows such tensors."""
    return (
        kernel is not None
        and tensor.dtype in _DTYPES
        and type(tensor) in _PLAIN
        and tensor.is_cpu
        and tensor.layout == torch.strided
        and not tensor.is_neg()
        and tensor.numel() > 0
    )


def _alike(a: Tensor, b: Tensor) -> bool:
    return takes(a) and a.dtype == b.dtype and a.shape == b.shape and a.stride() == b.stride()


def _is_dense(tensor: Tensor) -> bool:
    return tensor.is_contiguous() or (tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last))
