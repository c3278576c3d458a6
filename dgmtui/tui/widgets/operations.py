"""The operations that ran, with what they take, shapes, ranges and what is not finite."""

from typing import TYPE_CHECKING

from textual.message import Message

from dgmtui.render.numbers import finite_share, human, shape
from dgmtui.render.tables import aligned, cut
from dgmtui.tui.widgets.pane import ENTER, Asked, RowsPane

if TYPE_CHECKING:
    from textual.events import Click

    from dgmtui.render.chart import Row
    from dgmtui.session.view import OperationRow

SHOWN = 300
_COLUMNS = ("node", "operation", "module", "takes", "shape", "dtype", "range", "finite", "non-finite", "source")
_RIGHT = ("node", "finite", "non-finite")
_DROPPED = ("dtype", "source", "takes", "module", "finite", "shape", "range")
"""What is left out first where there is no room."""
_MOST = {"takes": 28, "module": 24, "source": 32}
"""Characters at most."""


class Operations(RowsPane):
    """A row a node; ``✗`` where the first non-finite value was born, ``!`` where there are any."""

    class Chosen(Message):
        """A person chose an operation."""

        def __init__(self, node: int) -> None:
            super().__init__()
            self.node = node

    _operations: "tuple[OperationRow, ...]" = ()
    _shown: "tuple[OperationRow, ...]" = ()
    _node: int | None = None
    _hint = ""
    _ranges_hint = ""

    def show_operations(
        self, operations: "tuple[OperationRow, ...]", hint: str, node: int | None = None, ranges_hint: str = ""
    ) -> None:
        """Draw ``operations``.

        Args:
            hint: how to get them where there are none.
            node: the one that is looked at.
            ranges_hint: how to get ranges where they are not known.
        """
        given = (operations, hint, node, ranges_hint)
        if given != (self._operations, self._hint, self._node, self._ranges_hint):
            self._operations, self._hint, self._node, self._ranges_hint = given
            self.redraw()

    def line_of(self, line: str) -> str:
        """The keys that go through rows go through operations; Enter tells what feeds the one that is looked at."""
        return {"row next": "node next", "row previous": "node prev", ENTER: "inputs"}.get(line, line)

    def on_click(self, event: "Click") -> None:
        """Look at the operation under the pointer; where that is so already, do as Enter does."""
        place = self.row_at(event.y)
        if self.covered or place is None or place >= len(self._shown):
            return
        node = self._shown[place].node
        self.post_message(Asked("inputs") if node == self._node else self.Chosen(node))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        if not self._operations:
            self._shown = ()
            self.show([], [[(self._hint, "dim")]])
            return
        self._shown = shown = _window(self._operations, self._node)
        columns, cells, widths = _fitted(shown, self.size.width - 2)
        right = [name in _RIGHT for name in columns]
        head = self._head_rows("  " + aligned(columns, widths, right))
        rows = [_row(of, aligned(text, widths, right)) for of, text in zip(shown, cells, strict=True)]
        if len(shown) < len(self._operations):
            rows.append([(f"{len(shown)} of {len(self._operations):,}; `nodes` lists them all", "dim")])
        looked_at = next((i for i, row in enumerate(shown) if row.node == self._node), None)
        self.show(head, rows, looked_at if looked_at is not None else _born(shown))

    def _head_rows(self, columns: str) -> "list[Row]":
        """The headings; where nothing was replayed, beside or above them how to get ranges."""
        if not self._ranges_hint or any(map(_is_known, self._shown)):
            return [[(columns, "head")]]
        said = f"shapes as traced; {self._ranges_hint}"
        if len(columns) + 3 + len(said) <= self.size.width:
            return [[(columns, "head"), (f"   {said}", "dim")]]
        return [[(said, "dim")], [(columns, "head")]]


def _is_known(row: "OperationRow") -> bool:
    return row.replayed or row.low is not None


def _born(rows: "tuple[OperationRow, ...]") -> int | None:
    return next((i for i, row in enumerate(rows) if row.born), None)


def _window(rows: "tuple[OperationRow, ...]", node: int | None) -> "tuple[OperationRow, ...]":
    """As many as are shown, around the one that is looked at, else around the birth."""
    if len(rows) <= SHOWN:
        return rows
    looked_at = next((i for i, row in enumerate(rows) if row.node == node), None)
    middle = looked_at if looked_at is not None else _born(rows) or 0
    start = max(0, min(middle - SHOWN // 2, len(rows) - SHOWN))
    return rows[start : start + SHOWN]


def _fitted(rows: "tuple[OperationRow, ...]", room: int) -> tuple[list[str], list[list[str]], list[int]]:
    """Columns, cells and widths that fit."""
    told = [dict(zip(_COLUMNS, _cells(row), strict=True)) for row in rows]
    dropped = list(_DROPPED)
    columns = [name for name in _COLUMNS if name in ("node", "operation") or any(row[name] for row in told)]
    while True:
        cells = [[row[name] for name in columns] for row in told]
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        widths = [min(width, _MOST.get(name, width)) for name, width in zip(columns, widths, strict=True)]
        if sum(widths) + 2 * (len(widths) - 1) <= room or not dropped:
            return columns, cells, widths
        name = dropped.pop(0)
        columns = [column for column in columns if column != name]


def _cells(row: "OperationRow") -> tuple[str, ...]:
    known = _is_known(row)
    span = f"{human(row.low, 3)} … {human(row.high, 3)}" if row.low is not None else "nothing finite" if known else ""
    finite = finite_share(row.nonfinite, row.shape) if known else ""
    bad = human(row.nonfinite) if row.nonfinite else ""
    takes = cut(" ".join(name.removeprefix(f"{row.module}.") for name in row.takes), _MOST["takes"])
    op = row.op + (" ○" if row.random else "")
    return (
        str(row.node), op, row.module or "(root)", takes, shape(row.shape), row.dtype, span, finite, bad, row.source,
    )  # fmt: skip


def _row(row: "OperationRow", text: str) -> "Row":
    glyph, style = ("✗ ", "error") if row.born else ("! ", "warning") if row.nonfinite else ("  ", "")
    return [(glyph, style), (text, "error" if row.born else "")]
