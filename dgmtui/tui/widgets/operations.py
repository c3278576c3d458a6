"""The operations that ran, with shapes, ranges and what is not finite."""

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human, shape
from dgmtui.render.tables import aligned
from dgmtui.session.view import OperationRow
from dgmtui.tui.widgets.pane import RowsPane

SHOWN = 300
_COLUMNS = ("node", "operation", "module", "shape", "range", "non-finite", "source")
_RIGHT = (True, False, False, False, False, True, False)
_WIDE = 90
"""Narrower panes leave the source out."""


class Operations(RowsPane):
    """A row a node; ``✗`` where the first non-finite value was born, ``!`` where there are any."""

    _operations: tuple[OperationRow, ...] = ()
    _hint = ""

    def show_operations(self, operations: tuple[OperationRow, ...], hint: str) -> None:
        """Draw ``operations``; ``hint`` says how to get them where there are none."""
        self._operations, self._hint = operations, hint
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        if not self._operations:
            self.show([], [[(self._hint, "dim")]])
            return
        shown = _window(self._operations)
        count = len(_COLUMNS) if self.size.width >= _WIDE else len(_COLUMNS) - 1
        cells = [_cells(row)[:count] for row in shown]
        widths = [max(map(len, column)) for column in zip(_COLUMNS[:count], *cells, strict=True)]
        head: Row = [("  " + aligned(_COLUMNS[:count], widths, _RIGHT[:count]), "head")]
        rows = [_row(of, aligned(text, widths, _RIGHT[:count])) for of, text in zip(shown, cells, strict=True)]
        if len(shown) < len(self._operations):
            rows.append([(f"{len(shown)} of {len(self._operations):,}; `nodes` lists them all", "dim")])
        born = next((i for i, row in enumerate(shown) if row.born), None)
        self.show([head], rows, born)


def _window(rows: tuple[OperationRow, ...]) -> tuple[OperationRow, ...]:
    """As many as are shown, around the birth."""
    born = next((i for i, row in enumerate(rows) if row.born), 0)
    start = max(0, min(born - SHOWN // 2, len(rows) - SHOWN))
    return rows[start : start + SHOWN]


def _cells(row: OperationRow) -> tuple[str, ...]:
    span = "–" if row.low is None else f"{human(row.low, 3)} … {human(row.high, 3)}"
    bad = human(row.nonfinite) if row.nonfinite else ""
    return (str(row.node), row.op, row.module or "(root)", shape(row.shape), span, bad, row.source)


def _row(row: OperationRow, text: str) -> Row:
    glyph, style = ("✗ ", "error") if row.born else ("! ", "warning") if row.nonfinite else ("  ", "")
    return [(glyph, style), (text, "error" if row.born else "")]
