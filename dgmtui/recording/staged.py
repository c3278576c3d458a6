"""All that is staged for a file, written together."""

from collections.abc import Callable, Sequence

from dgmtui.recording.appending import Staging
from dgmtui.recording.creating import writing
from dgmtui.recording.staged_rows import StagedRows
from dgmtui.recording.writing_late import LateWriter
from dgmtui.recording.written_file import WrittenFile


class Staged:
    """Iterations, rows, and rows of late channels."""

    def __init__(self, file: WrittenFile, rows: StagedRows, late: LateWriter) -> None:
        self._file, self._late = file, late
        self.parts: Sequence[Callable[[], object]] = (file.iterations.write, rows.write, late.write)
        """What writes each; iterations first, as the disk may be full: the losses are little and tell much."""

    def keep_room(self) -> None:
        """Thin the recording if what is staged makes it too large."""
        self._file.keep_within(self._file.block_bytes + self._late.nbytes)

    def write(self) -> None:
        """Write it all."""
        self.keep_room()
        with writing(self._file.path):
            for part in self.parts:
                part()

    def make_room(self, staging: Staging) -> None:
        """Have a place for the next row of a staging that is full."""
        if not staging.full:
            return
        if staging is self._file.rows:
            self.write()
        else:
            self.keep_room()
            with writing(self._file.path):
                staging.write()
        staging.clear()
