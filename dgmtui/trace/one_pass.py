"""What is recorded of a tensor in one pass over its memory, where the kernel in C could be built.

An installation without a compiler has no kernel; tensors elsewhere than in the CPU's memory, of other dtypes or strides
have none either. Every function then gives None, and the caller goes operation by operation.
"""

import struct
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

try:
    from dgmtui.trace import _one_pass as kernel
except ImportError:
    kernel = None  # type: ignore[assignment]
else:  # other classes may keep their numbers elsewhere than they say
    kernel.know(Tensor, nn.Parameter, torch.float32, torch.float64, torch.strided, torch.channels_last)

_STATISTICS = 9
_HEAD = struct.Struct("=Qqq")
"""After the statistics: the sum of bits, how many elements, how many series."""
_HEAD_AT = _STATISTICS * 8
_SERIES_AT = _HEAD_AT + _HEAD.size


class Measured(NamedTuple):
    """A tensor of U units whose elements are all finite."""

    statistics: NDArray[np.float64]
    """``[9]`` in the order of ``STATISTICS``."""
    series: NDArray[np.float32]
    """``[3, U]``: mean, root mean square and share of zeros of each unit; ``[1, U]``: its norm."""
    bits_sum: int
    """Of the tensor's bits, modulo 2³² or 2⁶⁴."""
    size: int
    """Elements."""


def is_built() -> bool:
    """Whether there is a kernel."""
    return kernel is not None


def take(
    tensor: Tensor, axis: int | None = None, *, less: Tensor | None = None, renew: bool = False, norms: bool = False
) -> bytes | None:
    """Measure a float32 or float64 tensor with its units along ``axis``; None: one unit.

    Args:
        less: of the same shape: what is measured is ``tensor - less``.
        renew: ``less`` becomes ``tensor`` by the way.
        norms: each unit's L2 norm instead of mean, root mean square and share of zeros.

    Returns:
        What ``read`` reads: a single object, as most of what is measured is never looked at. None where the kernel
        can't take the tensor, or not all of it is finite.
    """
    return None if kernel is None else kernel.measure(tensor, axis, less, renew, norms)


def read(taken: bytes) -> Measured:
    """What was measured; the arrays can't be written to."""
    bits_sum, size, rows = _HEAD.unpack_from(taken, _HEAD_AT)
    series = np.frombuffer(taken, np.float32, offset=_SERIES_AT).reshape(rows, -1)
    return Measured(np.frombuffer(taken, np.float64, _STATISTICS), series, bits_sum, size)


def bits_sum_in(taken: bytes) -> int:
    """The sum of bits alone."""
    bits_sum: int = _HEAD.unpack_from(taken, _HEAD_AT)[0]
    return bits_sum


def measure(
    tensor: Tensor, axis: int | None = None, *, less: Tensor | None = None, renew: bool = False, norms: bool = False
) -> Measured | None:
    """``take`` and ``read``."""
    taken = take(tensor, axis, less=less, renew=renew, norms=norms)
    return None if taken is None else read(taken)


def is_finite(tensor: Tensor) -> bool | None:
    """Whether every element is finite; None where the kernel can't take it."""
    return None if kernel is None else kernel.is_finite(tensor)


def bits_sum(tensor: Tensor) -> int | None:
    """The sum of the elements' bits, modulo 2³² or 2⁶⁴; None where the kernel can't take it."""
    return None if kernel is None else kernel.bits_sum(tensor)
