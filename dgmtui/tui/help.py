"""The help screen: keys and commands, or whatever else there is to explain; ``/`` narrows it."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.screen import Screen

from dgmtui.render.chart import Row
from dgmtui.tui.widgets.pane import RowsPane

_INDENT = "      "


@dataclass(frozen=True)
class Entry:
    """One key or command."""

    group: str
    head: str
    text: str
    """Paragraphs, an empty line between them; of a key what it does, beside it."""
    is_key: bool = False

    def holds(self, words: Sequence[str]) -> bool:
        """Whether every one of ``words`` is in it, in lower case."""
        text = f"{self.group} {self.head} {self.text}".lower()
        return all(word in text for word in words)


class HelpPane(RowsPane):
    """Entries under their groups, as wide as there is room."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__(id="help")
        self._entries = entries
        self.sought = ""
        self.seeking = False

    def seek(self, text: str, *, typing: bool) -> None:
        """Show only what holds all words of ``text``; ``typing`` while it is being typed."""
        self.sought, self.seeking = text, typing
        self.scroll_rows(-len(self._rows))
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        found = [entry for entry in self._entries if entry.holds(self.sought.lower().split())]
        rows = help_rows(found, max(20, self.size.width - 1))
        self.show([self._head_row(len(found))], rows or [[("nothing holds that; Esc shows all again", "dim")]])

    def _head_row(self, count: int) -> Row:
        head: Row = [(" dgmtui help ", "cursor")]
        if self.seeking or self.sought:
            cursor = [(" ", "cursor")] if self.seeking else []
            return [*head, (f"  /{self.sought}", "strong"), *cursor, (f"  {count} found, Esc shows all", "dim")]
        return [*head, ("  ↑ ↓ scroll, / finds, Esc closes", "dim")]


class HelpScreen(Screen[None]):
    """Scrolls with the arrow keys; any of Esc, ``q`` and ``?`` closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,question_mark,f1", "dismiss", "Close", show=False),
        Binding("escape", "leave", "Close", show=False),
        Binding("slash", "seek", "Find", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(20)", show=False),
        Binding("pageup", "scroll(-20)", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
        Binding("space", "scroll(20)", show=False),
        Binding("home,g", "scroll(-100000)", show=False),
        Binding("end,G", "scroll(100000)", show=False),
    ]

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self._pane = HelpPane(entries)

    def compose(self) -> ComposeResult:
        """One pane."""
        yield self._pane

    def on_mount(self) -> None:
        """Fill it."""
        self.call_after_refresh(self._pane.redraw)

    def on_key(self, event: Key) -> None:
        """While something is sought, letters are part of it and run nothing."""
        if not self._pane.seeking:
            return
        text = self._pane.sought
        if event.key == "enter":
            self._pane.seek(text, typing=False)
        elif event.key == "backspace":
            self._pane.seek(text[:-1], typing=True)
        elif event.is_printable and event.character:
            self._pane.seek(text + event.character, typing=True)
        else:
            return
        event.stop()
        event.prevent_default()

    def action_seek(self) -> None:
        """Begin to narrow."""
        self._pane.seek("", typing=True)

    def action_leave(self) -> None:
        """Show all again, or close."""
        if self._pane.seeking or self._pane.sought:
            self._pane.seek("", typing=False)
        else:
            self.dismiss()

    def action_scroll(self, count: int) -> None:
        """Scroll by so many lines."""
        self._pane.scroll_rows(count)


def help_rows(entries: Sequence[Entry], width: int) -> list[Row]:
    """Groups with their entries, wrapped."""
    rows: list[Row] = []
    wide = max((len(entry.head) for entry in entries if entry.is_key), default=0)
    group = ""
    for entry in entries:
        if entry.group != group:
            group = entry.group
            rows += [*([[]] if rows else []), [(group, "head")]]
        rows += _key_rows(entry, wide, width) if entry.is_key else _command_rows(entry, width)
    return rows


def _key_rows(entry: Entry, wide: int, width: int) -> list[Row]:
    """What it does beside it, on further lines beneath that."""
    key = f"  {entry.head.ljust(wide)}  "
    first, *others = textwrap.wrap(entry.text, max(8, width - len(key))) or [""]
    return [[(key, "strong"), (first, "")], *([(" " * len(key) + line, "")] for line in others)]


def _command_rows(entry: Entry, width: int) -> list[Row]:
    words = entry.head.replace("|", "| ")  # a line may end there
    usage = textwrap.wrap(words, width, initial_indent="  ", subsequent_indent=_INDENT, break_on_hyphens=False)
    rows: list[Row] = [[(line.replace("| ", "|"), "strong")] for line in usage]
    for part in entry.text.split("\n\n"):
        text = " ".join(part.split())
        wrapped = textwrap.wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT)
        rows += [[(line, "")] for line in wrapped]
    return rows
