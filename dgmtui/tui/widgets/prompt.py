"""The ``(dgm)`` line: what the last command said, or an input with history and completion."""

import os
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from dgmtui.render.tables import cut
from dgmtui.tui.widgets.status import Line

Complete = Callable[[str], Sequence[str]]


class CommandInput(Input):
    """One line. Enter runs it, Esc closes, Tab completes, up and down go through the history."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False, priority=True),
        Binding("tab", "complete", "Complete", show=False, priority=True),
        Binding("up", "older", "Older", show=False),
        Binding("down", "newer", "Newer", show=False),
    ]

    class Closed(Message):
        """Esc was pressed."""

    class Offered(Message):
        """Tab found several ways to go on."""

        def __init__(self, lines: Sequence[str]) -> None:
            super().__init__()
            self.lines = tuple(lines)

    def __init__(self, complete: Complete) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._complete = complete
        self._history: list[str] = []
        self._place = 0

    def open(self, text: str) -> None:
        """Begin a line with ``text``."""
        self.value = text
        self.cursor_position = len(text)
        self._place = len(self._history)

    def remember(self, line: str) -> None:
        """Add a line to the history, unless it repeats the last one."""
        if line and self._history[-1:] != [line]:
            self._history.append(line)

    def action_close(self) -> None:
        """Tell whoever opened it that Esc was pressed."""
        self.post_message(self.Closed())

    def action_complete(self) -> None:
        """Complete as far as all candidates agree, and show them where there are several."""
        lines = list(self._complete(self.value))
        if len(lines) == 1:
            self._write(lines[0] if lines[0].endswith(("(", ":", "[", ".")) else lines[0] + " ")
        elif lines:
            self._write(max(os.path.commonprefix(lines), self.value, key=len))
            self.post_message(self.Offered(lines))

    def action_older(self) -> None:
        """The line before in the history."""
        self._recall(-1)

    def action_newer(self) -> None:
        """The line after in the history; behind the last, an empty one."""
        self._recall(1)

    def _recall(self, step: int) -> None:
        self._place = min(max(0, self._place + step), len(self._history))
        self._write(self._history[self._place] if self._place < len(self._history) else "")

    def _write(self, text: str) -> None:
        self.value = text
        self.cursor_position = len(text)


class Prompt(Horizontal):
    """Shows the last answer while closed; takes a line while open."""

    class Entered(Message):
        """A line was entered; it may be empty."""

        def __init__(self, line: str, prefix: str) -> None:
            super().__init__()
            self.line = line
            self.prefix = prefix

    class Left(Message):
        """The prompt was closed without a line."""

    def __init__(self, complete: Complete, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._input = CommandInput(complete)
        self._answer = Line(id="answer")
        self._mark = Line(id="mark")
        self._prefix = ""

    @property
    def is_open(self) -> bool:
        """Whether it takes a line now."""
        return self.has_class("-open")

    @property
    def text(self) -> str:
        """What has been typed so far."""
        return self._input.value

    def compose(self) -> ComposeResult:
        """The mark, and the answer or the input beside it."""
        yield self._mark
        yield self._answer
        yield self._input

    def on_mount(self) -> None:
        """Closed at first."""
        self._input.can_focus = False
        self._set_mark("(dgm) ")

    def open(self, text: str = "", prefix: str = "") -> None:
        """Take a line that begins with ``text``; ``prefix`` (``/`` to search) is shown in place of ``(dgm)``."""
        self._prefix = prefix
        self._set_mark(f"{prefix} " if prefix else "(dgm) ")
        self._input.open(text)
        self.add_class("-open")
        self._input.can_focus = True
        self.screen.set_focus(self._input, scroll_visible=False)  # at once: `focus` would wait for its turn

    def close(self) -> None:
        """Give the line back to the answer."""
        self.remove_class("-open")
        self.screen.set_focus(None)
        self._input.can_focus = False
        self._set_mark("(dgm) ")

    def say(self, text: str, style: str = "") -> None:
        """Show one line of answer; ``style`` is ``error``, ``warning``, ``dim`` or empty."""
        self._answer.show_row([(cut(text, max(1, self.screen.size.width - 7)), style)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close, and hand the line on."""
        event.stop()
        if not self._prefix:
            self._input.remember(event.value.strip())
        self.close()
        self.post_message(self.Entered(event.value.strip(), self._prefix))

    def on_command_input_closed(self, event: CommandInput.Closed) -> None:
        """Close without a line."""
        event.stop()
        self.close()
        self.post_message(self.Left())

    def _set_mark(self, text: str) -> None:
        self._mark.styles.width = len(text)
        self._mark.show_row([(text, "strong")])
