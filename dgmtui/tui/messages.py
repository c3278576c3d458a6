"""What the worker tells the screen; only these cross the thread."""

from dataclasses import dataclass

from textual.message import Message

from dgmtui.commands.result import Result
from dgmtui.session.view import View


@dataclass(frozen=True)
class Answer:
    """What one command line came to."""

    line: str
    result: Result | None
    """None where it failed."""
    error: str = ""
    """One sentence; empty where it did not fail."""
    typed: bool = False
    """At the prompt or in the palette, rather than by a key."""
    wrong: str = ""
    """The line that failed: this one, or one of a script."""
    at: tuple[int, int] | None = None
    """Where in ``wrong`` the word is that is to blame, as far as that is known."""


class Answered(Message):
    """Command lines were run; ``view`` is how the session stands after them."""

    def __init__(self, answers: tuple[Answer, ...], view: View | None) -> None:
        super().__init__()
        self.answers = answers
        self.view = view


class Grown(Message):
    """What a run has recorded since was taken in; no view where that is nothing, or where it failed."""

    def __init__(self, view: View | None, error: str = "", said: str = "") -> None:
        super().__init__()
        self.view = view
        self.error = error
        self.said = said
        """That a breakpoint was met by it."""


class Refined(Message):
    """The sampling of the dynamics chart is over, or was stopped."""

    def __init__(self, view: View | None, error: str = "") -> None:
        super().__init__()
        self.view = view
        self.error = error


class Looked(Message):
    """The background look at findings is over."""

    def __init__(self, view: View | None, error: str = "", said: str = "") -> None:
        super().__init__()
        self.view = view
        self.error = error
        self.said = said
        """Where the session stands, if it moved to the unit that caused the failure."""
