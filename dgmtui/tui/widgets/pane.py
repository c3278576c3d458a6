"""What every pane is built on: rows of styled text, of which only those that changed are sent to the terminal.

A pane draws rows, has no children and takes no focus: over SSH a moved focus redraws two panes, a changed row one line.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import overload

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from dgmtui.render.chart import Row
from dgmtui.render.pixels import Colours
from dgmtui.render.styles import UPRIGHT, colours_of, style_named
from dgmtui.tui.widgets.fitted import Fitted

ENTER, BACKSPACE = "pick take", "down"
"""The command lines of these keys; a pane may have others for them."""
STEPS = {"row next": 1, "row previous": -1}
"""Those of the keys that go through rows."""
_REVERSE = Style(reverse=True)
_PLAIN = Style()


class Asked(Message):
    """Something was clicked that stands for a command line."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line


class LazyRows(Sequence[Row]):
    """So many rows, each drawn when it is first looked at."""

    def __init__(self, count: int, draw: Callable[[int], Row]) -> None:
        self._count = count
        self._draw = draw
        self._drawn: dict[int, Row] = {}

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...

    def __getitem__(self, place: int | slice) -> "Row | Sequence[Row]":
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(self._count))]
        if not 0 <= place < self._count:
            raise IndexError(place)
        if place not in self._drawn:
            self._drawn[place] = self._draw(place)
        return self._drawn[place]


class RowsPane(Fitted):
    """Fixed heading rows over rows that scroll."""

    marks_ends = True
    """Whether its last column tells by an arrow that there are more rows above or below."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._head: tuple[Row, ...] = ()
        self._rows: Sequence[Row] = ()
        self._selected: int | None = None
        self._top = 0
        self._beneath: tuple[tuple[Row, ...], Sequence[Row], int | None, int] | None = None
        """What is shown when what covers it is gone."""

    @property
    def colours(self) -> Colours:
        """How many colours a picture may have on this terminal."""
        if self.app.no_color:
            return "none"
        return "few" if getattr(self.app, "ascii_only", False) else colours_of(self.app.console)

    @property
    def body_height(self) -> int:
        """How many scrolling rows are visible."""
        return max(0, self.size.height - len(self._head))

    def line_of(self, line: str) -> str:
        """What a key's command line comes to while this is the open tab; the empty one is that of Esc."""
        return line

    def show(
        self, head: Sequence[Row], rows: Sequence[Row], selected: int | None = None, *, top: int | None = None
    ) -> None:
        """Show other rows, from the row ``top`` on if that is given; what stands there already is not sent again.

        A row that is newly selected is scrolled to; else the pane stays where a person scrolled it.
        """
        if self._beneath is not None:
            self._beneath = tuple(head), _kept(rows), selected, self._beneath[3] if top is None else top
            return
        self._put(head, rows, selected, top)

    def cover(self, rows: Sequence[Row], selected: int | None) -> None:
        """Show these rows instead, whatever ``show`` is given, until ``uncover``."""
        if self._beneath is None:
            self._beneath = self._head, self._rows, self._selected, self._top
            self._top = 0
        self._put((), rows, selected)

    @property
    def covered(self) -> bool:
        """Whether something else than its own is shown."""
        return self._beneath is not None

    def uncover(self) -> None:
        """Show again what was given last."""
        if self._beneath is not None:
            head, rows, selected, top = self._beneath
            self._beneath, before = None, self._visible()
            self._head, self._rows, self._selected, self._top = head, rows, selected, top
            self._top = min(self._top, max(0, len(self._rows) - self.body_height))
            self._refresh_changes(before)

    def _put(self, head: Sequence[Row], rows: Sequence[Row], selected: int | None, top: int | None = None) -> None:
        before = self._visible()
        another = selected != self._selected or self._fitting or top is not None
        self._top = self._top if top is None else top
        self._head, self._rows, self._selected = tuple(head), _kept(rows), selected
        if selected is not None and another:
            self._reveal(selected)
        self._top = min(self._top, max(0, len(self._rows) - self.body_height))
        self._refresh_changes(before)

    def scroll_rows(self, count: int) -> None:
        """Scroll by so many rows, no further than the ends."""
        before = self._visible()
        self._top = min(max(0, self._top + count), max(0, len(self._rows) - self.body_height))
        self._refresh_changes(before)

    def reveal(self, row: int) -> None:
        """Scroll as far as it takes to show a row, with some of what is around it."""
        around = self.body_height // 3
        low, high = row - self.body_height + 1 + around, row - around
        self.scroll_rows(min(max(self._top, low), high) - self._top)

    def page(self, pages: int) -> None:
        """Scroll by so many screenfuls, of which a row stays."""
        self.scroll_rows(pages * max(1, self.body_height - 1))

    def show_last(self) -> None:
        """Scroll to the end."""
        self.scroll_rows(len(self._rows))

    def on_mouse_scroll_down(self) -> None:
        """Three rows on."""
        self.scroll_rows(3)

    def on_mouse_scroll_up(self) -> None:
        """Three rows back."""
        self.scroll_rows(-3)

    def row_at(self, y: int) -> int | None:
        """Which scrolling row stands at line ``y`` of the pane."""
        row = self._top + y - len(self._head)
        return row if y >= len(self._head) and row < len(self._rows) else None

    def render_line(self, y: int) -> Strip:
        """One line, padded to the pane's width; the selected one in reverse video."""
        self.fit()
        row, selected = self._line(y)
        return strip_of(row, self.size.width, selected)

    def _line(self, y: int) -> tuple[Row, bool]:
        if y < len(self._head):
            return self._head[y], False
        row = self.row_at(y)
        if row is None:
            return [], False
        arrow = self._arrow_at(row) if self.marks_ends else ""
        return _ending_in(self._rows[row], arrow, self.size.width), row == self._selected

    def _arrow_at(self, row: int) -> str:
        above = row == self._top > 0
        below = row == self._top + self.body_height - 1 < len(self._rows) - 1
        return "↕" if above and below else "↑" if above else "↓" if below else ""

    def _visible(self) -> list[tuple[Row, bool]]:
        return [self._line(y) for y in range(self.size.height)]

    def _reveal(self, row: int) -> None:
        if row < self._top or not self.body_height:
            self._top = min(self._top, row)
        elif row >= self._top + self.body_height:
            self._top = max(0, row - self.body_height + 1)

    def _refresh_changes(self, before: list[tuple[Row, bool]]) -> None:
        regions = (self._changed(y, line) for y, line in enumerate(before))
        self.send([region for region in regions if region is not None])

    def _changed(self, y: int, before: tuple[Row, bool]) -> Region | None:
        row, selected = self._line(y)
        if selected != before[1]:
            return Region(0, y, self.size.width, 1)
        return changed_cells(before[0], row, y, self.size.width)


