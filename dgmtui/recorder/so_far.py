"""What a run has recorded so far, in memory: a process can't read the file that it is writing."""

from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording.model import (
    STATISTICS,
    Channel,
    End,
    Event,
    Measure,
    ModuleInfo,
    NonFinite,
    RunInfo,
    SnapshotInfo,
)

MOST_BYTES = 16 << 20
"""What rows may take; before they would take more, every second one is forgotten."""
_LEAST_ROWS = 64


class SoFar:
    """The part of ``Recording`` that can be told while it is made: losses, statistics and events.

    It has no snapshots, traces, series of units or late channels. Rows of old iterations may lie further apart than
    those of late ones.
    """

    scalars: tuple[str, ...] = ()
    snapshots: tuple[SnapshotInfo, ...] = ()
    end: End | None = None
    unread: tuple[str, ...] = ()
    generation = 0
    thinned: Event | None = None

    def __init__(self, path: Path, info: RunInfo, modules: Sequence[ModuleInfo], channels: Sequence[Channel]) -> None:
        self.path, self.info = path, info
        self.modules = tuple(modules)
        self.channels = tuple(Channel(each.module, each.quantity, 0) for each in channels)
        self.ranks: tuple[SoFar, ...] = (self,)
        self._most_rows = max(_LEAST_ROWS, MOST_BYTES // (8 * len(STATISTICS) * max(1, len(channels))))
        self._losses, self._seconds = array("d"), array("d")
        self._rows: list[int] = []
        self._statistics: list[NDArray[np.float64]] = []
        self._events: list[Event] = []

    def add_iteration(self, iteration: int, loss: float, seconds: float) -> None:
        """One iteration; those left out before it become NaN."""
        missing = iteration - len(self._losses)
        if missing < 0:
            return
        for values, value in ((self._losses, loss), (self._seconds, seconds)):
            values.extend([float("nan")] * missing)
            values.append(value)

    def add_row(self, iteration: int, statistics: NDArray[np.float64]) -> None:
        """One row, ``[C, 9]``; it is kept as it is and not copied."""
        if len(self._rows) >= self._most_rows:
            del self._rows[1::2], self._statistics[1::2]
        self._rows.append(iteration)
        self._statistics.append(statistics)

    def add_event(self, event: Event) -> None:
        """Something that happened."""
        self._events.append(event)

    @property
    def iteration_count(self) -> int:
        """How many iterations have ended."""
        return len(self._losses)

    @property
    def last_iteration(self) -> int:
        """The last iteration that has ended; -1 before the first."""
        return len(self._losses) - 1

    @property
    def rows(self) -> NDArray[np.int64]:
        """``[R]``, the iterations that have a row."""
        return np.array(self._rows, np.int64)

    def losses(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """The losses of iterations ``start:stop``."""
        return np.array(self._losses[start:stop], np.float64)

    def seconds(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """How long iterations ``start:stop`` took."""
        return np.array(self._seconds[start:stop], np.float64)

    def statistics(self, channel: int, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """``[r, 9]`` of one channel in rows ``start:stop``."""
        kept = [row[channel] for row in self._statistics[start:stop]]
        return np.array(kept, np.float64).reshape(len(kept), len(STATISTICS))

    def statistics_row(self, row: int) -> NDArray[np.float64]:
        """``[C, 9]`` of every channel in one row."""
        return self._statistics[row]

    def series(self, channel: int, measure: Measure | str | None = None) -> NDArray[np.float32]:
        """``[R, 0]``: units are not kept."""
        return np.empty((len(self._rows), 0), np.float32)

    def events(self) -> tuple[Event, ...]:
        """What has happened, as far as it was told."""
        return tuple(self._events)

    def first_nonfinite(self, module: str | None = None) -> NonFinite | None:
        """None: the recorder itself looks for these, in every iteration."""
        return None

    def snapshot(self, iteration: int) -> SnapshotInfo | None:
        """None: they are in the file."""
        return None

    def nearest_snapshot(self, iteration: int) -> SnapshotInfo | None:
        """None: they are in the file."""
        return None

    def trace(self, trace: int) -> str:
        """Always ``RecordingError``: it is in the file."""
        raise RecordingError("a recording that is being made has its traces in the file")
