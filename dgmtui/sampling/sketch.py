"""One streaming pass over a population that keeps the extremes of every series in each stretch of iterations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.blocks import tiles
from dgmtui.sampling.nonfinite import first_bad_iterations
from dgmtui.sampling.population import Part, working_dtype

MOST_COLUMNS = 48

Tell: TypeAlias = Callable[[float], None]
"""Told the share done, in [0, 1]; what it raises stops the work."""


@dataclass(frozen=True)
class Columns:
    """What a sample is chosen from."""

    extremes: NDArray[np.floating]
    """``[2C, N]``: C rows of minima, then C of maxima, in the series' unit; NaN or infinite where a value is."""
    edges: NDArray[np.int64]
    """``[C + 1]`` iterations: column j reaches from ``edges[j]`` up to and without ``edges[j + 1]``."""
    nonfinite: tuple[tuple[int, int], ...]
    """Index and first bad iteration of each series that has one, by index."""
    usable: NDArray[np.bool_]
    """``[N]``: finite throughout, and seen by some row."""
    lowest: NDArray[np.floating]
    """``[N]``: each series' minimum."""
    highest: NDArray[np.floating]
    """``[N]``: its maximum."""


class Sketch:
    """The extremes of a window, grown as rows come.

    A column holds the iterations from a multiple of its step, a power of two, up to the next. So windows over the
    same rows have the same columns, and what was sketched while a run went on equals what is sketched after it.
    ``minimum`` and ``maximum`` propagate NaN: every non-finite value shows in the extremes at no further cost.
    """

    def __init__(self, parts: Sequence[Part], start: int, stop: int) -> None:
        """Nothing is read yet.

        Args:
            start: first iteration.
            stop: the one after the last, as far as is known; ``grow`` moves it.
        """
        self.start, self.stop = start, stop
        self.step = 1
        while _cells(start, stop, self.step) > MOST_COLUMNS:
            self.step *= 2
        self._sizes = [part.units for part in parts]
        self._dtype = working_dtype(parts)
        self._extremes = _nothing(_cells(start, stop, self.step), sum(self._sizes), self._dtype)
        self._filled = np.zeros((len(parts), self._extremes.shape[1]), bool)
        self._read = [int(np.searchsorted(part.iterations, start)) for part in parts]
        self._bad: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        return self._extremes.nbytes

    def grow(self, stop: int) -> None:
        """Make room for iterations up to and without ``stop``."""
        self._let_go()
        self.stop = max(stop, self.stop)
        while _cells(self.start, self.stop, self.step) > MOST_COLUMNS:
            self._coarsen()
        more = _cells(self.start, self.stop, self.step) - self._extremes.shape[1]
        if more > 0:
            new = _nothing(more, sum(self._sizes), self._dtype)
            self._extremes = np.concatenate([self._extremes, new], axis=1)
            self._filled = np.pad(self._filled, ((0, 0), (0, more)))

    def read(self, parts: Sequence[Part], tell: Tell | None = None) -> None:
        """Take in the rows of the window that were not there before, in storage order.

        Args:
            parts: those that it was made with, whose series may have grown.
        """
        self._let_go()
        ends = [int(np.searchsorted(part.iterations, self.stop)) for part in parts]
        sizes = [(end - row) * part.units for part, row, end in zip(parts, self._read, ends, strict=True)]
        whole, done, offset = max(sum(sizes), 1), 0, 0
        for number, (part, end) in enumerate(zip(parts, ends, strict=True)):
            self._fold(number, part, offset, end, part_of(tell, done / whole, sizes[number] / whole))
            self._read[number] = end
            offset, done = offset + part.units, done + sizes[number]
        self._find_bad(parts)

    def columns(self) -> Columns:
        """The columns that hold a row; ``extremes`` may be the sketch's own memory."""
        used = self._filled.any(axis=0)
        extremes = self._extremes if used.all() else self._extremes[:, used]
        self._hold(extremes, self._filled[:, used])
        lowest, highest = extremes[0].min(axis=0, initial=np.inf), extremes[1].max(axis=0, initial=-np.inf)
        cells = (self.start // self.step + np.flatnonzero(used)) * self.step
        edges = np.append(np.maximum(cells, self.start), self.stop).astype(np.int64)
        usable = np.isfinite(lowest) & np.isfinite(highest)
        flat = extremes.reshape(2 * extremes.shape[1], extremes.shape[2])
        return Columns(flat, edges, tuple(sorted(self._bad.items())), usable, lowest, highest)

    def _fold(self, number: int, part: Part, offset: int, end: int, tell: Tell) -> None:
        begin = self._read[number]
        if begin >= end or not part.units:
            return
        stretches = self._stretches(part, begin, end)
        self._filled[number, [cell for _, _, cell in stretches]] = True
        row, here = -1, stretches
        for top, unit, tile in tiles(part.series, begin, end, self._dtype):
            count, rows, width = tile.shape
            if top != row:
                row = top
                here = [(max(a - top, 0), b - top, c) for a, b, c in stretches if a < top + rows and b > top]
                tell((top - begin) / (end - begin))
            units = slice(offset + unit, offset + unit + count * width)
            for a, b, cell in here:
                _fold(self._extremes[:, cell, units].reshape(2, count, width), tile[:, a:b])

    def _stretches(self, part: Part, begin: int, end: int) -> list[tuple[int, int, int]]:
        """Rows from, up to and without, that lie in one column and were seen; and that column."""
        cells = part.iterations[begin:end] // self.step - self.start // self.step
        seen = np.ones(end - begin, bool) if part.absent is None else ~part.absent[begin:end]
        kind = np.where(seen, cells, -1)
        cuts = np.flatnonzero(np.diff(kind)) + 1
        starts, stops = np.append(0, cuts), np.append(cuts, end - begin)
        return [
            (begin + int(a), begin + int(b), int(kind[a])) for a, b in zip(starts, stops, strict=True) if kind[a] >= 0
        ]

    def _coarsen(self) -> None:
        """Two columns become one."""
        before = self.start // self.step % 2
        after = (before + self._extremes.shape[1]) % 2
        edges = [_nothing(n, sum(self._sizes), self._dtype) for n in (before, after)]
        whole = np.concatenate([edges[0], self._extremes, edges[1]], axis=1)
        filled = np.pad(self._filled, ((0, 0), (before, after)))
        self._extremes = np.stack(
            [np.minimum(whole[0, 0::2], whole[0, 1::2]), np.maximum(whole[1, 0::2], whole[1, 1::2])]
        )
        self._filled = filled[:, 0::2] | filled[:, 1::2]
        self.step *= 2

    def _hold(self, extremes: NDArray[np.floating], filled: NDArray[np.bool_]) -> None:
        """Where a part has no row in a column, its series are drawn on from the column before (or after)."""
        offset = 0
        for size, has in zip(self._sizes, filled, strict=True):
            if has.any() and not has.all():
                known = np.flatnonzero(has)
                source = known[np.maximum(np.searchsorted(known, np.arange(len(has)), "right") - 1, 0)]
                for column in np.flatnonzero(~has):
                    extremes[:, column, offset : offset + size] = extremes[:, source[column], offset : offset + size]
            offset += size

    def _let_go(self) -> None:
        """Take back what ``_hold`` wrote where there was no row: one may come."""
        offset = 0
        for size, has in zip(self._sizes, self._filled, strict=True):
            for column in np.flatnonzero(~has):
                self._extremes[0, column, offset : offset + size] = np.inf
                self._extremes[1, column, offset : offset + size] = -np.inf
            offset += size

    def _find_bad(self, parts: Sequence[Part]) -> None:
        """Where each series that is not finite first was so; those that are known already are not looked for."""
        offset, base = 0, self.start // self.step
        for part, has in zip(parts, self._filled, strict=True):
            cells = np.flatnonzero(has)
            ends = self._extremes[:, :, offset : offset + part.units]
            ends = ends if has.all() else ends[:, cells]
            wanted = np.flatnonzero(~_finite(ends))
            wanted = np.array([unit for unit in wanted.tolist() if offset + unit not in self._bad], np.int64)
            if len(wanted):
                first = cells[(~np.isfinite(ends[:, :, wanted])).any(axis=0).argmax(axis=0)]
                begins = np.maximum((base + first) * self.step, self.start)
                stops = np.minimum((base + first + 1) * self.step, self.stop)
                found = first_bad_iterations(part, wanted, begins, stops, self._dtype)
                self._bad.update((offset + unit, iteration) for unit, iteration in found.items())
            offset += part.units


def sketch(parts: Sequence[Part], start: int, stop: int, tell: Tell | None = None) -> Columns:
    """The columns of the iterations ``[start, stop)``; memory does not depend on their number."""
    made = Sketch(parts, start, stop)
    made.read(parts, tell)
    return made.columns()


def _cells(start: int, stop: int, step: int) -> int:
    return max(0, (stop - 1) // step - start // step + 1) if stop > start else 0


def _nothing(cells: int, units: int, dtype: type[np.floating]) -> NDArray[np.floating]:
    empty = np.empty((2, cells, units), dtype)
    empty[0], empty[1] = np.inf, -np.inf
    return empty


def _fold(ends: NDArray[np.floating], tile: NDArray[np.floating]) -> None:
    """Take ``tile`` ``[G, r, n]`` into ``ends`` ``[2, G, n]``."""
    for keep, extreme in zip(ends, (np.minimum, np.maximum), strict=True):
        extreme(keep, tile[:, 0] if tile.shape[1] == 1 else extreme.reduce(tile, axis=1), out=keep)


def _finite(ends: NDArray[np.floating]) -> NDArray[np.bool_]:
    """``[N]``: whether all of ``ends`` ``[2, C, N]`` are; true where there are none."""
    if not ends.shape[1]:
        return np.ones(ends.shape[2], bool)
    lowest, highest = ends[0].min(axis=0), ends[1].max(axis=0)
    return np.asarray(np.isfinite(lowest) & np.isfinite(highest))


def part_of(tell: Tell | None, done: float, share: float) -> Tell:
    """Told of a part of the work, which begins at ``done`` and is ``share`` of it; nobody is told where None."""
    return (lambda part: None) if tell is None else (lambda part: tell(done + share * part))
