"""Places that a person gave a name, and what they noted at an iteration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session.standing import Standing, standing_of

if TYPE_CHECKING:
    from dgmtui.session.session import Session


@dataclass(frozen=True)
class Note:
    """A sentence about an iteration."""

    iteration: int
    text: str


class Bookmarks:
    """Kept in the script, since the commands that set them are."""

    def __init__(self) -> None:
        self._places: dict[str, Standing] = {}
        self._notes: list[Note] = []

    @property
    def places(self) -> Mapping[str, Standing]:
        """By name, in the order in which they were set."""
        return self._places

    @property
    def notes(self) -> Sequence[Note]:
        """In the order of their iterations."""
        return sorted(self._notes, key=lambda note: note.iteration)

    def add(self, session: "Session", name: str) -> str:
        """Give the present place a name, the next free number where it is empty; an earlier place of that name is lost.

        Returns:
            The name.

        Raises:
            UsageError: it would be taken for an iteration.
        """
        name = name or f"b{next(n for n in range(1, len(self._places) + 2) if f'b{n}' not in self._places)}"
        if name.lstrip("+-").isdecimal() or name == "first-nonfinite":
            raise UsageError(f"{name!r} is an iteration to `goto`; give the bookmark a name with a letter", word=name)
        self._places.pop(name, None)
        self._places[name] = standing_of(session)
        return name

    def note(self, iteration: int, text: str) -> None:
        """Add a note."""
        self._notes.append(Note(iteration, text))
