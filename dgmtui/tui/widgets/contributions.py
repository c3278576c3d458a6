"""Who put how much into the target."""

import math
import textwrap

from textual.events import Click

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human, signed
from dgmtui.render.tables import aligned, cut
from dgmtui.session.view import CreditRow, CreditView
from dgmtui.tui.widgets.pane import Asked, RowsPane

_NONE = human(None)
_BAR = 10
_BAR_FROM = 4
"""A shorter bar says nothing."""
_COLUMNS = ("module", "unit", "sample", "region", "value", "forward", "share", "backward", "against")
_LEAST_NAME = 8
"""Characters of a module's name; the share makes room where there are fewer."""
_OPTIONAL = ("unit", "sample", "region", "share", "backward", "against")
"""Left out where no row has one."""
_SORTS = {"module": "module", "value": "value", "forward": "forward", "backward": "backward", "against": "difference"}
"""Column and what `sort` calls it."""
_LEAST_TARGET = 24
"""Characters of the target that stay, however long the way to it is."""


class Contributions(RowsPane):
    """The target in words, then a row a contributor; ``~`` marks an approximation, ``↓`` the column sorted by."""

    _view: CreditView | None = None
    _hint = ""
    _keys = ""
    _downstream = 0
    """How many rows stand above the heading of those downstream."""
    _headings: tuple[tuple[int, str], ...] = ()
    """Right end and name of each column."""

    def show_credit(self, view: CreditView | None, hint: str, keys: str = "") -> None:
        """Draw ``view``, and below it its ``keys``; ``hint`` says how to get one where there is none."""
        before, self._view, self._hint, self._keys = self._view, view, hint, keys
        another = view is not None and before is not None and view.target != before.target
        if another:
            self._top, self._selected = 0, None
        self.redraw()
        if not another and view is not None and before is not None:
            if (view.sort, view.only) != (before.sort, before.only):
                self.scroll_rows(-len(self._rows))

    def line_of(self, line: str) -> str:
        """Enter goes into the picked row, Backspace back out of it, Esc lists all rows again. Whether a row is picked
        is not asked here: keys before may not have been answered yet."""
        if not line and self._view is not None and self._view.only:
            return "filter"
        return {"pick take": "into", "down": "out"}.get(line, line)

    def on_click(self, event: Click) -> None:
        """Pick the row under the pointer, go into the picked one, or sort by the column whose heading it is on."""
        view, row = self._view, self.row_at(event.y)
        if view is None or self.covered:
            return
        if event.y == 1 and len(self._head) > 1:
            column = next((name for end, name in self._headings if event.x <= end), "")
            if column in _SORTS:
                self.post_message(Asked(f"sort {_SORTS[column]}"))
        elif row is not None and row != self._downstream:
            place = row - (row > self._downstream)
            if place < len(view.rows):
                self.post_message(Asked("into" if place == view.picked else f"row {place + 1}"))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        view, width = self._view, self.size.width
        if view is None:
            self.show([], [[(self._hint, "dim")]])
            return
        at = "" if view.at is None else f"at {human(view.at)} "
        title = f"credit {at}for {view.target}"
        if not view.rows and not view.left_out:  # no unit is behind it, and the title says what is
            self.show([], [[(line, "strong")] for line in textwrap.wrap(title, max(20, width - 1))])
            return
        columns, cells = _columns(view)
        widths = _widths(_headings(columns, view), cells)
        if sum(widths[1:]) + 2 * len(widths) + _LEAST_NAME > width:
            columns, cells = _columns(view, without="share")
            widths = _widths(_headings(columns, view), cells)
        gaps = 2 * (len(widths) - 1)
        widths[0] = min(widths[0], max(_LEAST_NAME, width - sum(widths[1:]) - gaps - 1))
        room = width - sum(widths) - gaps - 3
        most = max((abs(f) for r in view.rows if (f := r.forward) is not None and math.isfinite(f)), default=0.0)
        right = [name != "module" for name in columns]
        self._headings = tuple((sum(widths[: i + 1]) + 2 * i, name) for i, name in enumerate(columns))
        head: list[Row] = [_title(title, view, width - 1)]
        head.append([(aligned(_headings(columns, view), widths, right), "head")])
        rows = [
            [
                (aligned(text, widths, right).ljust(sum(widths) + gaps), ""),
                *_bar(row, most, min(room, max(_BAR, width // 5))),
            ]
            for text, row in zip(cells, view.rows, strict=True)
        ]
        downstream = (i for i, row in enumerate(view.rows) if row.forward is None and view.grouped)
        self._downstream = next(downstream, len(rows))
        if self._downstream < len(rows):
            rows.insert(self._downstream, [("downstream: what these make of its gradient", "head")])
        notes = [line for said in (*_notes(view), self._keys) for line in textwrap.wrap(said, max(20, width - 1))]
        picked = None if view.picked is None else view.picked + (view.picked >= self._downstream)
        self.show(head, [*rows, *([(line, "dim")] for line in notes)], picked)


def _title(title: str, view: CreditView, width: int) -> Row:
    """The target, and at the right which rows are listed and from where it was gone into."""
    if not view.trail and not view.only:
        return [(cut(title, width), "strong")]
    way = "".join(f" ← {target}" for target in view.trail)
    beside = (f"  only {view.only}" if view.only else "") + (f" {way}" if way else "")
    beside = cut(beside, max(0, width - min(len(title), _LEAST_TARGET)))
    return [(cut(title, width - len(beside)), "strong"), (beside, "warning" if view.only else "dim")]


def _notes(view: CreditView) -> tuple[str, ...]:
    left_out = f"{view.left_out:,} that do not match {view.only} are left out; `filter` lists all"
    return (left_out if view.left_out else "", view.advice, view.note)


def _headings(columns: list[str], view: CreditView) -> list[str]:
    """Their names, with the iteration that is compared with, and a mark on the one that rows are sorted by."""
    names = [f"against {human(view.against)}" if name == "against" else name for name in columns]
    return [name + "↓" * (_SORTS.get(column) == view.sort) for column, name in zip(columns, names, strict=True)]


def _widths(columns: list[str], cells: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(columns, *cells, strict=True)]


def _columns(view: CreditView, without: str = "") -> tuple[list[str], list[list[str]]]:
    """Which columns there are, and the cells of each row below them."""
    cells = [dict(zip(_COLUMNS, _cells(row), strict=True)) for row in view.rows]
    columns = [name for name in _COLUMNS if name not in _OPTIONAL or any(row[name] != _NONE for row in cells)]
    columns = [name for name in columns if name != without]
    return columns, [[row[name] for name in columns] for row in cells]


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
    if room < _BAR_FROM or not row.forward or not math.isfinite(row.forward) or not most:
        return []
    length = max(1, round(abs(row.forward) / most * room))
    supports = (row.forward if row.share is None else row.share) > 0
    return [("  " + ("█" if supports else "░") * length, "cover" if supports else "warning")]
