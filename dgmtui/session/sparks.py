"""How far activations went, up to the cursor: read of the modules that are shown only, and only what is new."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import STATISTICS

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

SPARK = 64
BINS = 4096
"""A run's maxima are kept in at most so many bins a module; twice as wide ones when they no longer suffice."""
BLOCK_VALUES = 1 << 21
"""Statistics that are held at once."""
ABSMAX, NAN = STATISTICS.index("absmax"), STATISTICS.index("nan")


class Maxima:
    """One module's maxima in bins of equally many iterations; grows with the run in constant memory."""

    def __init__(self, first: int, width: int) -> None:
        self._first = first
        self._width = width
        self._bins = np.empty(0, np.float64)
        self.rows = 0
        """How many rows were taken in."""

    def take(self, iterations: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take in further rows in order; a bin in which nothing was seen (NaN) has what the one before it has."""
        self.rows += len(values)
        if not len(values):
            return
        while (int(iterations[-1]) - self._first) // self._width >= BINS:
            self._halve()
        places = (iterations - self._first) // self._width
        known, last = len(self._bins), int(places[-1])
        grown = np.full(max(known, last + 1), np.nan)
        grown[:known] = self._bins
        np.fmax.at(grown, places, values)
        sources = np.where(np.isnan(grown[known:]), max(known - 1, 0), np.arange(known, len(grown)))
        grown[known:] = grown[np.maximum.accumulate(sources)]
        self._bins = grown

    def up_to(self, iteration: int, now: float) -> NDArray[np.float64]:
        """``[n]``, one value a bin up to the cursor, where it is ``now``: what follows in that bin has not come yet."""
        last = (iteration - self._first) // self._width
        bins = self._bins[: last + 1].copy()
        if len(bins) and not np.isnan(now):
            bins[-1] = now
        return bins[~np.isnan(bins)]

    def _halve(self) -> None:
        padded = np.append(self._bins, self._bins[-1:]) if len(self._bins) % 2 else self._bins
        self._bins = np.fmax(padded[::2], padded[1::2])
        self._width *= 2


class Sparks:
    """The maxima of every channel that has been shown, read on when the run has gone on."""

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._generation = recording.generation
        self._maxima: dict[int, Maxima] = {}

    def prepare(self, channels: Sequence[int]) -> None:
        """Have the maxima of these channels up to the last row; those that lie side by side are read together."""
        if self._generation != self._recording.generation:
            self._maxima, self._generation = {}, self._recording.generation
        rows = self._recording.rows
        if not len(rows):
            return
        width = max(1, self._recording.info.every)
        for channel in channels:
            self._maxima.setdefault(channel, Maxima(int(rows[0]), width))
        for group in self._groups(sorted(set(channels)), len(rows)):
            self._read(group, rows)

    def upto(self, channel: int, iteration: int, now: float) -> tuple[float, ...]:
        """At most ``SPARK`` values up to the cursor, at which it is ``now``; nothing where none were prepared."""
        maxima = self._maxima.get(channel)
        return () if maxima is None else tuple(bin_maxima(maxima.up_to(iteration, now), SPARK).tolist())

    def _groups(self, channels: list[int], count: int) -> list[list[int]]:
        """Runs of channels without a gap that have been read equally far, of those that are behind."""
        late, groups = self._recording.first_late_channel, [[]]  # type: tuple[int, list[list[int]]]
        for channel in channels:
            read = self._maxima[channel].rows
            if read >= count:
                continue
            group = groups[-1]
            joins = group and channel == group[-1] + 1 < late and self._maxima[group[-1]].rows == read
            if not joins and group:
                groups.append([])
            groups[-1].append(channel)
        return groups if groups[0] else []

    def _read(self, group: list[int], rows: NDArray[np.int64]) -> None:
        step = max(1, BLOCK_VALUES // (len(group) * len(STATISTICS)))
        for start in range(self._maxima[group[0]].rows, len(rows), step):
            stop = min(start + step, len(rows))
            if group[0] >= self._recording.first_late_channel:
                block = self._recording.statistics(group[0], start, stop)[:, None]
            else:
                block = self._recording.statistics_between(group[0], group[-1] + 1, start, stop)
            maxima = np.where(block[:, :, NAN:].sum(axis=2) > 0, np.inf, block[:, :, ABSMAX])
            for i, channel in enumerate(group):
                self._maxima[channel].take(rows[start:stop], maxima[:, i])


def bin_maxima(values: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """``[min(bins, n)]``, the maximum of each of so many even parts; NaN only where all of a part is."""
    if len(values) <= bins:
        return values
    starts = np.arange(bins) * len(values) // bins
    return np.asarray(np.fmax.reduceat(values, starts), np.float64)
