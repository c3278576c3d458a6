"""Writing a recording while training: rows staged and appended in blocks to a file that readers can follow."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording import schema
from dgmtui.recording.creating import writing
from dgmtui.recording.flushing import Flusher, Pace, exclusive
from dgmtui.recording.model import (
    Channel,
    End,
    Event,
    Measure,
    ModuleInfo,
    NonFinite,
    OptimizerStep,
    RunInfo,
    SnapshotInfo,
    StoredTensor,
    Verdict,
)
from dgmtui.recording.schema import LogKind
from dgmtui.recording.staged import Staged
from dgmtui.recording.staged_rows import StagedIterations, StagedRows
from dgmtui.recording.tail import RowData, in_order
from dgmtui.recording.uninterrupted import uninterrupted
from dgmtui.recording.writing_late import LateWriter
from dgmtui.recording.writing_log import LogWriter
from dgmtui.recording.written_file import WrittenFile


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
        self.info = info
        self._file = WrittenFile(self.path, info, block_rows, max_size)
        self._flush_seconds = flush_seconds
        self._begun = False
        self._pace = Pace(flush_seconds)
        self.lock = threading.RLock()
        """Held while anything is changed: a thread flushes what nothing follows."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be added any more."""
        return self._file.closed

    @property
    def begun(self) -> bool:
        """Whether ``begin`` was called."""
        return self._begun

    def takes_snapshot(self, size: int, *, failing: bool = False) -> bool:
        """Whether a snapshot of so many bytes leaves room for the rest of what is recorded."""
        return self._file.budget is None or self._file.budget.takes_snapshot(size, failing=failing)

    @exclusive
    def begin(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel], scalars: Sequence[str] = ()) -> None:
        """Create every dataset for this network, rename the file to its final name and let readers in.

        An interrupt is raised when it is done: what is half made can't be gone on with.
        """
        assert not self.closed and not self._begun, "begin() comes once, before close()"
        uninterrupted(lambda: self._begin(modules, channels, scalars))

    def _begin(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel], scalars: Sequence[str]) -> None:
        try:
            self._file.create(modules, channels, scalars)
        except BaseException:
            self._file.discard()  # not by ``discard``: the lock is the other thread's
            raise
        self._iterations = StagedIterations(self._file, {name: column for column, name in enumerate(scalars)})
        self._rows = StagedRows(self._file)
        self._log = LogWriter(self._file)
        self._late = LateWriter(self._file, self._log)
        self._staged = Staged(self._file, self._rows, self._late)
        self._ids = {(known.module, known.quantity): i for i, known in enumerate(channels)}
        self._flusher = Flusher(self, self._flush_seconds / 2)
        self._begun = True

    @exclusive
    def add_iteration(
        self, iteration: int, loss: float, seconds: float, scalars: Mapping[str, float] | None = None
    ) -> None:
        """Record one iteration; those left out before it become NaN, one already recorded is written over if staged.

        Raises:
            ValueError: it is in the file already.
        """
        staging = self._file.iterations
        if iteration < staging.base:
            raise ValueError(f"iteration {iteration} was written already: iterations go upwards")
        while staging.total <= iteration:
            self._staged.make_room(staging)
            staging.count += 1
        at = iteration - staging.base
        staging.rewrite(at)
        for name, value in self._iterations.set(at, loss, seconds, scalars or {}).items():
            self._late.add_scalar(iteration, name, value)
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

        Raises:
            ValueError: a row of this iteration or a later one was added before.
        """
        staging, last = self._file.rows, self._rows.last
        if staging.total and iteration <= last:
            raise ValueError(f"a row for iteration {last} was added before {iteration}: rows go upwards")
        self._staged.make_room(staging)  # where an interrupt came before there was any
        self._rows.add(iteration, statistics, series)
        self._staged.make_room(staging)
        self._flush_if_due()

    @exclusive
    def insert_rows(self, rows: Sequence[RowData]) -> int:
        """Record rows, upwards, of iterations that were passed over; those recorded since come after or between them.

        A kill on the way loses no more than the rows from the first of these on, and leaves a file that is whole.

        Returns:
            From which iteration on rows follow each other without a gap, as far as these tell.
        """
        self.flush()
        since, file, tail = rows[0].iteration, self._file, self._rows.tail
        with writing(self.path):
            written = tail.count(since)
        file.ensure_room((2 + (written + len(rows)) // file.block_rows) * file.block_bytes)
        with file.unthinned(), writing(self.path):
            held = tail.since(since)
            before = self._rows.last = tail.take_back(since)
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
        ids = self._late.add_channels(modules, channels)
        self._ids |= {(known.module, known.quantity): i for i, known in zip(ids, channels, strict=True)}
        self._flush_if_due()
        return ids

    @exclusive
    def add_late_row(
        self,
        iteration: int,
        channel: int,
        statistics: NDArray[np.float64],
        series: Mapping[Measure, NDArray[np.float32]],
    ) -> None:
        """Record the statistics ``[9]`` and series ``{measure: [U]}`` of one late channel at one iteration."""
        found = self._late.add_row(iteration, channel, statistics, series)
        if found is not None:
            self._enter(channel, found)
        self._late.write_if_large()
        self._flush_if_due()

    @exclusive
    def add_nonfinite(self, found: NonFinite) -> None:
        """Put a non-finite value into the index; the run's first reaches the file before this returns.

        Raises:
            ValueError: it is of no channel.
        """
        channel = self._ids.get((found.module, found.quantity))
        if channel is None:
            raise ValueError(f"no channel for the {found.quantity} of module {found.module!r}: name it before")
        self._enter(channel, found)

    def _enter(self, channel: int, found: NonFinite) -> None:
        """Put it into the index unless it is there; the run's first is told to readers at once."""
        if self._file.enter(channel, found):
            self._commit()

    @exclusive
    def add_event(self, event: Event) -> None:
        """Record something that happened."""
        self._log.add(LogKind.EVENT, event)
        self._flush_if_due()

    @exclusive
    def add_trace(self, graph_json: str) -> int:
        """Store a trace as JSON and return its id."""
        trace = self._log.add_trace(graph_json)
        self._flush_if_due()
        return trace

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
        optimizers: Sequence[OptimizerStep] = (),
    ) -> SnapshotInfo:
        """Store the tensors of one iteration and what is known of it."""
        specs = self._log.add_tensors(tensors)
        known, steps = dict(extra or {}), tuple(optimizers)
        info = SnapshotInfo(iteration, turn, reason, trace, loss, verdict, specs, tuple(missing), known, steps)
        with self._file.unthinned():  # the log is to say where these tensors lie
            self._log.add(LogKind.SNAPSHOT, info)
        self._flush_if_due()
        return info

    @exclusive
    def flush(self) -> None:
        """Bring everything added into the file."""
        if self.closed or not self._begun:
            return
        self._staged.write()
        self._commit()

    @exclusive
    def close(self, end: End | None) -> None:
        """Record how the run ended and close the file; a second call does nothing.

        Where the disk is full, what still fits is kept: the losses, if not the series.
        """
        if self.closed:
            return
        try:
            if self._begun:
                self._write_what_fits(end)
        finally:
            if self._begun:
                self._flusher.stop()
            self._file.close()

    def _write_what_fits(self, end: End | None) -> None:
        refused: list[RecordingError] = []
        self._file.reserve = 0
        staged = self._staged
        for write in (staged.keep_room, *staged.parts, lambda: self._log_end(end), self._commit):
            try:
                with writing(self.path):
                    write()
            except RecordingError as error:
                refused.append(error)
        if refused:
            raise refused[0]

    def _log_end(self, end: End | None) -> None:
        if end is not None:
            self._log.add(LogKind.END, end)
            self._flush_if_due()

    @exclusive
    def discard(self) -> None:
        """Close the file and remove it; only before ``begin``, when it holds nothing and has not its final name yet."""
        assert not self._begun, "what was recorded is kept"
        self._file.discard()

    def _flush_if_due(self) -> None:
        """Something was added."""
        if self._pace.note_added():
            self.flush()

    def flush_if_due(self) -> None:
        """The flushing thread asks; what the disk refuses here is raised where something is added next."""
        if not self.closed and self._pace.waiting:
            try:
                self.flush()
            except RecordingError as error:
                self._pace.failure = error

    def _commit(self) -> None:
        self._file.commit()
        self._pace.note_flushed()
