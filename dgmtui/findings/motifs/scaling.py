"""Series made comparable: holes filled, magnitudes in logarithms, what is signed in units of its own spread."""

import numpy as np
from numpy.typing import NDArray

BELOW = np.float32(1e-3)
"""Magnitudes below this share of a series' median are as good as zero: there its logarithm turns linear."""
SPREADS = np.float32(30.0)
"""What is signed is linear within so many of its own spreads around its median, logarithmic beyond."""
LARGE = np.float32(1e36)
"""What is larger counts as this: sums and spreads of it stay finite."""
RESOLUTION = np.float32(1e-6)
"""Relative; some ten times that of float32 (2^-24): smaller changes are rounding."""


def filled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[S, R]`` with the last finite value in place of what is not, or the first where there is none before."""
    finite = np.isfinite(values)
    if finite.all():
        return np.clip(values, -LARGE, LARGE)
    rows = np.where(finite, np.arange(values.shape[1]), -1)
    np.maximum.accumulate(rows, axis=1, out=rows)
    first = np.where(finite.any(axis=1), finite.argmax(axis=1), 0)
    rows = np.where(rows < 0, first[:, None], rows)
    taken = np.take_along_axis(values, rows, axis=1)
    return np.clip(np.where(np.isfinite(taken), taken, np.float32(0)), -LARGE, LARGE)


def scaled(values: NDArray[np.float32], signed: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``[S, R]`` finite values on a scale where noise is about as large everywhere, and ``[S, 1]`` what a change must
    exceed there not to be rounding."""
    return _spread_out(values) if signed else _logarithmic(values)


def _logarithmic(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    size = np.abs(values)
    middle = np.median(size, axis=1, keepdims=True)
    middle = np.where(middle > 0, middle, size.max(axis=1, keepdims=True))
    unit = np.where(middle > 0, middle * BELOW, np.float32(1))
    with np.errstate(over="ignore"):
        scale = np.log(np.minimum(size / unit, LARGE) + 1)
    return scale, np.full_like(unit, RESOLUTION)


def _spread_out(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    middle = np.median(values, axis=1, keepdims=True)
    off = values - middle
    size = np.abs(off)
    spread = np.median(size, axis=1, keepdims=True) * np.float32(1.4826)
    spread = np.where(spread > 0, spread, size.max(axis=1, keepdims=True))
    unit = np.where(spread > 0, spread, np.float32(1)) * SPREADS
    scale = np.sign(off) * np.log(size / unit + 1)
    return scale, (RESOLUTION * (1 + np.abs(middle / unit))).astype(np.float32)
