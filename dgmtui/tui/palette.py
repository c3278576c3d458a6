"""The palette: every command and every named script, found by any letters of its name or any part of what it does.

It is drawn over the pane below, and the prompt is its input: nothing is mounted, dimmed or laid out anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.fuzzy import FuzzySearch

from dgmtui.commands.completing import scripts
from dgmtui.commands.keymap import shown
from dgmtui.commands.registry import Command, Registry
from dgmtui.render.chart import Row
from dgmtui.render.tables import cut
from dgmtui.tui.widgets.pane import RowsPane

PREFIX = "commands"
"""What stands before the line that searches."""
_NAME, _SUMMARY = 2.0, 1.0


@dataclass(frozen=True)
class Entry:
    """One that can be chosen."""

    line: str
    """What it runs."""
    usage: str
    summary: str
    keys: str = ""
    asks: bool = False
    """It needs arguments."""


def entries(registry: Registry) -> list[Entry]:
    """The commands in the order of the help, then the scripts that have a name."""
    named = [Entry(f"script run {name}", f"script run {name}", "run this script") for name in scripts(None, "", "")]
    return [*map(_entry, registry.commands), *named]


class Palette:
    """What is offered, and what of it is chosen; drawn over one pane at a time."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._search = FuzzySearch()
        self._all: list[Entry] = []
        self._found: list[Entry] = []
        self._place = 0
        self._pane: RowsPane | None = None

    def open(self, pane: RowsPane) -> None:
        """Offer everything, over ``pane``."""
        self._all = entries(self._registry)
        self.search("", pane)

    def search(self, text: str, pane: RowsPane) -> None:
        """Offer what matches, the best first."""
        self._found = self._matching(text) if text else self._all
        self._place = 0
        self._show(pane)

    def move(self, step: int, pane: RowsPane) -> None:
        """Choose another, no further than the ends."""
        self._place = min(max(0, self._place + step), max(0, len(self._found) - 1))
        self._show(pane)

    @property
    def chosen(self) -> Entry | None:
        """None where nothing matches."""
        return self._found[self._place] if self._found else None

    def close(self) -> None:
        """Give the pane back what it shows."""
        if self._pane is not None:
            self._pane.uncover()
            self._pane = None

    def _show(self, pane: RowsPane) -> None:
        if self._pane is not pane:
            self.close()
        self._pane = pane
        rows: Sequence[Row] = [*_rows(self._found, pane.size.width)] or [[("no command has these letters", "dim")]]
        pane.cover(rows, self._place if self._found else None)

    def _matching(self, text: str) -> list[Entry]:
        scored = [(self._score(text, entry), entry) for entry in self._all]
        return [entry for score, entry in sorted(scored, key=lambda pair: -pair[0]) if score > 0]

    def _score(self, text: str, entry: Entry) -> float:
        score, _ = self._search.match(text.replace(" ", ""), entry.line)
        if text.lower() in entry.summary.lower():
            score = max(score, _SUMMARY)
        begins = entry.line.startswith(text)
        return score * _NAME if begins else score


def _entry(command: Command) -> Entry:
    keys = " ".join(shown(key) for key, _, _ in command.keys)
    asks = any(parameter.required for parameter in command.parameters)
    return Entry(command.name, command.brief, command.summary, keys, asks)


def _rows(found: Sequence[Entry], width: int) -> Iterable[Row]:
    wide = min(28, max((len(entry.usage) for entry in found), default=0))
    keys = max((len(entry.keys) for entry in found), default=0)
    for entry in found:
        yield [
            (f" {entry.usage.ljust(wide)}", "strong"),
            (f"  {entry.keys.ljust(keys)}", "dim"),
            (cut(f"  {entry.summary}", max(1, width - wide - keys - 5)), ""),
        ]
