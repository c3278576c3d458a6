"""Reading a recording: opened in constant memory, followed while it grows, sliced where it is looked at."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import schema
from dgmtui.recording.model import MEASURES, OF_WEIGHTS, Measure, NonFinite, Quantity
from dgmtui.recording.names import nearest
from dgmtui.recording.opening import open_numbers, reading, same_file
from dgmtui.recording.recorded_names import RecordedNames
from dgmtui.recording.schema import Committed
from dgmtui.recording.series import SeriesLike, StoredSeries

__all__ = ["Recording", "SeriesLike", "open_recording"]


def open_recording(path: str | Path | Sequence[str | Path]) -> "Recording":
    """Open a recording, or the ranks of one run; ``RecordingError`` says in one sentence why it can't be read."""
    named = [path] if isinstance(path, str | Path) else path
    paths: list[Path] = []
    for each in map(Path, named):  # HDF5 misreads a file that a process has open twice
        if not any(same_file(each, other) for other in paths):
            paths.append(each)
    if not paths:
        raise UsageError("no recording was named: give a file that dgmtui record made.")
    opened: list[Recording] = []
    unread: list[str] = []
    try:
        for each in paths:
            try:
                opened.append(Recording(each))
            except RecordingError as error:
                unread.append(str(error))
                if len(unread) == len(paths):
                    raise
        _check_ranks(opened)
    except BaseException:
        for recording in opened:
            recording.close()
        raise
    ranks = tuple(sorted(opened, key=lambda recording: recording.info.rank))
    for recording in ranks:
        recording.ranks, recording.unread = ranks, tuple(unread)
    return ranks[0]


def _check_ranks(opened: "Sequence[Recording]") -> None:
    """Refuse recordings that are not the ranks of one run."""
    by_rank: dict[int, Path] = {}
    for recording in opened:
        other = by_rank.setdefault(recording.info.rank, recording.path)
        if other is not recording.path:
            raise UsageError(
                f"{other} and {recording.path} are both of rank {recording.info.rank}: open the ranks of one run "
                "together, and other recordings by themselves."
            )


def _chosen(quantity: Quantity, measure: Measure | str | None) -> Measure:
    """The measure that is asked for; ``UsageError`` where the quantity can't have it."""
    if measure is None:
        return MEASURES[quantity][0]
    offered = (*MEASURES[quantity], *([Measure.ELEMENT] if quantity in OF_WEIGHTS else []))
    if measure not in offered:
        raise UsageError(f"{quantity} has no {measure}{nearest(str(measure), offered)}.")
    return Measure(measure)


