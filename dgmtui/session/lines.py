"""The drawn series at full resolution, thinned to what a chart can show, on the iterations of all of them together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling import Part, Tell, part_of
from dgmtui.sampling.blocks import tiles

DRAWN_POINTS = 4096
"""Longer series are thinned by each stretch's minimum and maximum, so that no spike is lost."""
BLOCK_VALUES = 1 << 22
"""So many values are held at full resolution."""

Place = tuple[int, int]
"""Part and column."""


@dataclass(frozen=True)
class Grid:
    """Where points are drawn: at every iteration that a drawn part saw, or at two in each stretch of them."""

    union: NDArray[np.int64]
    """``[R]`` iterations, ascending."""
    starts: NDArray[np.int64] | None
    """``[B]`` places in ``union`` where stretches begin; None: every iteration is drawn."""

    @property
    def iterations(self) -> NDArray[np.int64]:
        """``[P]``: of the points."""
        return self.union if self.starts is None else self.union[_places(self.starts, len(self.union))]


def grid_of(parts: Sequence[Part], numbers: Sequence[int], window: tuple[int, int], most: int = DRAWN_POINTS) -> Grid:
    """The grid of the parts ``numbers`` in the iterations of ``window``."""
    seen = [parts[number].iterations[_rows(parts[number], window)] for number in numbers]
    union = np.unique(np.concatenate(seen)) if seen else np.empty(0, np.int64)
    return Grid(union, None if len(union) <= most else _starts(len(union), most))


def read_lines(
    parts: Sequence[Part], places: Sequence[Place], grid: Grid, window: tuple[int, int], tell: Tell | None = None
) -> NDArray[np.float32]:
    """``[P, n]``: the series at ``places`` on the grid; NaN where a part has no row, or did not see them."""
    points = len(grid.union) if grid.starts is None else 2 * len(grid.starts)
    values = np.full((points, len(places)), np.nan, np.float32)
    done = 0
    for number in sorted({number for number, _ in places}):
        at = np.array([i for i, place in enumerate(places) if place[0] == number], np.int64)
        units = np.array([places[i][1] for i in at], np.int64)
        _lay(values, at, parts[number], units, grid, window, part_of(tell, done / len(places), len(at) / len(places)))
        done += len(at)
    return values


def _lay(
    values: NDArray[np.float32],
    at: NDArray[np.int64],
    part: Part,
    units: NDArray[np.int64],
    grid: Grid,
    window: tuple[int, int],
    tell: Tell,
) -> None:
    """Fill the columns ``at`` of ``values``, so many rows at a time; stretches stay whole."""
    rows = _rows(part, window)
    places = np.searchsorted(grid.union, part.iterations[rows])
    bins = places if grid.starts is None else np.searchsorted(grid.starts, places, "right") - 1
    begins = np.flatnonzero(np.diff(bins, prepend=-1))
    most = max(1, BLOCK_VALUES // len(units))
    left = 0
    while left < len(rows):
        right = _whole(begins, left, left + most, len(rows))
        inner = part_of(tell, left / len(rows), (right - left) / len(rows))
        read = _read(part, units, int(rows[left]), int(rows[right - 1]) + 1, inner)[rows[left:right] - rows[left]]
        if grid.starts is None:
            values[np.ix_(bins[left:right], at)] = read
        else:
            cuts = begins[(begins >= left) & (begins < right)]
            low, high = _ends(read, cuts - left)
            values[np.ix_(2 * bins[cuts], at)] = low
            values[np.ix_(2 * bins[cuts] + 1, at)] = high
        left = right


def _whole(begins: NDArray[np.int64], left: int, wanted: int, count: int) -> int:
    """The greatest begin of a stretch up to ``wanted``, else the next: a stretch is never cut."""
    if wanted >= count:
        return count
    before = int(begins[np.searchsorted(begins, wanted, "right") - 1])
    after = int(np.searchsorted(begins, wanted, "right"))
    return before if before > left else int(begins[after]) if after < len(begins) else count


def _read(part: Part, units: NDArray[np.int64], start: int, stop: int, tell: Tell) -> NDArray[np.float32]:
    """``[r, n]``: chunks are read as they lie, each once."""
    out = np.empty((stop - start, len(units)), np.float32)
    width = (getattr(part.series, "chunks", None) or (1, 1024))[1]
    columns = np.unique(units // width)
    for done, column in enumerate(columns):
        tell(done / len(columns))
        mine = np.flatnonzero(units // width == column)
        first, last = int(units[mine].min()), int(units[mine].max())
        for row, _, tile in tiles(part.series, start, stop, np.float32, (first, last + 1)):
            flat = np.moveaxis(tile, 0, 1).reshape(tile.shape[1], -1)
            with np.errstate(over="ignore"):
                out[row - start : row - start + len(flat), mine] = flat[:, units[mine] - first]
    return out


def thin(
    iterations: NDArray[np.int64], values: NDArray[np.float32], most: int = DRAWN_POINTS
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """At most ``most`` points a line: each stretch's minimum and maximum, non-finite where it holds such a value.

    Args:
        iterations: ``[R]``.
        values: ``[R, N]``.
    """
    if len(iterations) <= most:
        return iterations, values
    starts = _starts(len(iterations), most)
    thinned = np.empty((2 * len(starts), values.shape[1]), np.float32)
    thinned[0::2], thinned[1::2] = _ends(values, starts)
    return iterations[_places(starts, len(iterations))], thinned


def _ends(values: NDArray[np.float32], starts: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of each stretch the minimum and the maximum, in the order in which the line goes."""
    low = np.minimum.reduceat(values, starts, axis=0)
    high = np.maximum.reduceat(values, starts, axis=0)
    rising = values[starts] <= values[np.append(starts[1:], len(values)) - 1]
    return np.where(rising, low, high), np.where(rising, high, low)


def _starts(count: int, most: int) -> NDArray[np.int64]:
    return np.arange(most // 2) * count // (most // 2)


def _places(starts: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Of the two points of each stretch."""
    sizes = np.append(starts[1:], count) - starts
    return np.stack([starts, starts + sizes // 2], axis=1).reshape(-1)


def _rows(part: Part, window: tuple[int, int]) -> NDArray[np.int64]:
    """The rows of the window that saw the part."""
    start, stop = np.searchsorted(part.iterations, window)
    rows = np.arange(start, stop)
    return rows if part.absent is None else rows[~part.absent[start:stop]]
