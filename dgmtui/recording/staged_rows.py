"""Iterations and rows staged in memory until a block of them is written."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.model import MEASURES, STATISTICS, Measure
from dgmtui.recording.tail import Tail
from dgmtui.recording.writing_index import nonfinite_in
from dgmtui.recording.written_file import WrittenFile

if TYPE_CHECKING:
    from dgmtui.recording.appending import Block

UNSEEN = np.array([0.0 if name in STATISTICS[schema.COUNTS] else np.nan for name in STATISTICS])
"""Statistics of a channel that an iteration did not see."""


class StagedIterations:
    """What is recorded of every iteration."""

    def __init__(self, file: WrittenFile, scalars: Mapping[str, int]) -> None:
        """Stage for a file; ``scalars``: name → column."""
        self._scalars = scalars
        add, appenders = file.iterations.add, file.appenders
        self._loss = add(appenders[schema.LOSS], (), schema.F8, np.nan)
        self._seconds = add(appenders[schema.SECONDS], (), schema.F8, np.nan)
        self._scalar_rows = add(appenders[schema.SCALARS], (len(scalars),), schema.F8, np.nan)

    def set(self, at: int, loss: float, seconds: float, scalars: Mapping[str, float]) -> dict[str, float]:
        """Set staged iteration ``at``, and return those scalars that have no column."""
        self._loss.rows[at] = loss
        self._seconds.rows[at] = seconds
        late = {}
        for name, value in scalars.items():
            if name in self._scalars:
                self._scalar_rows.rows[at, self._scalars[name]] = value
            else:
                late[name] = value
        return late


class StagedRows:
    """Statistics and series of every channel but late ones."""

    def __init__(self, file: WrittenFile) -> None:
        self._file, self._staging = file, file.rows
        self.last = schema.NEVER
        """The iteration of the last row added."""
        add, appenders = file.rows.add, file.appenders
        shape = (len(file.channels), len(STATISTICS))
        self._iterations = add(appenders[schema.ROWS], (), schema.I8, schema.NEVER)
        self._statistics = add(appenders[schema.STATISTIC_VALUES], shape, schema.F8, UNSEEN)
        self._series: dict[tuple[int, Measure], Block] = {
            key: add(appenders[name], (file.channels[key[0]].width(key[1]),), schema.F4, np.nan)
            for key, name in schema.series_names(file.channels).items()
        }
        self.tail = Tail(self._staging, self._iterations, self._statistics, self._series)

    def add(
        self,
        iteration: int,
        statistics: NDArray[np.float64],
        series: Mapping[tuple[int, Measure], NDArray[np.float32]],
    ) -> None:
        """Stage one row, for which there is place."""
        at, self.last = self._staging.count, iteration
        self._iterations.rows[at] = iteration
        self._statistics.rows[at] = statistics
        for key, values in series.items():
            self._series[key].rows[at] = values
        self._staging.count += 1

    def write(self) -> None:
        """Write what is staged, and tell the index what it does not know of it."""
        with self._file.unthinned():  # which was looked to before the first of what is written together
            self._file.ensure_room(self._file.block_bytes)
        self._enter_index()
        self._staging.write()

    def _enter_index(self) -> None:
        """Tell the index of non-finite statistics in rows about to be written that nobody told it of."""
        index, start, stop = self._file.index, self._staging.written, self._staging.count
        counts = self._statistics.rows[start:stop, :, schema.COUNTS]
        for row, channel in np.argwhere((counts > 0).any(axis=2)) + (start, 0):
            iteration = int(self._iterations.rows[row])
            if index.knows(iteration, int(channel)):
                continue
            known = self._file.channels[channel]
            block = self._series.get((int(channel), MEASURES[known.quantity][0]))
            units = None if block is None else block.rows[row]
            found = nonfinite_in(iteration, known, self._statistics.rows[row, channel], units)
            if found is not None:
                index.add(int(channel), found)
        index.forget_before(self.last)
