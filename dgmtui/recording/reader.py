"""Reading a recording: opened in constant memory, followed while it grows, sliced where it is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakValueDictionary

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import schema
from dgmtui.recording.codec import decode, from_json
from dgmtui.recording.late import LateReader
from dgmtui.recording.log import Log
from dgmtui.recording.model import (
    MEASURES,
    ROUNDED,
    THINNED,
    Channel,
    End,
    Event,
    Measure,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
    SnapshotInfo,
    StoredTensor,
    TensorSpec,
)
from dgmtui.recording.names import Network, find_module, nearest, parse_network
from dgmtui.recording.opening import (
    check_claim,
    check_format,
    is_replaced,
    open_dataset,
    open_file,
    open_numbers,
    read_text,
    reading,
)
from dgmtui.recording.reading_index import IndexReader
from dgmtui.recording.schema import Committed, LogKind
from dgmtui.recording.series import SeriesLike, StoredSeries
from dgmtui.recording.source import Source
from dgmtui.recording.tensors import check_spec

__all__ = ["Recording", "SeriesLike", "open_recording"]


def open_recording(path: str | Path | Sequence[str | Path]) -> "Recording":
    """Open a recording, or the ranks of one run; ``RecordingError`` says in one sentence why it can't be read."""
    paths = [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise UsageError("no recording was named: give a file that dgmtui record made.")
    opened: list[Recording] = []
    unread: list[str] = []
    try:
        for each in paths:
            try:
                opened.append(Recording(Path(each)))
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


def same_run(info: RunInfo, other: RunInfo) -> bool:
    """Whether two recordings are of one run, whatever became of them since."""
    return replace(info, extra={}) == replace(other, extra={})


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


class Recording:
    """One recording, open for reading. Every method may raise ``RecordingError`` where the file is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ranks: tuple[Recording, ...] = (self,)
        """The recordings of all ranks of the run, this one among them."""
        self.unread: tuple[str, ...] = ()
        """Why others that were named could not be read, a sentence each."""
        self.rewritten = 0
        """How often ``refresh`` found that rows which it knew have others between them, or are being written again."""
        self.generation = 0
        """How often its run has replaced the file by a thinned one: rows known by their place before lie elsewhere."""
        self._file = open_file(path)
        try:
            with reading(path):
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        check_format(self._file, self.path)
        self._series: WeakValueDictionary[str, h5py.Dataset] = WeakValueDictionary()
        # HDF5 can't refresh what is open twice: series that somebody holds are shared
        if schema.NETWORK not in self._file:
            raise RecordingError(
                f"{self.path} stops before its first iteration was whole: there is nothing to look at; record again."
            )
        self.info: RunInfo = decode(RunInfo, from_json(read_text(self._file, schema.INFO)))
        """Where, with what and how it was made."""
        self._network: Network = parse_network(read_text(self._file, schema.NETWORK))
        self._shapes: Mapping[str, schema.Growing] = schema.growing(self._network.channels, len(self._network.scalars))
        fixed = schema.fixed(len(self._network.channels))
        self._fixed = {name: self._open_fixed(name, shape) for name, shape in fixed.items()}
        # read before the rest is opened, so that a run going on can only have added to what it says
        committed = self._fixed[schema.COMMITTED][()]
        self._growing = {
            name: open_numbers(self._file, name, like)
            for name, like in self._shapes.items()
            if not name.startswith("series/")
        }
        self._read_lengths(committed)
        self._open_parts()

    def _open_fixed(self, name: str, shape: tuple[int, ...]) -> h5py.Dataset:
        found = open_dataset(self._file, name)
        if found.dtype != schema.I8 or found.shape != shape:
            raise RecordingError(f"{self.path} has /{name} as {found.dtype} {found.shape}: it is damaged.")
        check_claim(self._file, name, shape[0], schema.Growing(schema.I8, shape[1:], ()))
        return found

    def _read_lengths(self, committed: NDArray[np.int64]) -> None:
        """Take in how much of each part is whole; never more than the datasets themselves hold."""
        lengths = []
        for place, name in schema.LAST_WRITTEN.items():
            claimed, held = int(committed[place]), int(self._growing[name].shape[0])
            if claimed < 0:
                raise RecordingError(f"{self.path} claims {claimed} rows of /{name}: it is damaged; record again.")
            lengths.append(min(claimed, held))
        for place, names in PARTNERS.items():
            lengths[place] = min(lengths[place], *(int(self._growing[name].shape[0]) for name in names))
        self._claimed = [int(claimed) for claimed in committed]
        self._lengths = lengths

    def committed_lengths(self) -> tuple[tuple[str, int, int], ...]:
        """Of each growing dataset outside the series: its path, how many rows must be whole, how many it holds."""
        return tuple(
            (name, self._claimed[PLACES[name]], int(dataset.shape[0]))
            for name, dataset in self._growing.items()
            if name in PLACES
        )

    def _open_parts(self) -> None:
        growing, fixed = self._growing, self._fixed
        self.log: Log = Log(growing[schema.LOG_TABLE], growing[schema.LOG_DATA], lambda: self._lengths[Committed.LOG])
        self.index = IndexReader(
            fixed[schema.FIRST],
            fixed[schema.OVERALL],
            growing[schema.NONFINITE],
            lambda: self._lengths[Committed.NONFINITE],
        )
        self._late = LateReader(
            growing[schema.LATE_ROWS],
            growing[schema.LATE_STATISTICS],
            growing[schema.LATE_SERIES],
            growing[schema.LATE_SCALARS],
            lambda: (self._lengths[Committed.LATE_ROWS], self._lengths[Committed.LATE_SCALARS]),
            self.path,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for recording in self.ranks:
            recording.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._file:
            self._file.close()

    # Names

    @cached_property
    def _late_networks(self) -> tuple[Network, ...]:
        with reading(self.path, "the log"):
            return tuple(parse_network(text) for text in self.log.texts(LogKind.LATE_CHANNELS))

    @cached_property
    def modules(self) -> tuple[ModuleInfo, ...]:
        """The modules in the order of ``named_modules()``, those met late at the end."""
        return self._network.modules + tuple(module for late in self._late_networks for module in late.modules)

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """What was recorded of which module; a channel's place is its id."""
        return self._network.channels + tuple(channel for late in self._late_networks for channel in late.channels)

    @cached_property
    def _late_scalars(self) -> tuple[str, ...]:
        with reading(self.path, "the log"):
            return tuple(str(from_json(text)) for text in self.log.texts(LogKind.LATE_SCALAR))

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of the logged scalars."""
        return self._network.scalars + self._late_scalars

    def module(self, path: str) -> ModuleInfo:
        """The module at this path; ``UsageError`` with the nearest paths where there is none."""
        return find_module(path, self.modules)

    @cached_property
    def _channel_ids(self) -> dict[tuple[str, Quantity], int]:
        return {(channel.module, channel.quantity): i for i, channel in enumerate(self.channels)}

    def channel(self, module: str, quantity: Quantity | str) -> int:
        """The id of a module's quantity; ``UsageError`` where it was not recorded."""
        self.module(module)
        found = self._channel_ids.get((module, quantity))  # type: ignore[arg-type]
        if found is None:
            recorded = [each.value for path, each in self._channel_ids if path == module]
            raise UsageError(f"the {quantity} of module {module!r} was not recorded{nearest(str(quantity), recorded)}")
        return found

    @property
    def rounding(self) -> Mapping[str, int]:
        """Mantissa bits, of 23, that ``dgmtui compact`` left each series, by its path; none where it left all."""
        told = self.info.extra.get(ROUNDED)
        pairs = told.items() if isinstance(told, dict) else ()
        return {str(name): bits for name, bits in pairs if type(bits) is int}

    def source(self) -> Source:
        """What is whole of it, for writing it anew."""
        scalars, file = len(self._network.scalars), self._file

        def dataset(name: str) -> h5py.Dataset:
            known = self._growing.get(name)
            return open_numbers(file, name, self._shapes[name]) if known is None else known

        return Source(file, self._network.channels, scalars, self._lengths, dataset=dataset)

    # Numbers

    @property
    def iteration_count(self) -> int:
        """How many iterations are recorded."""
        return self._lengths[Committed.ITERATIONS]

    @property
    def last_iteration(self) -> int:
        """The last iteration recorded; -1 where there is none."""
        rows = self._lengths[Committed.ROWS]
        with reading(self.path):
            last_row = int(self._growing[schema.ROWS][rows - 1]) if rows else -1
        return max(self.iteration_count - 1, last_row)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """``[R]``: the iteration of each row of statistics and series, upwards."""
        with reading(self.path):
            rows: NDArray[np.int64] = self._growing[schema.ROWS][: self._lengths[Committed.ROWS]]
        return rows

    def losses(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """The losses of iterations ``start:stop``, float64."""
        return self._iterations(schema.LOSS, start, stop)

    def seconds(self, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """How long iterations ``start:stop`` took, in seconds."""
        return self._iterations(schema.SECONDS, start, stop)

    def scalar(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[np.float64]:
        """A logged scalar in iterations ``start:stop``, NaN where it was not logged; ``UsageError`` if unknown."""
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
        """``[C, 9]`` of every channel, late ones last, in one row."""
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

    @property
    def first_late_channel(self) -> int:
        """The id from which on channels were met late."""
        return len(self._network.channels)

    def series(self, channel: int, measure: Measure | str | None = None) -> SeriesLike:
        """``[R, U]``, float32, read where it is sliced; by default of the measure that is drawn."""
        known = self.channels[self._known(channel)]
        measures = MEASURES[known.quantity]
        if measure is not None and measure not in measures:
            raise UsageError(f"{known.quantity} has no {measure}{nearest(str(measure), measures)}.")
        chosen = measures[0] if measure is None else Measure(measure)
        with reading(self.path, "the series"):
            if known.units == 0:
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

    # Non-finite values

    def first_nonfinite(self, module: str | None = None) -> NonFinite | None:
        """The first non-finite value of the run, or of one module (``UsageError`` if unknown)."""
        with reading(self.path, "the index"):
            if module is None:
                return self.index.overall(self.channels)
            self.module(module)
            wanted = [i for i, channel in enumerate(self.channels) if channel.module == module]
            return self.index.first_of(wanted, self.channels)

    def next_nonfinite(self, iteration: int) -> NonFinite | None:
        """The first non-finite value of the next iteration after this one that has any."""
        with reading(self.path, "the index"):
            return self.index.after(iteration, self.channels)

    def previous_nonfinite(self, iteration: int) -> NonFinite | None:
        """The first non-finite value of the last iteration before this one that has any."""
        with reading(self.path, "the index"):
            return self.index.before(iteration, self.channels)

    # Snapshots, traces, events

    @cached_property
    def snapshots(self) -> tuple[SnapshotInfo, ...]:
        """By iteration, then as taken."""
        with reading(self.path, "the log"):
            found = [decode(SnapshotInfo, from_json(text)) for text in self.log.texts(LogKind.SNAPSHOT)]
        return tuple(sorted(found, key=lambda snapshot: snapshot.iteration))

    def snapshot(self, iteration: int) -> SnapshotInfo | None:
        """The snapshot of an iteration, its last turn's where it has several; None where none was taken."""
        return next((each for each in reversed(self.snapshots) if each.iteration == iteration), None)

    def nearest_snapshot(self, iteration: int) -> SnapshotInfo | None:
        """The last snapshot at or before an iteration."""
        return next((each for each in reversed(self.snapshots) if each.iteration <= iteration), None)

    def tensor(self, spec: TensorSpec) -> StoredTensor:
        """The bytes of a stored tensor."""
        with reading(self.path, "the tensors"):
            check_spec(spec, self._lengths[Committed.TENSORS])
            data = self._growing[schema.TENSORS][spec.offset : spec.offset + spec.nbytes]
        return StoredTensor(spec.dtype, spec.shape, data)

    def trace(self, trace: int) -> str:
        """The JSON of a trace; ``UsageError`` where there is none with this id."""
        with reading(self.path, "the log"):
            places = self.log.places(LogKind.TRACE)
            if not 0 <= trace < len(places):
                raise UsageError(f"there is no trace {trace}: the recording has {len(places)}.")
            return self.log.text(places[trace])

    @cached_property
    def trace_count(self) -> int:
        """How many traces are stored; their ids count from 0."""
        return len(self.log.places(LogKind.TRACE))

    def events(self) -> tuple[Event, ...]:
        """What happened, in the order it was told."""
        with reading(self.path, "the log"):
            return tuple(decode(Event, from_json(text)) for text in self.log.texts(LogKind.EVENT))

    @cached_property
    def thinned(self) -> Event | None:
        """What tells that rows of old iterations were thinned to keep the file small; None where all are there."""
        return next((event for event in self.events() if event.kind == THINNED), None)

    @cached_property
    def end(self) -> End | None:
        """How the run ended; None where it goes on or was killed."""
        with reading(self.path, "the log"):
            texts = self.log.texts(LogKind.END)
            return decode(End, from_json(texts[-1])) if texts else None

    @property
    def live(self) -> bool:
        """Whether no end was recorded: the run goes on, or was killed."""
        return self.end is None

    def refresh(self) -> None:
        """Take in what the run has written since, in another file of that name too where it has thinned the recording.

        Arrays and series handed out before stay as they were.
        """
        self._reopen_if_replaced()
        known = self.__dict__.get("rows")
        with reading(self.path):
            self._fixed[schema.COMMITTED].refresh()
            committed = self._fixed[schema.COMMITTED][()]
            for dataset in (*self._growing.values(), self._fixed[schema.FIRST], self._fixed[schema.OVERALL]):
                dataset.refresh()
            self._read_lengths(committed)
            self.log.update()
        self.index.update()
        self._late.update()
        self._forget()
        if known is not None and not np.array_equal(known, self.rows[: len(known)]):
            self.rewritten += 1

    def _forget(self) -> None:
        for name in CACHED:
            self.__dict__.pop(name, None)

    def _reopen_if_replaced(self) -> None:
        """Another run's recording of that name is not this one: then what is open stays."""
        if not is_replaced(self._file, self.path):
            return
        before = self.__dict__.copy()
        try:
            self._file = open_file(self.path)
            with reading(self.path):
                self._open()
            if not same_run(self.info, before["info"]):
                raise UsageError(f"{self.path} is another run's by now.")
        except (RecordingError, UsageError):
            opened = self._file
            self.__dict__ |= before
            if opened is not self._file:
                opened.close()
            return
        self.generation += 1
        self._forget()


PARTNERS: Mapping[Committed, tuple[str, ...]] = {
    Committed.ITERATIONS: (schema.LOSS, schema.SECONDS),
    Committed.ROWS: (schema.STATISTIC_VALUES,),
    Committed.LATE_ROWS: (schema.LATE_STATISTICS,),
}
"""Datasets that grow with the one whose length is committed, and are written before it."""
PLACES = {name: place for place, name in schema.LAST_WRITTEN.items()} | {
    name: place for place, names in PARTNERS.items() for name in names
}
CACHED = tuple(name for name, value in vars(Recording).items() if isinstance(value, cached_property))
