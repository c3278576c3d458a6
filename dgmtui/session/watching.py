"""What a run that goes on records meanwhile, and which of its findings came since somebody last looked."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dgmtui.session.chosen import name_of

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.recording.reader import Recording


class SeenFindings:
    """Those that were listed when the last command was run; before the first is noted, none is new."""

    def __init__(self) -> None:
        self._names: frozenset[tuple[object, ...]] | None = None

    def note(self, findings: "Iterable[Finding]") -> None:
        """These have been seen."""
        self._names = frozenset(map(name_of, findings))

    def lack(self, finding: "Finding") -> bool:
        """Whether it came since."""
        return self._names is not None and name_of(finding) not in self._names


def take_in(recordings: "Sequence[Recording]") -> bool:
    """Read what the ranks of a run have recorded since; whether that is anything."""
    changed = False
    for recording in recordings:
        before = _extent(recording)
        recording.refresh()
        changed |= _extent(recording) != before
    return changed


def _extent(recording: "Recording") -> tuple[object, ...]:
    """What a view shows more of when a run goes on."""
    rows = recording.generation, len(recording.rows)
    return recording.iteration_count, rows, len(recording.snapshots), recording.end
