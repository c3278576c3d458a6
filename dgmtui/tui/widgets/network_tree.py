"""The network: every module with its health, and how its activation went."""

from textual.events import Click
from textual.message import Message

from dgmtui.commands.grammar import quote
from dgmtui.render.chart import Row
from dgmtui.render.spark import spark
from dgmtui.render.tables import cut_middle
from dgmtui.session.view import TreePlace, TreeRow
from dgmtui.tui.widgets.pane import LazyRows, RowsPane

HEALTH = {"ok": ("·", "dim"), "warning": ("▲", "warning"), "error": ("✗", "error"), "unknown": ("?", "dim")}
_SPARK_FROM = 28
"""Narrower panes keep their width for the names."""
_SPARK = 12


class NetworkTree(RowsPane):
    """The rows of the tree around the selected one, which is in reverse video; what is open is the session's to say."""

    marks_ends = False
    """Its last column has the health; its heading says where it stands."""

    class Chosen(Message):
        """A person chose a row: these command lines go there, or open it."""

        def __init__(self, lines: tuple[str, ...]) -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._all: tuple[TreeRow, ...] = ()
        self._place = TreePlace()
        self._at = 0
        """Which of the rows is selected."""
        self._moved = 0
        """By how many rows what is here begins further below in the whole tree than when it was last drawn."""

    def show_tree(self, rows: tuple[TreeRow, ...], path: str, place: TreePlace, *, keep: bool = False) -> None:
        """Draw ``rows`` with the module ``path`` (or the row that ``place`` tells) selected.

        Args:
            keep: stay on the selected row, as far as it is there: the session is still on its way to it.
        """
        before = self._all[self._at] if self._all else None
        above = self._above
        self._all, self._place = rows, place
        self._moved += self._above - above
        there = _row_of(rows, before.path, before.unit) if keep and before is not None else None
        if there is None:
            there = place.selected if place.selected is not None else _row_of(rows, path, None)
        self._at = there or 0
        self.redraw()

    def move(self, step: int) -> tuple[str, ...]:
        """Move the selection by so many rows at once, so that keys pressed faster than the session answers all count.

        Returns:
            The command lines that go there; none at the ends.
        """
        there = min(max(0, self._at + step), len(self._all) - 1)
        if there == self._at or not self._all:
            return ()
        lines = self._lines_to(there)
        self._at = there
        self.redraw()
        return lines

    def on_click(self, event: Click) -> None:
        """Choose what is under the pointer; on an arrow, open or collapse it."""
        row = self.row_at(event.y)
        place = None if row is None else row - self._lead
        if place is None or not 0 <= place < len(self._all):
            return
        chosen = self._all[place]
        if chosen.has_children and event.x <= len(self._indent(chosen)) + 1:
            self.post_message(self.Chosen((f"fold {_typed(chosen.path)}",)))
        elif place != self._at:
            self.post_message(self.Chosen(self._lines_to(place)))

    def draw(self) -> None:
        """Lay out what is shown for the size; a row is drawn when it is first visible."""
        if not self.body_height:
            return
        note = self._place.note
        head: Row = [("network", "head"), *([("  " + note, "warning")] if note else [])]
        rows = LazyRows(self._lead + len(self._all) + bool(self._place.after), self._drawn)
        selected = self._lead + self._at
        top = max(0, self._top - self._moved)
        if not -1 <= selected - top <= self.body_height:
            top = self._top_after_a_jump(selected)
        self._moved = 0
        self.show([head], rows, selected if self._all else None, top=top)

    def _top_after_a_jump(self, selected: int) -> int:
        """What contains the selected row is shown above it, as far as that leaves room below."""
        depth = self._all[self._at].depth if self._all else 0
        above = (place for place in range(self._at - 1, -1, -1) if self._all[place].depth < depth)
        parent = self._lead + next(above, self._at)
        wanted = min(parent - 1, selected - self.body_height // 3)
        return max(0, wanted, selected - self.body_height * 2 // 3)

    def _line(self, y: int) -> tuple[Row, bool]:
        row, selected = super()._line(y)
        return ([*row, *self._standing(row)] if y == 0 else row), selected

    def _standing(self, head: Row) -> Row:
        """``1-21 of 103``, or ``21 of 103``, beside ``head``, where not all rows are seen."""
        rows = self._place.before + len(self._all) + self._place.after
        if rows <= self.body_height:
            return []
        first = max(0, self._above + self._top)
        last = f"{min(rows, first + self.body_height):,} of {rows:,}"
        room = self.size.width - sum(len(part) for part, _ in head)
        texts = (f"  {first + 1:,}-{last}", f"  {last}")
        return [(next((text for text in texts if len(text) <= room), "").rjust(room), "dim")]

    @property
    def _lead(self) -> int:
        """How many rows stand before the first of the tree that is here: one that says how many are not."""
        return int(self._place.before > 0)

    @property
    def _above(self) -> int:
        """How many rows of the whole tree stand above the pane's first."""
        return self._place.before - self._lead

    def _lines_to(self, place: int) -> tuple[str, ...]:
        here, there = self._all[self._at], self._all[place]
        into = () if here.path == there.path else (f"module {_typed(there.path)}",)
        if there.unit is not None:
            return (*into, f"unit {there.unit}")
        return into or ("unit all",)

    def _drawn(self, number: int) -> Row:
        place = number - self._lead
        if place < 0:
            return [(f"  … {self._place.before:,} rows above", "dim")]
        if place >= len(self._all):
            return [(f"  … {self._place.after:,} rows below", "dim")]
        return self._row(self._all[place], self.size.width)

    def _row(self, row: TreeRow, width: int) -> Row:
        glyph, style = HEALTH[row.health]
        name = f"{self._indent(row)}{_arrow(row)} {row.label}"
        ill = row.health in ("warning", "error")
        line = spark(row.spark, _spark_width(width, len(name) + len(row.detail) + 2 if ill else 0))
        room = max(0, width - len(line) - (3 if line else 2))
        name = cut_middle(name, room)
        drawn: Row = [(name, "")]
        left = room - len(name)
        for text, shade in ((row.detail, style if ill else "dim"), (row.sizes, "dim")):
            if text and left >= len(text) + 2:
                drawn.append(("  " + text, shade))
                left -= len(text) + 2
        drawn.append((" " * (left + 1), ""))
        return [*drawn, *([(line, "bar"), (" ", "")] if line else []), (glyph, style)]

    def _indent(self, row: TreeRow) -> str:
        return "  " * min(row.depth, max(0, self.size.width // 8))


def _spark_width(width: int, needed: int) -> int:
    """Of a pane's width; it gives way, though not wholly, to what is ``needed`` to say what is wrong."""
    if width < _SPARK_FROM:
        return 0
    return min(_SPARK, width // 4, max(_SPARK // 2, width - 3 - needed))


def _arrow(row: TreeRow) -> str:
    if row.state == "closed":
        return "▸"
    return "▾" if row.has_children or row.state == "units" else " "


def _row_of(rows: tuple[TreeRow, ...], path: str, unit: int | None) -> int | None:
    return next((i for i, row in enumerate(rows) if row.path == path and row.unit == unit), None)


def _typed(path: str) -> str:
    return quote(path) if path else "."
