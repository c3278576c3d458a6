"""What was done in a session, as command lines that do it again, wherever they begin."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dgmtui.session.standing import Standing, standing_of

if TYPE_CHECKING:
    from dgmtui.session.journal import BrokenOff, Journal
    from dgmtui.session.session import Session

STAND = "stand"
"""The command that goes where another session stood."""
STEPS = ("step", "back")


class Diary:
    """The lines that were kept, and where the session stood between them.

    A screen moves by itself, to what the first finding concerns and to the unit that a replay shows to be the cause: a
    line of ``stand`` says so before the command that came after it.
    """

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.lines: list[str] = []
        self.journal: Journal | None = None
        """What keeps the lines on disk as they come, if anything does."""
        self.broken_off: BrokenOff | None = None
        """An earlier session that can be taken up."""
        self.naming = ""
        """The script that is being recorded; empty: none."""
        self._named_from = 0
        self._began: Standing | None = None
        self._before = self._after = standing_of(session)
        self._awaited: int | None = None
        self._pinned: int | None = None
        """The awaited iteration whose replay changes nothing in a script any more: a line of ``stand`` came after it.
        """

    def begin(self) -> None:
        """A command is about to run."""
        self._before = standing_of(self._session)
        self._awaited = self._session.awaited

    def keep(self, line: str) -> None:
        """Keep a command that has run; steps in a row become one."""
        waits = self._awaited is not None and self._awaited != self._pinned
        if self._began is None:
            self._began = self._before
            self._tell(self._before.line)
        elif waits or self._before != self._after:
            self._add(self._before.line)
        self._pinned = self._awaited if line.partition(" ")[0] in STEPS else None
        self._add(line)
        self._after = standing_of(self._session)

    def start_naming(self, name: str) -> None:
        """The lines from here on are a script of that name; how one got here is none of it."""
        now = standing_of(self._session)
        if self._began is not None and now != self._after:
            self._add(now.line)
            self._after = now
        self._pinned = self._session.awaited
        self.naming, self._named_from = name, len(self.lines)

    def stop_naming(self) -> tuple[str, Sequence[str]]:
        """Its name and its lines."""
        name, self.naming = self.naming, ""
        lines = self.lines[self._named_from :]
        self._named_from = 0
        return name, lines

    def script(self) -> tuple[str, ...]:
        """All lines, from where the session began to where it stands."""
        now = standing_of(self._session)
        first = (self._began or now).line
        waits = self._session.awaited is not None and self._session.awaited != self._pinned
        moved = self._session.watched or (self._began is not None and (waits or now != self._after))
        last = (now.line + " --follow" * self._session.following,) if moved else ()
        return (first, *self.lines, *last)

    def _add(self, line: str) -> None:
        merge(self.lines, line, self._named_from if self.naming else 0)
        self._tell(line)

    def _tell(self, line: str) -> None:
        if self.journal is not None:
            self.journal.add(line)


def merge(lines: list[str], line: str, first: int = 0) -> None:
    """Add a line; steps in a row become one, and so do places that nothing was done at, from ``first`` on."""
    verb, _, count = line.partition(" ")
    before, _, previous = lines[-1].partition(" ") if len(lines) > first else ("", "", "")
    if verb == before == STAND:
        lines[-1] = line
    elif verb == before and verb in STEPS and _forward(count) and _forward(previous):
        lines[-1] = f"{verb} {int(previous or 1) + int(count or 1)}"
    else:
        lines.append(line)


def _forward(count: str) -> bool:
    """Whether the ends of the recording stop so many steps as they stop them one by one."""
    return not count or (count.isdecimal() and int(count) > 0)
