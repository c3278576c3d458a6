"""What all series do, as sparse dots beneath the picked lines: how many pass a place, or bands of percentiles."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.braille import pack
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop

_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 + 1 / 32
"""Ordered dither: a share of the dots is set, as evenly as may be."""
_DENSEST = 0.45
"""Share of the dots where most series pass; a line's stroke is denser everywhere."""
_OUTER, _INNER = 0.1, 0.3
"""Share of the dots between the 5th and 95th, and between the 25th and 75th percentile."""
_DASH = 4
"""Columns of dots that the median is drawn for, and then as many that it is not."""


def backdrop_cells(
    backdrop: Backdrop, axis: Axis, iterations: NDArray[np.int64], width: int, height: int
) -> NDArray[np.uint8]:
    """``[height, width]``, the braille dots of each cell of a chart over ``iterations`` ``[T]``."""
    wide, tall = width * 2, height * 4
    if not len(iterations) or len(backdrop.edges) < 2:
        return np.zeros((height, width), np.uint8)
    at = np.linspace(float(iterations[0]), float(iterations[-1]), wide)
    columns = np.clip(np.searchsorted(backdrop.edges, at, side="right") - 1, 0, len(backdrop.edges) - 2)
    shares = np.zeros((tall, wide), np.float32)
    median = np.zeros((tall, wide), bool)
    if backdrop.density is not None:
        shares = density_shares(backdrop.density, columns, tall) * _DENSEST
    elif backdrop.bands is not None:
        shares, median = _band_shares(axis.position(backdrop.bands[:, columns]), tall)
    shares[:, (at < backdrop.edges[0]) | (at >= backdrop.edges[-1])] = 0
    dither = np.tile(_BAYER, (height, -(-wide // 4)))[:, :wide]
    return pack((shares > dither) & ~_around(median) | median)


def density_shares(density: NDArray[np.uint32], columns: NDArray[np.intp], rows: int) -> NDArray[np.float32]:
    """``[rows, len(columns)]``, top row first, in [0, 1]: how many series pass, by its logarithm.

    Each place has the greatest count of those it stands for, so that what is narrow is not lost.

    Args:
        density: ``[C, heights]``, lowest first.
        columns: ``[n]``, ascending: the first of ``density`` that each column stands for.
    """
    counts = np.maximum.reduceat(density, columns, axis=0)
    counts = np.maximum.reduceat(counts, np.arange(rows) * density.shape[1] // rows, axis=1)
    most = int(counts.max(initial=0))
    shares: NDArray[np.float32] = np.log1p(counts.T[::-1], dtype=np.float32)
    shares /= np.log1p(max(most, 1))
    return shares


def _band_shares(heights: NDArray[np.float32], rows: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """``[rows, n]``: the share of dots set, and where the median's dashes are. ``heights`` ``[5, n]`` in [0, 1]."""
    places = np.where(np.isnan(heights), -2.0, np.rint((1.0 - heights) * (rows - 1)))
    row = np.arange(rows)[:, None]
    outer = (row >= places[4]) & (row <= places[0])
    inner = (row >= places[3]) & (row <= places[1])
    dashes = np.arange(heights.shape[1]) // _DASH % 2 == 0
    return (outer * _OUTER + inner * (_INNER - _OUTER)).astype(np.float32), (row == places[2]) & dashes


def _around(dots: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``dots`` and those above and below them."""
    near = dots.copy()
    near[1:] |= dots[:-1]
    near[:-1] |= dots[1:]
    return near
