"""Who put how much into the target."""

import math
import textwrap

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human, signed
from dgmtui.render.tables import aligned, cut
from dgmtui.session.view import CreditRow, CreditView
from dgmtui.tui.widgets.pane import RowsPane

_NONE = human(None)
_BAR = 10
_BAR_FROM = 4
"""A shorter bar says nothing."""
_COLUMNS = ("module", "unit", "sample", "region", "value", "forward", "share", "backward", "against")
_LEAST_NAME = 8
"""Characters of a module's name; the share makes room where there are fewer."""
_OPTIONAL = ("unit", "sample", "region", "share", "backward", "against")
"""Left out where no row has one."""


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
        at = "" if view.at is None else f"at {human(view.at)} "
        title = f"credit {at}for {view.target}"
        if not view.rows:  # no unit is behind it, and the title says what is
            self.show([], [[(line, "strong")] for line in textwrap.wrap(title, max(20, width - 1))])
            return
        columns, cells = _columns(view)
        widths = _widths(columns, cells)
        if sum(widths[1:]) + 2 * len(widths) + _LEAST_NAME > width:
            columns, cells = _columns(view, without="share")
            widths = _widths(columns, cells)
        gaps = 2 * (len(widths) - 1)
        widths[0] = min(widths[0], max(_LEAST_NAME, width - sum(widths[1:]) - gaps - 1))
        room = width - sum(widths) - gaps - 3
        most = max((abs(f) for r in view.rows if (f := r.forward) is not None and math.isfinite(f)), default=0.0)
        right = [name != "module" for name in columns]
        head: list[Row] = [[(cut(title, width - 1), "strong")]]
        head.append([(aligned(columns, widths, right), "head")])
        rows = [
            [
                (aligned(text, widths, right).ljust(sum(widths) + gaps), ""),
                *_bar(row, most, min(room, max(_BAR, width // 5))),
            ]
            for text, row in zip(cells, view.rows, strict=True)
        ]
        downstream = next((i for i, row in enumerate(view.rows) if row.forward is None), len(rows))
        if downstream < len(rows):
            rows.insert(downstream, [("downstream: what these make of its gradient", "head")])
        notes = [line for said in (view.advice, view.note) for line in textwrap.wrap(said, max(20, width - 1))]
        self.show(head, [*rows, *([(line, "dim")] for line in notes)])


def _widths(columns: list[str], cells: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(columns, *cells, strict=True)]


def _columns(view: CreditView, without: str = "") -> tuple[list[str], list[list[str]]]:
    """Headings, and the cells of each row below them."""
    cells = [dict(zip(_COLUMNS, _cells(row), strict=True)) for row in view.rows]
    columns = [name for name in _COLUMNS if name not in _OPTIONAL or any(row[name] != _NONE for row in cells)]
    columns = [name for name in columns if name != without]
    heads = [f"against {human(view.against)}" if name == "against" else name for name in columns]
    return heads, [[row[name] for name in columns] for row in cells]


def _cells(row: CreditRow) -> tuple[str, ...]:
    forward = signed(row.forward) + ("~" if row.approximate else "")
    unit, sample = (human(index) for index in (row.unit, row.sample))
    share = _NONE if row.share is None else f"{row.share:.0%}"
    moved = _NONE if row.difference is None else f"{signed(row.difference)} {f'#{row.rank}':>4}"
    return (
        row.module or "(root)",
        unit,
        sample,
        row.region or _NONE,
        human(row.value),
        forward,
        share,
        signed(row.backward),
        moved,
    )


def _bar(row: CreditRow, most: float, room: int) -> Row:
    """As long as its part of the greatest; what pulls against the target is hollow."""
    if room < _BAR_FROM or row.forward is None or not math.isfinite(row.forward) or not most:
        return []
    length = max(1, round(abs(row.forward) / most * room))
    supports = (row.forward if row.share is None else row.share) > 0
    return [("  " + ("█" if supports else "░") * length, "cover" if supports else "warning")]