def _kept(rows: Sequence[Row]) -> Sequence[Row]:
    return rows if isinstance(rows, LazyRows) else tuple(rows)


def _ending_in(row: Row, arrow: str, width: int) -> Row:
    """``row`` with ``arrow`` in the last of ``width`` columns."""
    if not arrow:
        return row
    room, ending = width - 2, []
    for text, style in row:
        ending.append((text[:room], style))
        room -= len(text[:room])
    return [*ending, (" " * room, ""), (f" {arrow}", "dim")]


def strip_of(row: Row, width: int, selected: bool = False) -> Strip:
    """A row of styled pieces as one line of cells, cut and padded to ``width``."""
    reverse = _REVERSE if selected else _PLAIN
    segments = [
        Segment(text, style_named(name) + (_PLAIN if name in UPRIGHT else reverse)) for text, name in row if text
    ]
    return Strip(segments).adjust_cell_length(width, reverse)


def changed_cells(before: Row, after: Row, y: int, width: int) -> Region | None:
    """The part of line ``y``, ``width`` wide, from the first cell that differs to the last."""
    old, new = (([(glyph, style) for text, style in row for glyph in text]) for row in (before, after))
    differ = [x for x, (a, b) in enumerate(zip_longest(old, new, fillvalue=(" ", ""))) if x < width and a != b]
    return Region(differ[0], y, differ[-1] - differ[0] + 1, 1) if differ else None
