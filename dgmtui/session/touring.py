"""The tour for whoever sees the screen for the first time: steps that are over when the session has come there."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.session.folders import state_folder

if TYPE_CHECKING:
    from dgmtui.session.session import Session

NAME = "tour"
"""Of its command, which ends no step."""
OFFERED, TAKEN, DECLINED = "offered", "taken", "declined"


@dataclass(frozen=True)
class Step:
    """One thing to see, and one to do next."""

    line: str
    """The command line that does it: ``set input[0][15] = input[0][3]``."""
    see: str
    """What is to be seen now."""
    do: str
    """Which key to press, and what it shows."""
    done: "Callable[[Session, str], bool]"
    """Whether the session has come there, from it and the name of the command that has just run."""

    @property
    def words(self) -> str:
        """One or two lines of a narrow screen."""
        return f"{self.see} {self.do}"


class Tour:
    """Not under way at first; what it says stands above the prompt."""

    def __init__(self) -> None:
        self._steps: Sequence[Step] = ()
        self._place = 0
        self._alone = self._farewell = ""

    @property
    def number(self) -> int | None:
        """Which step is to be done, from 1; None where the tour is not under way."""
        return self._place + 1 if self._steps else None

    @property
    def words(self) -> str:
        """What is shown; empty: nothing."""
        if not self._steps:
            return self._alone
        return f"tour {self._place + 1}/{len(self._steps)}  {self._steps[self._place].words}"

    def offer(self, words: str) -> None:
        """Say that there is one, until a command is run."""
        self._alone = words

    def begin(self, steps: Sequence[Step], farewell: str) -> None:
        """Show the first of ``steps``; ``farewell`` comes after the last."""
        self._steps, self._place, self._alone, self._farewell = steps, 0, "", farewell

    def stop(self) -> None:
        """Show nothing more."""
        self._steps, self._alone = (), ""

    def go_on(self, session: "Session", command: str) -> None:
        """``command`` has run: the step is over if that led where it should; an offer or a farewell has been read."""
        if command == NAME:
            return
        self._alone = ""
        if self._steps and self._steps[self._place].done(session, command):
            self._place += 1
            if self._place == len(self._steps):
                self._steps, self._alone = (), self._farewell


def noted() -> str:
    """What became of the tour on this machine: ``offered``, ``taken`` or ``declined``; empty: it was never offered."""
    with suppress(OSError):
        return (state_folder() / NAME).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def note(what: str) -> bool:
    """Keep what became of it; whether that could be kept."""
    folder = state_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).write_text(what + "\n", encoding="utf-8")
    except OSError:
        return False
    return True


def is_to_be_offered(*, always: bool) -> bool:
    """Whether this is the first screen of all, or (``always``) the tour was neither taken nor declined yet.

    What can't be noted is not offered: it would be again and again.
    """
    before = noted()
    return before in (("", OFFERED) if always else ("",)) and note(OFFERED)
