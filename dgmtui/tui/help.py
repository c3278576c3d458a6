"""The help screen: every key and every command, from what the commands declare."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from dgmtui.commands.registry import Registry
from dgmtui.render.chart import Row
from dgmtui.tui.keys import key_table
from dgmtui.tui.widgets.pane import RowsPane


class HelpScreen(Screen[None]):
    """Scrolls with the arrow keys; any of Esc, ``q`` and ``?`` closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "dismiss", "Close", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(20)", show=False),
        Binding("pageup", "scroll(-20)", show=False),
    ]

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self._commands = registry

    def compose(self) -> ComposeResult:
        """One pane."""
        yield RowsPane(id="help")

    def on_mount(self) -> None:
        """Fill it."""
        self.call_after_refresh(self._fill)

    def action_scroll(self, count: int) -> None:
        """Scroll by so many lines."""
        self.query_one("#help", RowsPane).scroll_rows(count)

    def _fill(self) -> None:
        head: list[Row] = [[(" dgmtui help ", "cursor"), ("  ↑ ↓ scroll, Esc closes", "dim")]]
        self.query_one("#help", RowsPane).show(head, help_rows(self._commands))


def help_rows(registry: Registry) -> list[Row]:
    """Keys, then commands by group with usage and summary."""
    rows: list[Row] = [[("keys", "head")]]
    keys = key_table(registry)
    wide = max(len(key) for key, _ in keys)
    rows += [[(f"  {key.ljust(wide)}  ", "strong"), (text, "")] for key, text in keys]
    for group in dict.fromkeys(command.group for command in registry.commands):
        rows += [[], [(group, "head")]]
        for command in registry.commands:
            if command.group == group:
                rows += [[(f"  {command.usage}", "strong")], [(f"      {command.summary}", "")]]
    rows += [[], [("`help COMMAND` at the prompt says all about one.", "dim")]]
    return rows
