"""A straight line through the last rows before each of many points, robust, and when it arrives at a level."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """One line a point, through the rows up to and with it."""

    at: NDArray[np.int64]
    """``[P]``, the row of each point."""
    slope: Numbers
    """``[P]``, change an iteration: the median over all pairs of rows (Theil 1950, Sen 1968)."""
    least: Numbers
    """``[P]``, the lower end of the slope's interval, from the distribution of Kendall's statistic (Sen 1968, §4);
    or the slope of the later half of the rows, where that lies outside."""
    most: Numbers
    level: Numbers
    """``[P]``, of the line at the point."""
    noise: Numbers
    """``[P]``, standard deviation of the rows around the line, robust."""


def lines(iterations: Numbers, values: Numbers, window: int, points: NDArray[np.int64], sigmas: float) -> Lines:
    """Theil–Sen lines through the last ``window`` rows at each of some rows (at least ``window - 1``).

    Args:
        iterations, values: ``[R]``, finite.
        sigmas: half the width of a slope's interval, in standard deviations.
    """
    slopes, x, y = _pairs(iterations, values, window, points)
    pairs = slopes.shape[1]
    half = sigmas * np.sqrt(window * (window - 1) * (2 * window + 5) / 18)
    low, high = int(max(0, (pairs - half) / 2)), int(min(pairs - 1, (pairs + half) / 2 + 1))
    slope = np.median(slopes, axis=1)
    latest = np.median(_pairs(iterations, values, window // 2, points)[0], axis=1)
    least, most = np.minimum(slopes[:, low], latest), np.maximum(slopes[:, high], latest)
    off = y - slope[:, None] * (x - x[:, -1:])
    level = np.median(off, axis=1)
    noise = 1.4826 * np.median(np.abs(off - level[:, None]), axis=1)
    return Lines(points, slope, least, most, level, noise)


def _pairs(
    iterations: Numbers, values: Numbers, window: int, points: NDArray[np.int64]
) -> tuple[Numbers, Numbers, Numbers]:
    """``[P, pairs]``, the slopes of all pairs of rows, ascending; ``[P, window]``, their iterations and values."""
    rows = points[:, None] + np.arange(1 - window, 1)
    x, y = iterations[rows], values[rows]
    i, j = np.triu_indices(window, 1)
    slopes = (y[:, j] - y[:, i]) / (x[:, j] - x[:, i])
    slopes.sort(axis=1)
    return slopes, x, y
