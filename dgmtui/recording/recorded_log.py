"""What a recording's log holds: snapshots, traces, events and the end."""

from functools import cached_property

from dgmtui.errors import UsageError
from dgmtui.recording import schema
from dgmtui.recording.codec import decode, from_json
from dgmtui.recording.model import THINNED, End, Event, SnapshotInfo, StoredTensor, TensorSpec
from dgmtui.recording.opening import reading
from dgmtui.recording.recorded_file import RecordedFile
from dgmtui.recording.schema import Committed, LogKind
from dgmtui.recording.tensors import check_spec


class RecordedLog(RecordedFile):
    """A recording's file with what happened in its run."""

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
