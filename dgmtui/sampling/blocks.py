"""Reading ``[R, U]`` in storage order, a little at a time and into the same memory."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.population import SeriesLike

BLOCK_BYTES = 2 << 20
"""So much is worked on at a time: what stays in a core's cache."""
DIRECT_BYTES = range(16 << 10, 8 << 20)
"""Chunks of this size are taken as they lie in the file; many smaller ones are read faster together."""
TOGETHER_BYTES = 1 << 20

ChunkReader: TypeAlias = "Callable[[int, int, NDArray[np.float32]], bool]"
"""Reads the chunk that begins at a row and a unit into memory of its shape; False where it does not lie there as is."""
Tile: TypeAlias = "tuple[int, int, NDArray[np.floating]]"
"""First row, first unit and values ``[G, r, n]``: G neighbours of n units each, in r rows. Valid until the next."""


def tiles(
    series: SeriesLike, start: int, stop: int, dtype: type[np.floating], units: tuple[int, int] | None = None
) -> Iterator[Tile]:
    """The rows from ``start`` up to and without ``stop``, by rows and then units.

    Args:
        units: from, up to and without; all where None.
    """
    left, right = units or (0, int(series.shape[1]))
    rows, width = (getattr(series, "chunks", None) or (1, 1))[:2]
    reader: ChunkReader | None = getattr(series, "read_chunk", None)
    if reader is not None and dtype is np.float32 and rows * width * 4 in DIRECT_BYTES:
        yield from _chunks(series, reader, (rows, width), (start, stop), (left, right))
    else:
        yield from _slices(series, (rows, width), (start, stop), (left, right), dtype)


def _chunks(
    series: SeriesLike,
    reader: ChunkReader,
    chunk: tuple[int, int],
    between: tuple[int, int],
    units: tuple[int, int],
) -> Iterator[Tile]:
    rows, width = chunk
    buffer = np.empty((max(1, TOGETHER_BYTES // (rows * width * 4)), rows, width), np.float32)
    for top in range(between[0] // rows * rows, between[1], rows):
        inside = max(top, between[0]), min(top + rows, between[1])
        yield from _band(series, reader, buffer, top, inside, units)


def _band(
    series: SeriesLike,
    reader: ChunkReader,
    buffer: NDArray[np.float32],
    top: int,
    inside: tuple[int, int],
    units: tuple[int, int],
) -> Iterator[Tile]:
    """A band of chunks, whole ones together: a call on a few thousand values takes longer than the values do."""
    (row, end), width, held = inside, buffer.shape[2], 0
    rows = slice(row - top, end - top)
    for edge in range(units[0] // width * width, units[1], width):
        unit, last = max(edge, units[0]), min(edge + width, units[1])
        if last - unit == width and held < len(buffer) and reader(top, edge, buffer[held]):
            held += 1
            continue
        if held:
            yield row, edge - held * width, buffer[:held, rows]
        held = 0
        if not reader(top, edge, buffer[0]):
            yield row, unit, np.asarray(series[row:end, unit:last], np.float32)[None]
        elif last - unit == width:
            held = 1
        else:
            yield row, unit, buffer[:1, rows, unit - edge : last - edge]
    if held:
        yield row, last - held * width, buffer[:held, rows]


def _slices(
    series: SeriesLike,
    chunk: tuple[int, int],
    between: tuple[int, int],
    units: tuple[int, int],
    dtype: type[np.floating],
) -> Iterator[Tile]:
    rows, width = chunk
    across = max(width, 8192 // width * width)
    size = min(across, max(units[1] - units[0], 1)) * np.dtype(dtype).itemsize
    high = max(rows, BLOCK_BYTES // size // rows * rows)
    for top in range(between[0] // high * high, between[1], high):
        row, end = max(top, between[0]), min(top + high, between[1])
        for unit in range(units[0], units[1], across):
            yield row, unit, np.asarray(series[row:end, unit : min(unit + across, units[1])], dtype)[None]
