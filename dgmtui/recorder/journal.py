"""What goes to the recording, in its order: what comes before the first iteration is whole waits for it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dgmtui.recorder.approach import Approach
from dgmtui.recorder.defaults import LAST
from dgmtui.recorder.light import LightRow
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names
from dgmtui.recorder.rows import Rows, measured
from dgmtui.recorder.watching import Watch
from dgmtui.recording.model import End, Event
from dgmtui.recording.writer import RecordingWriter


@dataclass
class Ended:
    """An iteration that is over but for what may still be logged to it."""

    iteration: int
    loss: float
    seconds: float
    scalars: dict[str, float]
    row: Row | LightRow | None
    due: bool = True
    """The row is to be written now; else it is kept in case that something fails."""
    failed: bool = False
    """The loss or a gradient was seen not to be finite."""
    scaled: bool = False
    """A ``GradScaler`` is at work: gradients overflow now and then."""

    @property
    def fails(self) -> bool:
        """Whether the loss or a gradient is not finite."""
        overflowed = self.row is not None and self.row.overflowed and not self.scaled
        return self.failed or overflowed or not math.isfinite(self.loss)


class Journal:
    """Writes iterations, rows and events; the first iteration decides which channels and scalars there are."""

    def __init__(
        self,
        writer: RecordingWriter,
        names: Names,
        *,
        watch: Watch,
        last: int = LAST,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.writer = writer
        self._ended: Ended | None = None
        """The last iteration, as long as numbers may be logged to it."""
        self._held = False
        """It is not written yet."""
        self._shown = -1
        """The last that was written before it had ended."""
        self._watch = watch
        self._rows = Rows(writer, names, watch)
        self._approach = Approach(self._rows, writer.add_event, say, last)
        self._waiting: list[Callable[[], object]] = []

    @property
    def shapes(self) -> dict[str, tuple[tuple[int, ...], int | None]]:
        """Path → output shape and unit axis of the modules called so far."""
        return self._rows.shapes

    def begin(self, row: Row | LightRow | None, scalars: tuple[str, ...] = ()) -> None:
        """Make the recording's datasets, unless they are there."""
        if self._rows.begun:
            return
        self._rows.begin(row or Row(), scalars)
        self._write_waiting()

    def _write_waiting(self) -> None:
        """An interrupt within leaves the rest to be written."""
        while self._waiting:
            self._waiting.pop(0)()

    @property
    def begun(self) -> bool:
        """Whether the recording has its channels."""
        return self._rows.begun

    def later(self, write: Callable[[], object]) -> None:
        """Now, or as soon as the recording has its channels."""
        self._waiting.append(write)
        if self._rows.begun:
            self._write_waiting()

    def event(self, iteration: int, kind: str, message: str, data: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Something happened."""
        self.later(lambda: self.writer.add_event(Event(iteration, kind, message, dict(data))))

    def write(self, ended: Ended) -> None:
        """Write an iteration that has ended, so that none is lost where a pause follows and then the end.

        Only the first is held back: what is logged to it decides which scalars there are.
        """
        self.write_ended()
        self._ended, self._held = ended, True
        if self.begun:
            self._put(ended)

    def _put(self, ended: Ended) -> None:
        try:
            self.writer.add_iteration(ended.iteration, ended.loss, ended.seconds, ended.scalars)
        except Exception:
            self._held = False  # what was refused is not tried again, what was interrupted is
            raise
        self._held = False
        if ended.iteration == self._shown:
            return
        row = ended.row
        onset = self._approach.is_onset(ended.iteration, failed=ended.fails)
        if row is not None and not row.is_empty:
            if ended.due or onset:
                self._rows.write(ended.iteration, measured(row))
            else:
                self._approach.keep(ended.iteration, row)
        if onset:
            self._approach.write(ended.iteration)
        self._watch.iteration(ended.iteration, ended.loss, ended.seconds)
        if not ended.fails:
            for event in self._watch.look_if_due(ended.iteration):
                self.writer.add_event(event)

    def log(self, scalars: Mapping[str, float]) -> bool:
        """Add numbers to the iteration that ended last; whether there is one that still takes them."""
        ended = self._ended
        if ended is None:
            return False
        if self._held:
            ended.scalars.update(scalars)
        else:
            self.writer.add_iteration(ended.iteration, ended.loss, ended.seconds, scalars)
        return True

    def write_ended(self) -> None:
        """Nothing is logged any more to the iteration that ended before: write it if it was held back."""
        ended = self._ended
        if ended is not None and self._held:
            self.begin(ended.row, tuple(ended.scalars))
            self._put(ended)
        self._ended = None

    def write_failing(self, ended: Ended) -> None:
        """Write the iteration that the run stops at, or waits in, at once; if it goes on, only its numbers are
        written again when it has ended."""
        self.write(ended)
        self.write_ended()
        self._shown = ended.iteration
        self.writer.flush()

    def write_all(self, iteration: int) -> None:
        """Write what waits, and what led to ``iteration``, which is the run's last."""
        self.write_ended()
        self.begin(None)
        self._write_waiting()
        self._approach.write(iteration)
        self.writer.flush()

    def close(self, end: End) -> None:
        """Everything goes to the file and the file is closed; where there is nothing to tell, no file is left."""
        if self.writer.closed:  # the disk refused it from the start
            return
        self.write_ended()
        if self._rows.begun or self._waiting:
            self.begin(None)
            self._write_waiting()
            try:
                if end.reason != "finished":
                    self._approach.write(end.iteration)
            finally:
                self.writer.close(end)
        else:
            self.writer.discard()
