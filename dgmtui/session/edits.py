"""The edits that stand at each snapshot, and those undone."""

from typing import TYPE_CHECKING, TypeAlias

from dgmtui.errors import UsageError
from dgmtui.recording.model import SnapshotInfo

if TYPE_CHECKING:
    from dgmtui.trace.edits import Edit

    Standing: TypeAlias = tuple[Edit, ...]

RECORDED: "Standing" = ()
"""No edits: the iteration as it was recorded."""


class Edits:
    """A stack a snapshot; what was undone can be done again until something else is."""

    def __init__(self) -> None:
        self._done: dict[tuple[int, str], Standing] = {}
        self._undone: dict[tuple[int, str], Standing] = {}

    def of(self, snapshot: SnapshotInfo) -> "Standing":
        """Those that stand, in the order in which they were made."""
        return self._done.get(_key(snapshot), ())

    def add(self, snapshot: SnapshotInfo, edit: "Edit") -> None:
        """Another one stands; what was undone is forgotten."""
        self._done[_key(snapshot)] = (*self.of(snapshot), edit)
        self._undone.pop(_key(snapshot), None)

    def undo(self, snapshot: SnapshotInfo) -> "Edit":
        """Take back the last one.

        Raises:
            UsageError: none stands.
        """
        if not self.of(snapshot):
            raise UsageError(f"no edit stands at iteration {snapshot.iteration:,}; nothing to undo")
        *left, last = self.of(snapshot)
        self._done[_key(snapshot)] = tuple(left)
        self._undone[_key(snapshot)] = (*self._undone.get(_key(snapshot), ()), last)
        return last

    def redo(self, snapshot: SnapshotInfo) -> "Edit":
        """Make the one again that was undone last.

        Raises:
            UsageError: none was, or another edit was made since.
        """
        if not self._undone.get(_key(snapshot)):
            raise UsageError(f"nothing was undone at iteration {snapshot.iteration:,}, or another edit was made since")
        *left, last = self._undone[_key(snapshot)]
        self._undone[_key(snapshot)] = tuple(left)
        self._done[_key(snapshot)] = (*self.of(snapshot), last)
        return last


def _key(snapshot: SnapshotInfo) -> tuple[int, str]:
    return snapshot.iteration, snapshot.turn
