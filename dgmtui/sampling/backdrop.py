"""What all finite series do, beneath the few that are drawn: how many pass a place, and where most of them lie."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.scale import BLOCK, HEIGHT, Scale
from dgmtui.sampling.sketch import Columns

HEIGHTS = int(HEIGHT)
BANDS = (5, 25, 50, 75, 95)
"""Percentiles."""
BAND_SERIES = 20_000
"""More than so many series are not all looked at for percentiles: their error is below half a percentile then."""


def density(made: Columns, scale: Scale) -> NDArray[np.uint32]:
    """``[C, 200]``: how many finite series pass each height of the chart in each column; ``[:, 0]`` is the lowest.

    What lies beyond the chart is not counted.
    """
    columns = len(made.extremes) // 2
    change = np.zeros((columns, HEIGHTS + 1), np.int64)
    for left in range(0, len(made.usable), BLOCK):
        block = made.extremes[:, left : left + BLOCK]
        usable = made.usable[left : left + BLOCK]
        _count(block if usable.all() else block[:, usable], scale, change)
    return np.cumsum(change[:, :-1], axis=1).astype(np.uint32)


def _count(extremes: NDArray[np.floating], scale: Scale, change: NDArray[np.int64]) -> None:
    """Add the series ``[2C, n]``: one where each begins, and less one above where it ends."""
    columns, width = change.shape
    low, high = np.split(np.minimum(scale.dots(extremes).astype(np.int32), HEIGHTS - 1), 2)
    inside = (extremes[:columns] <= scale.high) & (extremes[columns:] >= scale.low)
    base = np.arange(columns, dtype=np.int32)[:, None] * width
    for rows, sign in ((low, 1), (high + 1, -1)):
        change += sign * np.bincount((base + rows)[inside], minlength=change.size).reshape(change.shape)


def bands(made: Columns) -> NDArray[np.float32]:
    """``[5, C]``: percentiles ``BANDS`` of the finite series' middles in each column; NaN where there are none."""
    columns = len(made.extremes) // 2
    few = np.flatnonzero(made.usable)
    few = few[:: max(1, -(-len(few) // BAND_SERIES))]
    if not len(few):
        return np.full((len(BANDS), columns), np.nan, np.float32)
    chosen = made.extremes[:, few].astype(np.float64)
    middles = chosen[:columns] / 2 + chosen[columns:] / 2
    with np.errstate(over="ignore"):
        return np.percentile(middles, BANDS, axis=1).astype(np.float32)