class Recording(RecordedNames):
    """One recording, open for reading. Every method may raise ``RecordingError`` where the file is damaged."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.ranks: tuple[Recording, ...] = (self,)
        """The recordings of all ranks of the run, this one among them."""
        self.unread: tuple[str, ...] = ()
        """Why others that were named could not be read, a sentence each."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for recording in self.ranks:
            recording.close()

    def losses(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """``[t]``, the losses of iterations ``start:stop``."""
        return self._iterations(schema.LOSS, start, stop)

    def seconds(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """``[t]``, how long iterations ``start:stop`` took, in seconds."""
        return self._iterations(schema.SECONDS, start, stop)

    def scalar(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """``[t]``, a logged scalar in iterations ``start:stop``, NaN where it was not; ``UsageError`` if unknown."""
        if name not in self.scalars:
            raise UsageError(f"no scalar {name!r} was logged{nearest(name, self.scalars)}")
        place = self.scalars.index(name)
        if place < len(self._network.scalars):
            return self._iterations(schema.SCALARS, start, stop, place)
        with reading(self.path, "late scalars"):
            return self._late.scalar(place - len(self._network.scalars), self.iteration_count)[start:stop]

    def _iterations(self, name: str, start: int, stop: int | None, column: int | None = None) -> NDArray[np.float64]:
        where = slice(*slice(start, stop).indices(self.iteration_count))
        with reading(self.path, name):
            values: NDArray[np.float64] = self._growing[name][where if column is None else (where, column)]
        return values

    def statistics(self, channel: int, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """``[r, 9]`` of one channel in rows ``start:stop``, in the order of ``STATISTICS``."""
        where = slice(*slice(start, stop).indices(self._lengths[Committed.ROWS]))
        with reading(self.path, "the statistics"):
            if self._known(channel) >= len(self._network.channels):
                return self._late.statistics(channel, self.rows[where])
            values: NDArray[np.float64] = self._growing[schema.STATISTIC_VALUES][where, channel]
        return values

    def statistics_row(self, row: int) -> NDArray[np.float64]:
        """``[C, 9]`` of every channel, late ones last, in one row; ``UsageError`` where there is no such row."""
        count = self._lengths[Committed.ROWS]
        if not -count <= row < count:
            raise UsageError(f"there is no row {row}: the recording has {count}.")
        row %= count
        with reading(self.path, "the statistics"):
            values: NDArray[np.float64] = self._growing[schema.STATISTIC_VALUES][row]
            late = range(len(self._network.channels), len(self.channels))
            if not late:
                return values
            at = self.rows[row : row + 1]
            return np.concatenate([values, *(self._late.statistics(channel, at) for channel in late)])

    def row_at(self, iteration: int) -> int:
        """The last row at or before an iteration; ``UsageError`` where the first comes after."""
        row = int(np.searchsorted(self.rows, iteration, "right")) - 1
        if row < 0:
            first = f"the first is of iteration {self.rows[0]}" if len(self.rows) else "the recording has none yet"
            raise UsageError(f"no row of statistics at or before iteration {iteration}: {first}.")
        return row

    def statistics_block(self, start: int, stop: int) -> NDArray[np.float64]:
        """``[r, C, 9]`` of every channel but late ones in rows ``start:stop``."""
        where = slice(*slice(start, stop).indices(self._lengths[Committed.ROWS]))
        with reading(self.path, "the statistics"):
            values: NDArray[np.float64] = self._growing[schema.STATISTIC_VALUES][where]
        return values

    def statistics_between(self, first: int, last: int, start: int, stop: int) -> NDArray[np.float64]:
        """``[r, c, 9]`` of the channels ``first:last``, none of them late, in rows ``start:stop``."""
        where = slice(*slice(start, stop).indices(self._lengths[Committed.ROWS]))
        with reading(self.path, "the statistics"):
            values: NDArray[np.float64] = self._growing[schema.STATISTIC_VALUES][where, first:last]
        return values

    @property
    def first_late_channel(self) -> int:
        """The id from which on channels were met late."""
        return len(self._network.channels)

    def series(self, channel: int, measure: Measure | str | None = None) -> SeriesLike:
        """``[R, U]``, float32, read where it is sliced; by default of the measure that is drawn.

        Of ``element`` these are no units but the elements that are followed, 0 where none are.
        """
        known = self.channels[self._known(channel)]
        chosen = _chosen(known.quantity, measure)
        with reading(self.path, "the series"):
            if known.width(chosen) == 0:
                return np.empty((len(self.rows), 0), np.float32)
            if channel >= len(self._network.channels):
                return self._late.series(channel, known, chosen, self.rows)
            name = schema.series_name(channel, chosen)
            dataset = self._series.get(name)
            if dataset is None:
                dataset = self._series[name] = open_numbers(self._file, name, self._shapes[name])
            dataset.refresh()
            return StoredSeries(dataset, self._lengths[Committed.ROWS], self.path, self._file)

    def _known(self, channel: int) -> int:
        if not 0 <= channel < len(self.channels):
            raise UsageError(f"there is no channel {channel}: the recording has {len(self.channels)}.")
        return channel

    def first_nonfinite(self, module: str | None = None) -> NonFinite | None:
        """The first non-finite value of the run, or of one module (``UsageError`` if unknown)."""
        with reading(self.path, "the index"):
            if module is None:
                return self.index.overall(self.channels)
            self.module(module)
            wanted = [i for i, channel in enumerate(self.channels) if channel.module == module]
            return self.index.first_of(wanted, self.channels)

    def first_nonfinite_iterations(self) -> list[int | None]:
        """Of each channel, late ones last, the iteration of its first non-finite value; None where it has none."""
        with reading(self.path, "the index"):
            fixed = self.index.first_iterations()
            late: list[int | None] = [None] * (len(self.channels) - len(fixed))
            if late:
                for iteration, channel in self.index.table[::-1, :2].tolist():
                    if channel >= len(fixed):
                        late[channel - len(fixed)] = iteration
            return fixed + late

    def next_nonfinite(self, iteration: int) -> NonFinite | None:
        """The first non-finite value of the next iteration after this one that has any."""
        with reading(self.path, "the index"):
            return self.index.after(iteration, self.channels)

    def previous_nonfinite(self, iteration: int) -> NonFinite | None:
        """The first non-finite value of the last iteration before this one that has any."""
        with reading(self.path, "the index"):
            return self.index.before(iteration, self.channels)
