"""What all series do, as sparse dots beneath the picked lines: how many pass a place, or bands of percentiles."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.braille import Raster, pack
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop

_DITHER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 + 1 / 32
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
    dots = np.zeros((tall, wide), bool)
    if backdrop.density is not None:
        dots = _density_dots(greatest(backdrop.density, columns, tall))
    elif backdrop.bands is not None:
        dots = _band_dots(axis.position(backdrop.bands[:, columns]), tall)
    dots[:, (at < backdrop.edges[0]) | (at >= backdrop.edges[-1])] = False
    return pack(dots)


def lay_beneath(raster: Raster, cells: NDArray[np.uint8], kind: int) -> None:
    """Show ``cells`` where no line is."""
    shown = (raster.cells == 0) & (cells > 0)
    raster.cells[shown] = cells[shown]
    raster.kinds[shown] = kind


def density_shares(density: NDArray[np.uint32], columns: NDArray[np.intp], rows: int) -> NDArray[np.float32]:
    """``[rows, len(columns)]``, in [0, 1]: how many series pass, by its logarithm; arguments as of ``greatest``."""
    counts = greatest(density, columns, rows)
    shares: NDArray[np.float32] = np.log1p(counts, dtype=np.float32)
    shares /= np.log1p(max(int(counts.max(initial=0)), 1))
    return shares


def greatest(density: NDArray[np.uint32], columns: NDArray[np.intp], rows: int) -> NDArray[np.uint32]:
    """``[rows, len(columns)]``, top row first: the greatest count of the places that each stands for.

    A sum would count a series once for each place that it passes, and a mean would lose what is narrow.

    Args:
        density: ``[C, heights]``, lowest first.
        columns: ``[n]``, ascending: the first of ``density`` that each column stands for.
    """
    counts = np.maximum.reduceat(density, np.arange(rows) * density.shape[1] // rows, axis=1)
    found: NDArray[np.uint32] = np.maximum.reduceat(counts, columns, axis=0).T[::-1]
    return found


def _density_dots(counts: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """A share of the dots by the logarithm of the count: compared with what each place of the dither asks for."""
    most = max(int(counts.max(initial=0)), 1)
    asked: NDArray[np.floating] = np.expm1(_DITHER / _DENSEST * np.log1p(most))
    dots: NDArray[np.bool_] = counts > _tiled(asked, counts.shape)
    return dots


def _band_dots(heights: NDArray[np.float32], rows: int) -> NDArray[np.bool_]:
    """``heights`` ``[5, n]`` in [0, 1] or NaN: sparse dots, denser in the inner band, and the median's dashes."""
    places = np.where(np.isnan(heights), -2.0, np.rint((1.0 - heights) * (rows - 1)))
    row = np.arange(rows)[:, None]
    outer = (row >= places[4]) & (row <= places[0])
    inner = (row >= places[3]) & (row <= places[1])
    dither = _tiled(_DITHER, (rows, heights.shape[1]))
    median = (row == places[2]) & (np.arange(heights.shape[1]) // _DASH % 2 == 0)
    dots: NDArray[np.bool_] = (outer & (dither < _OUTER) | inner & (dither < _INNER)) & ~_around(median) | median
    return dots


def _tiled(square: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.floating]:
    return np.tile(square, (-(-shape[0] // 4), -(-shape[1] // 4)))[: shape[0], : shape[1]]


def _around(dots: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """``dots`` and those above and below them."""
    near = dots.copy()
    near[1:] |= dots[:-1]
    near[:-1] |= dots[1:]
    return near
