"""What was done in a session, as command lines that do it again, wherever they begin."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from dgmtui.session.standing import Standing, standing_of

if TYPE_CHECKING:
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
        self.listener: Callable[[str], None] | None = None
        """Is told every line as it is kept, those of ``stand`` as well."""
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

    def script(self) -> tuple[str, ...]:
        """All lines, from where the session began to where it stands."""
        now = standing_of(self._session)
        first = (self._began or now).line
        waits = self._session.awaited is not None and self._session.awaited != self._pinned
        moved = self._session.watched or (self._began is not None and (waits or now != self._after))
        last = (now.line,) if moved else ()
        return (first, *self.lines, *last, *(("follow",) if self._session.following else ()))

    def _add(self, line: str) -> None:
        self.lines = merged(self.lines, line)
        self._tell(line)

    def _tell(self, line: str) -> None:
        if self.listener is not None:
            self.listener(line)


def merged(lines: list[str], line: str) -> list[str]:
    """``lines`` and one more; steps in a row become one, and so do places that nothing was done at."""
    verb, _, count = line.partition(" ")
    before, _, previous = lines[-1].partition(" ") if lines else ("", "", "")
    if verb == before == STAND:
        lines[-1] = line
    elif verb == before and verb in STEPS and _forward(count) and _forward(previous):
        lines[-1] = f"{verb} {int(previous or 1) + int(count or 1)}"
    else:
        lines.append(line)
    return lines


def _forward(count: str) -> bool:
    """Whether the ends of the recording stop so many steps as they stop them one by one."""
    return not count or (count.isdecimal() and int(count) > 0)
