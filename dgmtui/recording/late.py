"""Channels and scalars met after the file went to its final shape, read back from the append-only tables."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording.model import STATISTICS, Channel, Measure
from dgmtui.recording.opening import file_size
from dgmtui.recording.schema import COUNTS

LATE_BOUND = 1 << 26
"""Bytes that a late series may always take in memory; beyond, no more than so many times the file."""
LATE_FACTOR = 16


class LateReader:
    """The tables under ``/late``, read when a late channel or scalar is first asked for."""

    def __init__(
        self,
        rows: h5py.Dataset,
        statistics: h5py.Dataset,
        series: h5py.Dataset,
        scalars: h5py.Dataset,
        lengths: Callable[[], tuple[int, int]],
        path: Path,
    ) -> None:
        self._rows, self._statistics, self._series, self._scalars = rows, statistics, series, scalars
        self._lengths = lengths
        self._path = path
        self._table: NDArray[np.int64] | None = None

    def update(self) -> None:
        """Forget what was read."""
        self._table = None

    def statistics(self, channel: int, iterations: NDArray[np.int64]) -> NDArray[np.float64]:
        """``[r, 9]`` at these iterations; as of a channel not seen where there is no row."""
        values = np.full((len(iterations), len(STATISTICS)), np.nan)
        values[:, COUNTS] = 0
        for at, place in self._matching(channel, iterations):
            values[at] = self._statistics[place]
        return values

    def series(
        self, channel: int, known: Channel, measure: Measure, iterations: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """``[R, U]`` at these iterations, NaN where there is no row; of a measure of which it has series."""
        widths = [known.width(each) for each in known.measures]
        place = known.measures.index(measure)
        width, skip, whole = widths[place], sum(widths[:place]), sum(widths)
        if len(iterations) * width * 4 > max(LATE_BOUND, LATE_FACTOR * file_size(self._rows.file)):
            raise RecordingError(f"{self._path} claims {width} series of {known.module}: it is damaged.")
        values = np.full((len(iterations), width), np.nan, np.float32)
        for at, row in self._matching(channel, iterations):
            offset, length = (int(number) for number in self.table[row, 2:])
            if offset < 0 or length != whole or offset + length > self._series.shape[0]:
                raise RecordingError(f"{self._path} has a late row outside its data: it is damaged; record again.")
            values[at] = self._series[offset + skip : offset + skip + width]
        return values

    def scalar(self, name: int, iterations: int) -> NDArray[np.float64]:
        """``[I]`` of one late scalar, NaN where it was not logged."""
        values = np.full(iterations, np.nan)
        table = self._scalars[: min(self._lengths()[1], self._scalars.shape[0])]
        mine = table[(table[:, 1] == name) & (table[:, 0] >= 0) & (table[:, 0] < iterations)]
        values[mine[:, 0].astype(np.int64)] = mine[:, 2]
        return values

    @property
    def table(self) -> NDArray[np.int64]:
        """``[n, 4]``: iteration, channel, offset, length."""
        if self._table is None:
            count = min(self._lengths()[0], self._rows.shape[0], self._statistics.shape[0])
            self._table = self._rows[:count]
        return self._table

    def _matching(self, channel: int, iterations: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Pairs of a place in ``iterations`` and a row of the table."""
        places = np.flatnonzero(self.table[:, 1] == channel)
        wanted = self.table[places, 0]
        at = np.searchsorted(iterations, wanted)
        inside = at < len(iterations)
        inside[inside] = iterations[at[inside]] == wanted[inside]
        return list(zip(at[inside].tolist(), places[inside].tolist(), strict=True))
