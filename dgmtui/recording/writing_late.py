"""Naming and staging what is met after the beginning: it goes into append-only tables."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.appending import Appender
from dgmtui.recording.creating import writing
from dgmtui.recording.model import Channel, Measure, ModuleInfo, NonFinite
from dgmtui.recording.schema import LogKind
from dgmtui.recording.writing_index import nonfinite_in
from dgmtui.recording.writing_log import LogWriter
from dgmtui.recording.written_file import WrittenFile

LATE_BYTES = 4 << 20
"""Rows of late channels are written as soon as they take more."""


class LateStaging:
    """Rows of late channels staged in memory, each with series of its own length."""

    def __init__(self, rows: Appender, statistics: Appender, series: Appender) -> None:
        self._appenders = rows, statistics, series
        self._rows: list[tuple[int, int, int]] = []
        """Iteration, channel, and length of the series."""
        self._statistics: list[NDArray[np.float64]] = []
        self._series: list[NDArray[np.float32]] = []
        self.nbytes = 0
        """What ``write`` will take in the file."""

    def add(self, iteration: int, channel: int, statistics: NDArray[np.float64], series: NDArray[np.float32]) -> None:
        """Stage statistics ``[9]`` and series, flat."""
        self._rows.append((iteration, channel, series.size))
        self._statistics.append(statistics)
        self._series.append(series)
        self.nbytes += 4 * 8 + statistics.nbytes + series.nbytes

    def write(self) -> None:
        """Write what is staged; where that is refused or interrupted all of it stays staged, and none of it counts."""
        if not self._rows:
            return
        table = np.array(self._rows, np.int64)
        before = [appender.length for appender in self._appenders]
        rows, statistics, series = self._appenders
        try:
            offset = series.append(np.concatenate(self._series))
            offsets = offset + np.cumsum(table[:, 2]) - table[:, 2]
            statistics.append(np.stack(self._statistics))
            rows.append(np.column_stack([table[:, :2], offsets, table[:, 2]]))
        except BaseException:
            for appender, length in zip(self._appenders, before, strict=True):
                appender.take_back(length)
            raise
        self._rows, self._statistics, self._series, self.nbytes = [], [], [], 0


class LateWriter:
    """The tables under ``/late``, and the names in the log of what is in them."""

    def __init__(self, file: WrittenFile, log: LogWriter) -> None:
        self._file, self._log = file, log
        names = schema.LATE_ROWS, schema.LATE_STATISTICS, schema.LATE_SERIES
        self._staging = LateStaging(*(file.appenders[name] for name in names))
        self._channels: list[Channel] = []
        self._scalars: dict[str, int] = {}

    @property
    def nbytes(self) -> int:
        """What is staged takes so much in the file."""
        return self._staging.nbytes

    def add_channels(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel]) -> list[int]:
        """Name modules and channels and return the channels' ids."""
        self._log.add(LogKind.LATE_CHANNELS, {"modules": modules, "channels": channels})
        first = len(self._file.channels) + len(self._channels)
        self._channels += channels
        return list(range(first, first + len(channels)))

    def add_row(
        self,
        iteration: int,
        channel: int,
        statistics: NDArray[np.float64],
        series: Mapping[Measure, NDArray[np.float32]],
    ) -> NonFinite | None:
        """Stage the statistics ``[9]`` and series ``{measure: [U]}``, and return what is not finite in them."""
        known = self._channels[channel - len(self._file.channels)]
        self._file.keep_within(self.nbytes)
        values = np.full(sum(map(known.width, known.measures)), np.nan, schema.F4)
        at = 0
        for measure in known.measures:
            values[at : at + known.width(measure)] = series.get(measure, np.nan)
            at += known.width(measure)
        self._staging.add(iteration, channel, np.array(statistics, schema.F8), values)
        return nonfinite_in(iteration, known, np.asarray(statistics), values[: known.units])

    def add_scalar(self, iteration: int, name: str, value: float) -> None:
        """Write a scalar that has no column."""
        if name not in self._scalars:
            self._log.add(LogKind.LATE_SCALAR, name)
            self._scalars[name] = len(self._scalars)
        with writing(self._file.path):
            row = np.array([[iteration, self._scalars[name], value]], schema.F8)
            self._file.appenders[schema.LATE_SCALARS].append(row)

    def write(self) -> None:
        """Write the rows that are staged."""
        if self.nbytes:
            with self._file.unthinned():
                self._file.ensure_room(self.nbytes)
            self._staging.write()

    def write_if_large(self) -> None:
        """Write the rows that are staged before they take much memory."""
        if self.nbytes > LATE_BYTES:
            with writing(self._file.path):
                self.write()
