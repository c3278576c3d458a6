"""Writing a recording while training: rows staged and appended in blocks to a file that readers can follow."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording import schema
from dgmtui.recording.appending import Appender, Block, LateStaging, Staging
from dgmtui.recording.budget import Budget
from dgmtui.recording.codec import to_json
from dgmtui.recording.creating import create_part, part_of, switch_to_following, writing
from dgmtui.recording.flushing import Flusher, exclusive
from dgmtui.recording.model import (
    MEASURES,
    STATISTICS,
    Channel,
    End,
    Event,
    Measure,
    ModuleInfo,
    NonFinite,
    RunInfo,
    SnapshotInfo,
    StoredTensor,
    TensorSpec,
    Verdict,
)
from dgmtui.recording.room import RESERVE, check_room
from dgmtui.recording.schema import Committed, LogKind
from dgmtui.recording.source import Source
from dgmtui.recording.tail import RowData, Tail, in_order
from dgmtui.recording.thinning import Thinned, take_over, thinned
from dgmtui.recording.uninterrupted import uninterrupted
from dgmtui.recording.writing_index import IndexWriter, nonfinite_in

if TYPE_CHECKING:
    import h5py

LATE_BYTES = 4 << 20
"""Rows of late channels are written as soon as they take more."""
UNSEEN = np.array([0.0 if name in STATISTICS[schema.COUNTS] else np.nan for name in STATISTICS])
"""Statistics of a channel that an iteration did not see."""
ITERATION_BLOCK = 512


class RecordingWriter:
    """The writing side of one recording; its methods raise ``RecordingError`` where the disk refuses.

    Until ``begin`` the file is ``PATH.part``. After it, everything is created and the file only grows, so that another
    process can read it at any time and a killed run loses at most ``flush_seconds``. With ``max_size`` (bytes) the file
    never takes more: before it would, a copy takes its place in which what is old is thinned.
    """

    def __init__(
        self,
        path: Path,
        info: RunInfo,
        *,
        block_rows: int = 64,
        flush_seconds: float = 1.0,
        max_size: int | None = None,
    ) -> None:
        self.path = Path(path)
        self._budget = None if max_size is None else Budget(max_size)
        self._every = info.every
        self._copy: Thinned | None = None
        self._block_rows = block_rows
        self._flush_seconds = flush_seconds
        self._file: h5py.File | None = create_part(self.path, info)
        self._begun = False
        self._last_row = schema.NEVER
        self._flushed_at = time.monotonic()
        self._added = False
        self._reserve = RESERVE
        self._failure: RecordingError | None = None
        self.lock = threading.RLock()
        """Held while anything is changed: a thread flushes what nothing follows."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be added any more."""
        return self._file is None

    @property
    def begun(self) -> bool:
        """Whether ``begin`` was called."""
        return self._begun

    def takes_snapshot(self, size: int) -> bool:
        """Whether a healthy snapshot of so many bytes leaves room for the rest of what is recorded."""
        return self._budget is None or self._budget.takes_snapshot(size)

    @exclusive
    def begin(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel], scalars: Sequence[str] = ()) -> None:
        """Create every dataset for this network, rename the file to its final name and let readers in.

        An interrupt is raised when it is done: what is half made can't be gone on with.
        """
        assert self._file is not None and not self._begun, "begin() comes once, before close()"
        self.channels = list(channels)
        self._scalars = {name: column for column, name in enumerate(scalars)}
        uninterrupted(lambda: self._begin(modules, channels, scalars))

    def _begin(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel], scalars: Sequence[str]) -> None:
        try:
            self._create(modules, channels, scalars)
        except BaseException:
            self._discard()  # the lock is the other thread's
            raise
        self._stage_blocks()
        self._begin_late()
        self._flusher = Flusher(self, self._flush_seconds / 2)
        self._begun = True

    def _create(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel], scalars: Sequence[str]) -> None:
        assert self._file is not None
        with writing(self.path):
            network = {"modules": modules, "channels": channels, "scalars": scalars}
            schema.create_text(self._file, schema.NETWORK, to_json(network))
            growing = schema.growing(self.channels, len(scalars), self._block_rows)
            self._grows = {name: like.block_bytes for name, like in growing.items()}
            rows = [n for n in growing if n in (schema.ROWS, schema.STATISTIC_VALUES) or n.startswith("series/")]
            self._block_bytes = sum(self._grows[name] for name in rows)
            self._slack = sum(self._grows[name] for name in growing if name not in rows) + 512 * len(growing)
            check_room(self.path, self._block_bytes)
            if self._budget is not None:
                self._budget.check_block(self.path, self._block_bytes + self._slack)
            self._appenders = {
                name: Appender(schema.create_growing(self._file, name, like)) for name, like in growing.items()
            }
            fixed = {
                name: schema.create_fixed(self._file, name, shape)
                for name, shape in schema.fixed(len(self.channels)).items()
            }
            self._committed = fixed[schema.COMMITTED]
            self._index = IndexWriter(self._appenders[schema.NONFINITE], fixed[schema.FIRST], fixed[schema.OVERALL])
            switch_to_following(self._file, self.path)

    def _stage_blocks(self) -> None:
        nan, width = np.nan, len(self._scalars)
        self._iterations = Staging(ITERATION_BLOCK)
        self._loss = self._iterations.add(self._appenders[schema.LOSS], (), schema.F8, nan)
        self._seconds = self._iterations.add(self._appenders[schema.SECONDS], (), schema.F8, nan)
        self._scalar_rows = self._iterations.add(self._appenders[schema.SCALARS], (width,), schema.F8, nan)
        self._rows = Staging(self._block_rows)
        tail = (len(self.channels), len(STATISTICS))
        self._row_iterations = self._rows.add(self._appenders[schema.ROWS], (), schema.I8, schema.NEVER)
        self._statistics = self._rows.add(self._appenders[schema.STATISTIC_VALUES], tail, schema.F8, UNSEEN)
        self._series: dict[tuple[int, Measure], Block] = {
            key: self._rows.add(self._appenders[name], (self.channels[key[0]].units,), schema.F4, nan)
            for key, name in schema.series_names(self.channels).items()
        }
        self._tail = Tail(self._rows, self._row_iterations, self._statistics, self._series)

    def _begin_late(self) -> None:
        self._late: list[Channel] = []
        names = schema.LATE_ROWS, schema.LATE_STATISTICS, schema.LATE_SERIES
        self._late_rows = LateStaging(*(self._appenders[name] for name in names))
        self._ids = {(known.module, known.quantity): i for i, known in enumerate(self.channels)}
        self._late_scalars: dict[str, int] = {}
        self._traces = 0

    @exclusive
    def add_iteration(
        self, iteration: int, loss: float, seconds: float, scalars: Mapping[str, float] | None = None
    ) -> None:
        """Record one iteration; those left out before it become NaN, one already recorded is written over if staged."""
        staging = self._iterations
        if iteration < staging.base:
            raise ValueError(f"iteration {iteration} was written already: iterations go upwards")
        while staging.total <= iteration:
            self._make_room(staging)
            staging.count += 1
        at = iteration - staging.base
        staging.rewrite(at)
        self._loss.rows[at] = loss
        self._seconds.rows[at] = seconds
        for name, value in (scalars or {}).items():
            if name in self._scalars:
                self._scalar_rows.rows[at, self._scalars[name]] = value
            else:
                self._add_late_scalar(iteration, name, value)
        self._flush_if_due()

    @exclusive
    def add_row(
        self,
        iteration: int,
        statistics: NDArray[np.float64],
        series: Mapping[tuple[int, Measure], NDArray[np.float32]],
    ) -> None:
        """Record the statistics ``[C, 9]`` and series ``{(channel id, measure): [U]}`` of one iteration.

        Non-finite values in ``statistics`` that ``add_nonfinite`` was not told of enter the index when the row is
        written.
        """
        if self._rows.total and iteration <= self._last_row:
            raise ValueError(f"a row for iteration {self._last_row} was added before {iteration}: rows go upwards")
        self._make_room(self._rows)  # where an interrupt came before there was any
        at, self._last_row = self._rows.count, iteration
        self._row_iterations.rows[at] = iteration
        self._statistics.rows[at] = statistics
        for key, values in series.items():
            self._series[key].rows[at] = values
        self._rows.count += 1
        if self._rows.full:
            self._make_room(self._rows)
        self._flush_if_due()

    @exclusive
    def insert_rows(self, rows: Sequence[RowData]) -> int:
        """Record rows, upwards, of iterations that were passed over; those recorded since come after or between them.

        A kill on the way loses no more than the rows from the first of these on, and leaves a file that is whole.

        Returns:
            From which iteration on rows follow each other without a gap, as far as these tell.
        """
        self.flush()
        since = rows[0].iteration
        with writing(self.path):
            written = self._tail.count(since)
        self._ensure_room((2 + (written + len(rows)) // self._block_rows) * self._block_bytes)
        with self._unthinned(), writing(self.path):
            held = self._tail.since(since)
            before = self._last_row = self._tail.take_back(since)
            if held:
                self._commit()
            self._put_back(deque(in_order(held, rows)))
        return since if before == schema.NEVER or before < since - 1 else before

    def _put_back(self, rows: deque[RowData]) -> None:
        """Add them all, even where Ctrl+C or SIGTERM interrupts: they are nowhere else any more."""
        try:
            while rows:
                row = rows.popleft()
                self.add_row(row.iteration, row.statistics, row.series)
            self.flush()
        except Exception:
            raise
        except BaseException:
            self._put_back(rows)
            raise

    @exclusive
    def add_late_channels(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel]) -> list[int]:
        """Name modules and channels met after ``begin`` and return the channels' ids."""
        self._log(LogKind.LATE_CHANNELS, {"modules": modules, "channels": channels})
        first = len(self.channels) + len(self._late)
        self._late += channels
        self._ids |= {(known.module, known.quantity): first + i for i, known in enumerate(channels)}
        return list(range(first, first + len(channels)))

    @exclusive
    def add_late_row(
        self,
        iteration: int,
        channel: int,
        statistics: NDArray[np.float64],
        series: Mapping[Measure, NDArray[np.float32]],
    ) -> None:
        """Record the statistics ``[9]`` and series ``{measure: [U]}`` of one late channel at one iteration."""
        known = self._late[channel - len(self.channels)]
        self._keep_within(self._late_rows.nbytes)
        values = np.full((len(MEASURES[known.quantity]), known.units), np.nan, schema.F4)
        for place, measure in enumerate(MEASURES[known.quantity]):
            values[place] = series.get(measure, np.nan)
        self._late_rows.add(iteration, channel, np.array(statistics, schema.F8), values.ravel())
        found = nonfinite_in(iteration, known, np.asarray(statistics), values[0])
        if found is not None:
            self._enter(channel, found)
        if self._late_rows.nbytes > LATE_BYTES:
            with writing(self.path):
                self._write_late_rows()
        self._flush_if_due()

    @exclusive
    def add_nonfinite(self, found: NonFinite) -> None:
        """Put a non-finite value into the index; the run's first reaches the file before this returns."""
        self._enter(self._channel_id(found), found)

    def _enter(self, channel: int, found: NonFinite) -> None:
        """Put it into the index unless it is there; the run's first is told to readers at once."""
        with writing(self.path):
            known = self._index.knows(found.iteration, channel)
        if known:
            return
        self._keep_within(0)
        with writing(self.path):
            first = self._index.add(channel, found)
        if first:
            self._commit()

    @exclusive
    def add_event(self, event: Event) -> None:
        """Record something that happened."""
        self._log(LogKind.EVENT, event)

    @exclusive
    def add_trace(self, graph_json: str) -> int:
        """Store a trace as JSON and return its id."""
        self._log_text(LogKind.TRACE, graph_json)
        self._traces += 1
        return self._traces - 1

    @exclusive
    def add_snapshot(
        self,
        *,
        iteration: int,
        turn: str,
        reason: str,
        trace: int,
        loss: float,
        verdict: Verdict,
        tensors: Mapping[str, StoredTensor],
        missing: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> SnapshotInfo:
        """Store the tensors of one iteration and what is known of it."""
        blob = self._appenders[schema.TENSORS]
        size = sum(stored.data.size for stored in tensors.values())
        self._ensure_room(size + self._grows[schema.TENSORS] + 512 * len(tensors))
        with writing(self.path):
            specs = {
                name: TensorSpec(t.dtype, tuple(t.shape), blob.append(t.data), t.data.size)
                for name, t in tensors.items()
            }
        info = SnapshotInfo(iteration, turn, reason, trace, loss, verdict, specs, tuple(missing), dict(extra or {}))
        with self._unthinned():  # the log is to say where these tensors lie
            self._log(LogKind.SNAPSHOT, info)
        return info

    @exclusive
    def flush(self) -> None:
        """Bring everything added into the file."""
        if self._file is None or not self._begun:
            return
        self._keep_within(self._staged_bytes)
        with writing(self.path):
            self._iterations.write()
            self._write_rows()
            self._write_late_rows()
        self._commit()

    @exclusive
    def close(self, end: End | None) -> None:
        """Record how the run ended and close the file; a second call does nothing.

        Where the disk is full, what still fits is kept: the losses, if not the series.
        """
        if self._file is None:
            return
        try:
            if self._begun:
                self._write_what_fits(end)
        finally:
            if self._begun:
                self._flusher.stop()
            file, self._file = self._file, None
            with writing(self.path):
                file.close()

    def _write_what_fits(self, end: End | None) -> None:
        refused: list[RecordingError] = []
        self._reserve = 0
        room = lambda: self._keep_within(self._staged_bytes)  # noqa: E731
        rows = self._iterations.write, self._write_rows, self._write_late_rows
        for write in (room, *rows, lambda: self._log_end(end), self._commit):
            try:
                with writing(self.path):
                    write()
            except RecordingError as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def _log_end(self, end: End | None) -> None:
        if end is not None:
            self._log(LogKind.END, end)

    def _write_rows(self) -> None:
        with self._unthinned():  # which was looked to before the first of what is written together
            self._ensure_room(self._block_bytes)
        self._index_staged_rows()
        self._rows.write()

    @property
    def _staged_bytes(self) -> int:
        """What the file grows by at most when all that is staged is written."""
        return self._block_bytes + self._late_rows.nbytes

    def _write_late_rows(self) -> None:
        if self._late_rows.nbytes:
            with self._unthinned():
                self._ensure_room(self._late_rows.nbytes)
            self._late_rows.write()

    @exclusive
    def discard(self) -> None:
        """Close the file and remove it; only before ``begin``, when it holds nothing and has not its final name yet."""
        assert not self._begun, "what was recorded is kept"
        self._discard()

    def _discard(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                with writing(self.path):
                    file.close()
            finally:
                part_of(self.path).unlink(missing_ok=True)

    def _make_room(self, staging: Staging) -> None:
        if not staging.full:
            return
        self._keep_within(self._staged_bytes)
        with writing(self.path):
            self._iterations.write()  # before the disk may be full: the losses are little and tell much
            if staging is self._rows:
                self._write_rows()
                self._write_late_rows()
        staging.clear()

    def _index_staged_rows(self) -> None:
        """Tell the index of non-finite statistics in rows about to be written that nobody told it of."""
        start, stop = self._rows.written, self._rows.count
        counts = self._statistics.rows[start:stop, :, schema.COUNTS]
        for row, channel in np.argwhere((counts > 0).any(axis=2)) + (start, 0):
            iteration = int(self._row_iterations.rows[row])
            if self._index.knows(iteration, int(channel)):
                continue
            known = self.channels[channel]
            block = self._series.get((int(channel), MEASURES[known.quantity][0]))
            units = None if block is None else block.rows[row]
            found = nonfinite_in(iteration, known, self._statistics.rows[row, channel], units)
            if found is not None:
                self._index.add(int(channel), found)
        self._index.forget_before(self._last_row)

    def _ensure_room(self, needed: int) -> None:
        """``RecordingError`` where so many bytes more have no room on the disk or in the budget."""
        self._keep_within(needed)
        check_room(self.path, needed, reserve=self._reserve)

    def _keep_within(self, needed: int) -> None:
        """Thin the recording if so many bytes more, and what goes with them, make it too large."""
        if self._budget is None:
            return
        self._finish_thinning()
        assert self._file is not None
        needed += self._slack
        if self._budget.wants_thinning(self._file.id.get_filesize(), needed):
            source = Source(self._file, self.channels, len(self._scalars), self._whole(), self._block_rows)
            staged, budget = self._rows.written, self._budget
            self._copy = thinned(self.path, source, self._every, staged, budget)
            self._finish_thinning()
            self._budget.tried(self._file.id.get_filesize())
        self._budget.check(self.path, self._file.id.get_filesize(), needed, self._reserve)

    @contextlib.contextmanager
    def _unthinned(self) -> Iterator[None]:
        """What was written lies where it lies until this is left."""
        if self._budget is None:
            yield
            return
        before, self._budget.held = self._budget.held, True
        try:
            yield
        finally:
            self._budget.held = before

    def _finish_thinning(self) -> None:
        """Go on in the thinned copy; done again where an interrupt came between."""
        copy = self._copy
        if copy is None or self._file is None:
            return
        take_over(copy, self.path)
        for name, appender in self._appenders.items():
            appender.move(copy.file[name])
        self._committed = copy.file[schema.COMMITTED]
        self._index.move(copy.file[schema.FIRST], copy.file[schema.OVERALL])
        self._rows.move(self._appenders[schema.ROWS].length)
        old, self._file = self._file, copy.file
        self._copy = None
        if old is not copy.file:
            old.close()

    def _channel_id(self, found: NonFinite) -> int:
        channel = self._ids.get((found.module, found.quantity))
        if channel is None:
            raise ValueError(f"no channel for the {found.quantity} of module {found.module!r}: name it before")
        return channel

    def _add_late_scalar(self, iteration: int, name: str, value: float) -> None:
        if name not in self._late_scalars:
            self._log(LogKind.LATE_SCALAR, name)
            self._late_scalars[name] = len(self._late_scalars)
        with writing(self.path):
            row = np.array([[iteration, self._late_scalars[name], value]], schema.F8)
            self._appenders[schema.LATE_SCALARS].append(row)

    def _log(self, kind: LogKind, record: Any) -> None:
        self._log_text(kind, to_json(record))

    def _log_text(self, kind: LogKind, text: str) -> None:
        data = np.frombuffer(text.encode(), schema.U1)
        self._ensure_room(len(data) + self._grows[schema.LOG_DATA])
        with writing(self.path):
            offset = self._appenders[schema.LOG_DATA].append(data)
            self._appenders[schema.LOG_TABLE].append(np.array([[kind, offset, len(data)]]))
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        """Something was added."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        self._added = True
        if time.monotonic() - self._flushed_at >= self._flush_seconds:
            self.flush()

    def flush_if_due(self) -> None:
        """The flushing thread asks; what the disk refuses here is raised where something is added next."""
        if self._file is not None and self._added and time.monotonic() - self._flushed_at >= self._flush_seconds / 2:
            try:
                self.flush()
            except RecordingError as error:
                self._failure = error

    def _commit(self) -> None:
        """Say how much is whole, after it has reached the file: a kill between the two loses nothing said before."""
        assert self._file is not None
        self._finish_thinning()
        with writing(self.path):
            self._file.flush()
            self._committed[...] = self._whole()
            self._file.flush()
        self._flushed_at, self._added = time.monotonic(), False

    def _whole(self) -> NDArray[np.int64]:
        """``[8]``: how much of each growing part every dataset of it holds."""
        lengths = np.zeros(len(Committed), schema.I8)
        for place, name in schema.LAST_WRITTEN.items():
            lengths[place] = self._appenders[name].length
        lengths[Committed.ITERATIONS], lengths[Committed.ROWS] = self._iterations.whole, self._rows.whole
        return lengths
