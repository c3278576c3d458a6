"""One streaming pass over ``[T, N]`` that keeps each chart column's extremes of every series."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

COLUMNS = 32
BLOCK_UNITS = 8192
BLOCK_BYTES = 4 << 20


class SeriesLike(Protocol):
    """A NumPy array, an HDF5 dataset or what slices like them."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    def __getitem__(self, key: Any, /) -> Any: ...


@dataclass(frozen=True)
class Sketch:
    """The extremes of every series in each chart column."""

    extremes: NDArray[np.floating]
    """``[2C, N]``: C rows of minima, then C of maxima, in the series' unit; NaN or infinite where a value is."""
    edges: NDArray[np.int64]
    """``[C + 1]``: column j holds the rows ``edges[j]`` to ``edges[j + 1]`` (exclusive)."""


def column_edges(start: int, stop: int, columns: int = COLUMNS) -> NDArray[np.int64]:
    """Edges of at most ``columns`` columns of one row or more over the rows ``[start, stop)``."""
    rows = stop - start
    count = min(columns, rows)
    return start + np.arange(count + 1, dtype=np.int64) * rows // count


def working_dtype(dtype: Any) -> type[np.float32] | type[np.float64]:
    """The float type that holds every value of ``dtype`` in range."""
    kind = np.dtype(dtype)
    small = kind.kind == "f" and kind.itemsize <= 4
    return np.float32 if small or (kind.kind in "iub" and kind.itemsize <= 2) else np.float64


def sketch(series: SeriesLike, start: int, stop: int) -> Sketch:
    """Reduce the rows ``[start, stop)`` in storage order; memory does not depend on their number.

    ``minimum`` and ``maximum`` propagate NaN, so every non-finite value shows in the extremes at no further cost.
    """
    edges = column_edges(start, stop)
    count, dtype = len(edges) - 1, working_dtype(series.dtype)
    extremes = np.empty((2 * count, series.shape[1]), dtype)
    extremes[:count], extremes[count:] = np.inf, -np.inf
    for row, column, block in blocks(series, start, stop, dtype):
        units = slice(column, column + block.shape[1])
        first = int(np.searchsorted(edges, row, "right")) - 1
        last = int(np.searchsorted(edges, row + len(block), "left"))
        for j in range(first, last):
            part = block[max(edges[j] - row, 0) : edges[j + 1] - row]
            low, high = extremes[j, units], extremes[count + j, units]
            np.minimum(low, part.min(axis=0), out=low)
            np.maximum(high, part.max(axis=0), out=high)
    return Sketch(extremes, edges)


def blocks(
    series: SeriesLike, start: int, stop: int, dtype: type[np.floating], units: tuple[int, int] | None = None
) -> Iterator[tuple[int, int, NDArray[np.floating]]]:
    """First row, first unit and values of each block, by rows and then units, aligned to the chunks of a dataset."""
    left, right = units or (0, series.shape[1])
    chunk_rows, chunk_units = (getattr(series, "chunks", None) or (1, 1))[:2]
    width = max(chunk_units, BLOCK_UNITS // chunk_units * chunk_units)
    height = BLOCK_BYTES // (min(width, max(right - left, 1)) * np.dtype(dtype).itemsize)
    height = max(chunk_rows, height // chunk_rows * chunk_rows)
    row = start
    while row < stop:
        end = min(stop, (row // height + 1) * height)
        for column in range(left, right, width):
            yield row, column, np.asarray(series[row:end, column : min(column + width, right)], dtype)
        row = end


def first_nonfinite(series: SeriesLike, made: Sketch) -> list[tuple[int, int]]:
    """Index and absolute row of the first non-finite value of each series that has one, by index.

    Reads again only the column where it happened, and only near the series concerned.
    """
    count = len(made.edges) - 1
    bad = np.zeros((count, made.extremes.shape[1]), bool)
    for j in range(count):
        bad[j] = ~(np.isfinite(made.extremes[j]) & np.isfinite(made.extremes[count + j]))
    indices = np.flatnonzero(bad.any(axis=0))
    columns = bad[:, indices].argmax(axis=0)
    found: dict[int, int] = {}
    for j in np.unique(columns):
        wanted = indices[columns == j]
        for group in np.split(wanted, np.flatnonzero(np.diff(wanted // BLOCK_UNITS)) + 1):
            found.update(_search(series, int(made.edges[j]), int(made.edges[j + 1]), group))
    return sorted(found.items())


def _search(series: SeriesLike, start: int, stop: int, wanted: NDArray[np.int64]) -> dict[int, int]:
    left = int(wanted[0])
    found: dict[int, int] = {}
    dtype = working_dtype(series.dtype)
    for row, column, block in blocks(series, start, stop, dtype, (left, int(wanted[-1]) + 1)):
        here = wanted[(wanted >= column) & (wanted < column + block.shape[1])]
        bad = ~np.isfinite(block[:, here - column])
        for i in np.flatnonzero(bad.any(axis=0)):
            found.setdefault(int(here[i]), row + int(bad[:, i].argmax()))
    return found
