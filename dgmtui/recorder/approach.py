"""What leads to a failure is recorded iteration by iteration, however few of them are otherwise."""

from collections.abc import Callable

from dgmtui.errors import RecordingError
from dgmtui.recorder.defaults import LAST
from dgmtui.recorder.light import LightRow
from dgmtui.recorder.measure import Row
from dgmtui.recorder.ring import Ring
from dgmtui.recorder.rows import Rows, measured
from dgmtui.recording.model import DENSE, Event


class Approach:
    """Keeps the iterations that no row is written of, and writes those before a failure after all."""

    def __init__(
        self,
        rows: Rows,
        tell: Callable[[Event], object],
        say: Callable[[str], None] = lambda text: None,
        last: int = LAST,
    ) -> None:
        self._rows = rows
        self._tell = tell
        self._say = say
        self._last = last
        self._ring = Ring(last)
        self._failing = False
        """The iteration before failed."""
        self._written_at: int | None = None

    def keep(self, iteration: int, row: Row | LightRow) -> None:
        """An iteration ended of which no row is written."""
        self._ring.keep(iteration, measured(row) if isinstance(row, Row) else row)  # hooks may yet add to a row

    def is_onset(self, iteration: int, *, failed: bool) -> bool:
        """Whether what led to the iteration that just ended is to be written: it failed, and the one before did not.

        Failures that follow each other sooner than the ring is full again are taken for one.
        """
        if self._last == 0:
            return False
        onset, self._failing = failed and not self._failing, failed
        return onset and (self._written_at is None or iteration - self._written_at >= self._last)

    def write(self, iteration: int) -> None:
        """Write all that is kept, as ``iteration`` failed or is the run's last."""
        kept = self._ring.take()
        self._written_at = iteration
        if not kept:
            return
        try:
            first = self._rows.write_passed_over(kept)
        except RecordingError as error:  # what failed is yet to be written, and matters more
            self._say(f"the {len(kept)} iterations before iteration {iteration} have no rows: {error}")
            return
        message = f"rows are dense from iteration {first} to {iteration}"
        self._tell(Event(iteration, DENSE, message, {"first": first, "last": iteration}))
