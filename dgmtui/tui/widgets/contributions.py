"""Who put how much into the target."""

import math

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human, signed
from dgmtui.render.tables import aligned, cut
from dgmtui.session.view import CreditRow, CreditView
from dgmtui.tui.widgets.pane import RowsPane

_BAR = 10
_BAR_FROM = 64
"""Narrower panes keep their width for the numbers."""
SHOWN = 300
_COLUMNS = ("module", "unit", "sample", "value", "forward", "backward")
_RIGHT = (False, True, True, True, True, True)


class Contributions(RowsPane):
    """The target in words, then a row a contributor; ``~`` marks an approximation."""

    _view: CreditView | None = None
    _hint = ""

    def show_credit(self, view: CreditView | None, hint: str) -> None:
        """Draw ``view``; ``hint`` says how to get one where there is none."""
        self._view, self._hint = view, hint
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        view, width = self._view, self.size.width
        if view is None:
            self.show([], [[(self._hint, "dim")]])
            return
        shown = sorted(view.rows, key=lambda row: row.forward is None)[:SHOWN]  # what put something in comes first
        cells = [_cells(row) for row in shown]
        widths = [max(map(len, column)) for column in zip(_COLUMNS, *cells, strict=True)]
        widths[0] = min(widths[0], max(8, width - sum(widths[1:]) - 2 * len(widths) - 2))
        most = max((abs(f) for r in view.rows if (f := r.forward) is not None and math.isfinite(f)), default=0.0)
        bars = width >= _BAR_FROM
        head: list[Row] = [[(cut(view.target, width - 1), "strong")]]
        head.append([(aligned(_COLUMNS, widths, _RIGHT), "head")])
        rows = [
            [(aligned(text, widths, _RIGHT).ljust(sum(widths) + 10), ""), *(_bar(row, most) if bars else [])]
            for text, row in zip(cells, shown, strict=True)
        ]
        self.show(head, [*rows, [(view.note, "dim")]])


def _cells(row: CreditRow) -> tuple[str, ...]:
    forward = signed(row.forward) + ("~" if row.approximate else "")
    unit, sample = (human(index) for index in (row.unit, row.sample))
    return (row.module or "(root)", unit, sample, human(row.value), forward, signed(row.backward))


def _bar(row: CreditRow, most: float) -> Row:
    """As long as its share of the greatest; what pulls against the target is hollow."""
    if row.forward is None or not math.isfinite(row.forward) or not most:
        return []
    length = max(1, round(abs(row.forward) / most * _BAR))
    return [("  " + ("█" if row.forward > 0 else "░") * length, "cover" if row.forward > 0 else "warning")]
