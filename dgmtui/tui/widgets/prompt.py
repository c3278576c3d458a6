"""The ``(dgm)`` line: what the last command said, or an input with history and completion."""

import os
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input
from textual.widgets.input import Selection

from dgmtui.render.tables import cut
from dgmtui.session.typed_lines import TypedLines
from dgmtui.tui.widgets.status import Line

Complete = Callable[[str], Sequence[str]]
UNFINISHED = ("(", ":", "[", "/", ".")
"""Behind a completed word that ends so, no blank follows."""


class CommandInput(Input):
    """One line. Enter runs it, Esc closes, Tab completes, up, down and Ctrl+R go through the history."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False, priority=True),
        Binding("tab", "complete(1)", "Complete", show=False, priority=True),
        Binding("shift+tab", "complete(-1)", "Complete", show=False, priority=True),
        Binding("up", "move(-1)", "Older", show=False),
        Binding("down", "move(1)", "Newer", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("ctrl+r", "search", "Search", show=False),
    ]

    class Closed(Message):
        """Esc was pressed."""

    class Offered(Message):
        """Tab found several ways to go on; ``chosen`` is the one that stands there, if one does."""

        def __init__(self, lines: Sequence[str], chosen: int | None) -> None:
            super().__init__()
            self.lines = tuple(lines)
            self.chosen = chosen

    class Typed(Message):
        """The line is another, and Tab has not made it so."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Moved(Message):
        """Up or down in a list that the line searches."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, complete: Complete, typed: TypedLines) -> None:
        super().__init__(compact=True, select_on_focus=False)
        self.cursor_blink = False
        self._complete = complete
        self.typed = typed
        self.listing = False
        """It searches a list: up and down move in that, and Tab chooses from it."""
        self._wrong: tuple[str, tuple[int, int]] | None = None
        self._begun = self._written = ""
        self._place = 0
        self._offered: list[str] = []
        self._chosen: int | None = None

    def open(self, text: str) -> None:
        """Begin a line with ``text``."""
        self._write(text)
        self._begin(text)

    def keep_wrong(self, line: str, at: tuple[int, int]) -> None:
        """The last line failed; where it is taken up again, what is wrong in it is selected."""
        self._wrong = line, at

    def action_close(self) -> None:
        """Tell whoever opened it that Esc was pressed."""
        self.post_message(self.Closed())

    def action_complete(self, step: int) -> None:
        """Complete as far as all candidates agree; again: go through them."""
        if self.listing:
            self.post_message(self.Offered((), None))
        elif self._offered:
            first = min(step, 0) if self._chosen is None else self._chosen + step
            self._chosen = first % len(self._offered)
            self._write(self._offered[self._chosen])
            self.post_message(self.Offered(self._offered, self._chosen))
        else:
            self._offer(list(self._complete(self.value)))

    def action_move(self, step: int) -> None:
        """The line before or after that begins with what was typed; behind the last, what was typed."""
        if self.listing:
            self.post_message(self.Moved(step))
            return
        find = self.typed.before if step < 0 else self.typed.after
        place = find(self._begun, self._place)
        if place is not None:
            self._recall(place)
        elif step > 0:
            self._place = len(self.typed.lines)
            self._write(self._begun)

    def action_search(self) -> None:
        """The line before that holds what was typed."""
        place = self.typed.holding(self._begun, self._place)
        if place is not None:
            self._recall(place)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Whatever was typed begins another line to look for and to complete."""
        if event.value != self._written:
            self._begin(event.value)
            self.post_message(self.Typed(event.value))

    def _offer(self, lines: list[str]) -> None:
        if len(lines) == 1:
            self._write(lines[0] if lines[0].endswith(UNFINISHED) else lines[0] + " ")
            self._begun = self.value
            self.post_message(self.Typed(self.value))
        elif lines:
            self._offered = lines
            self._write(max(os.path.commonprefix(lines), self.value, key=len))
            self.post_message(self.Offered(lines, None))

    def _recall(self, place: int) -> None:
        self._place = place
        line = self.typed.lines[place]
        self._write(line)
        if self._wrong is not None and line == self._wrong[0]:
            self.selection = Selection(*self._wrong[1])

    def _begin(self, text: str) -> None:
        self._begun = self._written = text
        self._place = len(self.typed.lines)
        self._offered, self._chosen = [], None

    def _write(self, text: str) -> None:
        self._written = text
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

        def __init__(self, prefix: str) -> None:
            super().__init__()
            self.prefix = prefix

    def __init__(self, complete: Complete, typed: TypedLines, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._input = CommandInput(complete, typed)
        self._answer = Line(id="answer")
        self._mark = Line(id="mark")
        self._prefix = ""

    @property
    def is_open(self) -> bool:
        """Whether it takes a line now."""
        return self.has_class("-open")

    @property
    def prefix(self) -> str:
        """What the line that is taken is for; empty: a command."""
        return self._prefix if self.is_open else ""

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

    def open(self, text: str = "", prefix: str = "", *, listing: bool = False) -> None:
        """Take a line that begins with ``text``; ``prefix`` (``/`` to search) is shown in place of ``(dgm)``.

        Args:
            listing: it searches a list that is shown elsewhere.
        """
        self._prefix = prefix
        self._set_mark(f"{prefix} " if prefix else "(dgm) ")
        self._input.listing = listing
        self._input.open(text)
        self.add_class("-open")
        self._input.can_focus = True
        self.screen.set_focus(self._input, scroll_visible=False)  # at once: `focus` would wait for its turn
        if not prefix:
            self.post_message(CommandInput.Typed(text))

    def close(self) -> None:
        """Give the line back to the answer."""
        self.remove_class("-open")
        self.screen.set_focus(None)
        self._input.can_focus = False
        self._set_mark("(dgm) ")

    def say(self, text: str, style: str = "") -> None:
        """Show one line of answer; ``style`` is ``error``, ``warning``, ``dim`` or empty."""
        self._answer.show_row([(cut(text, max(1, self.screen.size.width - 7)), style)])

    def keep_wrong(self, line: str, at: tuple[int, int]) -> None:
        """The last line failed, and where in it is known: it is selected when the line is taken up again."""
        self._input.keep_wrong(line, at)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close, and hand the line on."""
        event.stop()
        line = event.value.strip()
        if not self._prefix and self._input.typed.remember(line):
            self.run_worker(lambda: self._input.typed.write(line), thread=True, exit_on_error=False)
        self.close()
        self.post_message(self.Entered(line, self._prefix))

    def on_command_input_closed(self, event: CommandInput.Closed) -> None:
        """Close without a line."""
        event.stop()
        self.close()
        self.post_message(self.Left(self._prefix))

    def _set_mark(self, text: str) -> None:
        self._mark.styles.width = len(text)
        self._mark.show_row([(text, "strong")])
