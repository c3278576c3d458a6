"""The network: every module with its health, and how its activation went."""

from collections.abc import Sequence

from textual.message import Message

from dgmtui.render.chart import Row
from dgmtui.render.spark import spark
from dgmtui.render.tables import cut
from dgmtui.session.view import TreeRow
from dgmtui.tui.widgets.pane import RowsPane

HEALTH = {"ok": ("·", "dim"), "warning": ("▲", "warning"), "error": ("✗", "error"), "unknown": (" ", "dim")}
_SPARK_FROM = 28
"""Narrower panes keep their width for the names."""


class NetworkTree(RowsPane):
    """The modules as a tree that collapses; the selected one is in reverse video."""

    class Chosen(Message):
        """A person chose a module."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._all: tuple[TreeRow, ...] = ()
        self._shown: list[TreeRow] = []
        self._collapsed: set[str] = set()
        self._path = ""

    def show_tree(self, rows: tuple[TreeRow, ...], path: str) -> None:
        """Draw ``rows`` with the module ``path`` selected; it and what contains it are opened."""
        self._all, self._path = rows, path
        self._collapsed -= {parent for parent in self._collapsed if _inside(path, parent)}
        self.redraw()

    def select(self, path: str) -> None:
        """Move the selection at once, so that keys pressed faster than the session answers all count."""
        self._path = path
        self.redraw()

    def neighbour(self, step: int) -> str | None:
        """The path of the visible module ``step`` rows further; None at the ends."""
        if not self._shown:
            return None
        here = next((i for i, row in enumerate(self._shown) if row.path == self._path), 0)
        there = min(max(0, here + step), len(self._shown) - 1)
        return self._shown[there].path if there != here else None

    def search(self, text: str, after: str) -> str | None:
        """The next module, after the one at ``after`` and around the end, whose label or path holds ``text``."""
        paths = [row.path for row in self._all]
        start = paths.index(after) + 1 if after in paths else 0
        for row in (*self._all[start:], *self._all[:start]):
            if text.lower() in f"{row.path} {row.label}".lower():
                return row.path
        return None

    def toggle(self) -> None:
        """Collapse or open the selected module."""
        self._collapsed ^= {self._path}
        self.redraw()

    def on_click(self, event: "object") -> None:
        """Choose the module under the pointer."""
        row = self.row_at(int(getattr(event, "y", -1)))
        if row is not None:
            self.post_message(self.Chosen(self._shown[row].path))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        self._shown = _open_rows(self._all, self._collapsed)
        selected = next((i for i, row in enumerate(self._shown) if row.path == self._path), None)
        width = self.size.width
        rows = [self._draw(row, width) for row in self._shown]
        self.show([[("network", "head")]], rows, selected)

    def _draw(self, row: TreeRow, width: int) -> Row:
        glyph, style = HEALTH[row.health]
        arrow = " " if not row.has_children else "▸" if row.path in self._collapsed else "▾"
        indent = "  " * min(row.depth, max(0, width // 8))
        detail = f"  {row.detail}" if row.detail and width >= _SPARK_FROM else ""
        line = spark(row.spark, min(12, width // 4)) if width >= _SPARK_FROM else ""
        room = max(0, width - len(line) - 4)
        name = cut(f"{indent}{arrow} {row.label}{detail}", room).ljust(room)
        return [(name, ""), (f" {line} ", "cover"), (glyph, style), (" ", "")]


def _inside(path: str, parent: str) -> bool:
    return path != parent and (parent == "" or path.startswith(parent + "."))


def _open_rows(rows: Sequence[TreeRow], collapsed: set[str]) -> list[TreeRow]:
    """The rows that no collapsed module hides."""
    shown: list[TreeRow] = []
    hidden_below: int | None = None
    for row in rows:
        if hidden_below is not None and row.depth > hidden_below:
            continue
        hidden_below = row.depth if row.path in collapsed else None
        shown.append(row)
    return shown
