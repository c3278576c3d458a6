"""Many polylines as braille cells, by columns instead of by points.

A polyline that crosses one column of dots covers, in it, the span from its lowest to its highest point there. So a
chart is one span a line and column, whatever the number of points, and spans are painted all at once: +1 where one
begins, -1 behind its end, and a running sum down the column.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EMPTY = 0
"""Kind of a cell that no line crosses."""

_DOT = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
_GLYPHS = [" "] + [chr(0x2800 + bits) for bits in range(1, 256)]


@dataclass(frozen=True)
class Raster:
    """A picture in braille cells of 2 × 4 dots."""

    cells: NDArray[np.uint8]
    """``[height, width]``: the dots that are set, as in U+2800 + cell."""
    kinds: NDArray[np.uint8]
    """``[height, width]``: the greatest kind among the lines that cross a cell; 0 where none does."""

    def row(self, y: int) -> str:
        """One row as characters; an empty cell is a space, a third of the bytes of an empty braille cell."""
        return "".join([_GLYPHS[bits] for bits in self.cells[y].tolist()])


def column_spans(
    heights: NDArray[np.float32], positions: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The lowest and highest point of each polyline within each column of dots.

    ``heights`` ``[K, T]`` in [0, 1] or NaN; ``positions`` ``[T]`` in [0, 1], not decreasing. Column ``c`` reaches from
    ``c - ½`` to ``c + ½`` with the points spread over ``[0, columns - 1]``. Returns two ``[columns, K]``
    float32 arrays, NaN where a line does not cross a column. A segment with a non-finite end is not drawn.
    """
    points = np.ascontiguousarray(heights.T)
    x: NDArray[np.float64] = positions * (columns - 1)
    bounds = np.arange(columns + 1, dtype=np.float64) - 0.5
    starts = np.searchsorted(x, bounds)
    crossings = _crossings(points, x, bounds, starts)
    least, greatest = (np.fmin, np.fmax) if np.isnan(points).any() else (np.minimum, np.maximum)
    low, high = points[inside := np.minimum(starts[:-1], len(x) - 1)], points[inside]
    counts = np.diff(starts)
    for step in range(1, int(counts.max(initial=0))):
        more = points[inside + np.minimum(step, np.maximum(counts - 1, 0))]
        least(low, more, out=low)
        greatest(high, more, out=high)
    low[counts == 0] = high[counts == 0] = np.nan
    for edge in (crossings[:-1], crossings[1:]):
        np.fmin(low, edge, out=low)
        np.fmax(high, edge, out=high)
    return low, high


def rasterise(
    heights: NDArray[np.float32],
    positions: NDArray[np.float64],
    width: int,
    height: int,
    kinds: NDArray[np.uint8] | None = None,
    thick: int = 0,
) -> Raster:
    """Draw polylines into ``width`` × ``height`` cells.

    ``heights`` ``[K, T]`` in [0, 1] (0 the bottom) or NaN; ``positions`` ``[T]`` in [0, 1], not decreasing; ``kinds``
    ``[K]`` of 1 and more, all 1 where None: of the kinds in a cell the greatest shows. Lines of the kind ``thick``
    are a dot thicker above and below, and alone in their cells.
    """
    raster = Raster(np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8))
    if not heights.size or not width or not height:
        return raster
    low, high = column_spans(heights, positions, width * 2)
    tops, bottoms = _dots(low, high, height * 4)
    of = np.ones(len(heights), np.uint8) if kinds is None else kinds
    for kind in sorted(set(of.tolist())):
        chosen = of == kind
        above, below = tops[:, chosen], bottoms[:, chosen]
        if kind == thick:
            above, below = _thickened(above, below, height * 4)
        cells = _paint(above, below, width, height)
        raster.kinds[cells > 0] = kind
        raster.cells[(cells > 0) & (kind == thick)] = 0
        np.bitwise_or(raster.cells, cells, out=raster.cells)
    return raster


def pack(dots: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """``[4 · height, 2 · width]`` dots as cells ``[height, width]``."""
    set_dots = dots.astype(np.uint8).reshape(len(dots) // 4, 4, -1, 2)
    cells = np.zeros((len(dots) // 4, dots.shape[1] // 2), np.uint8)
    for y in range(4):
        for x in range(2):
            cells |= set_dots[:, y, :, x] * _DOT[y, x]
    return cells


def _crossings(
    points: NDArray[np.float32], x: NDArray[np.float64], bounds: NDArray[np.float64], right: NDArray[np.intp]
) -> NDArray[np.float32]:
    """``[len(bounds), K]``: where each polyline crosses each boundary between columns; NaN outside its points."""
    crossings = np.full((len(bounds), points.shape[1]), np.nan, np.float32)
    between = (right > 0) & (right < len(x))
    after = right[between]
    share = ((bounds[between] - x[after - 1]) / (x[after] - x[after - 1])).astype(np.float32)[:, None]
    crossings[between] = points[after - 1] * (1.0 - share) + points[after] * share
    return crossings


def _dots(
    low: NDArray[np.floating], high: NDArray[np.floating], rows: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of dots, 0 the top; an absent span ends before it begins, below the chart, and so paints nothing."""
    absent = np.isnan(low)
    tops = np.where(absent, rows, np.rint((1.0 - high) * (rows - 1)))
    bottoms = np.where(absent, rows - 1, np.rint((1.0 - low) * (rows - 1)))
    return tops.astype(np.intp), bottoms.astype(np.intp)


def _paint(tops: NDArray[np.intp], bottoms: NDArray[np.intp], width: int, height: int) -> NDArray[np.uint8]:
    """Spans of dots ``[columns, K]`` as cells ``[height, width]``."""
    wide, size = width * 2, (height * 4 + 1) * width * 2
    columns = np.arange(wide)[:, None]
    begins = np.bincount((tops * wide + columns).ravel(), minlength=size)
    ends = np.bincount(((bottoms + 1) * wide + columns).ravel(), minlength=size)
    depth = np.cumsum((begins - ends).reshape(height * 4 + 1, wide)[:-1], axis=0, dtype=np.int32)
    return pack(depth > 0)


def _thickened(
    tops: NDArray[np.intp], bottoms: NDArray[np.intp], rows: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Spans a dot longer at both ends; an absent one stays so."""
    there = tops <= bottoms
    return (
        np.where(there, np.maximum(tops - 1, 0), tops),
        np.where(there, np.minimum(bottoms + 1, rows - 1), bottoms),
    )
