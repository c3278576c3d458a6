"""The tabs about units: feature maps, samples and clusters, each as its command made it last."""

import textwrap
from typing import TYPE_CHECKING

from textual.events import Click

from dgmtui.commands.result import Table
from dgmtui.commands.unit_blocks import line_of_unit
from dgmtui.render.numbers import human
from dgmtui.render.pictures import Laid, laid_out
from dgmtui.render.tables import table_rows
from dgmtui.session.view import UnitsTab, View
from dgmtui.tui.widgets.pane import BACKSPACE, ENTER, STEPS, Asked, RowsPane

if TYPE_CHECKING:
    from dgmtui.render.chart import Row

UNIT_TABS = {"maps": ("maps",), "samples": ("samples",), "clusters": ("clusters", "edges", "classes")}
"""Tab, which is also a field of the view and the command that makes it first → the commands that are drawn there."""
_ROWS = 300
"""Of a longer table the rest is left out here; ``--batch`` prints it."""
_UNIT = "unit "
_LOOKS = (_UNIT, "sample ")
"""Command lines that are run when one goes through rows."""
_OPENS = "clusters cluster:"
"""What opens a row that is only pointed at when one goes through them."""


class UnitsPane(RowsPane):
    """A title, a table and pictures; the unit and the sample that are looked at are marked."""

    _view: UnitsTab | None = None
    _hint = ""
    _looked_at: frozenset[str] = frozenset()
    """The lines of what is marked: what the session looks at, or a cluster that is pointed at."""
    _given: frozenset[str] = frozenset()
    _laid = Laid([], (), 0)
    _above = 0
    """Rows above the pictures."""

    def show_units(self, view: UnitsTab | None, hint: str, looked_at: frozenset[str] = frozenset()) -> None:
        """Draw ``view``; ``hint`` says how to get one where there is none. What the lines ``looked_at`` look at is
        marked."""
        if (view, hint) != (self._view, self._hint):
            self._view, self._hint, self._looked_at, self._given = view, hint, looked_at, looked_at
            self.scroll_rows(-len(self._rows))
            self.redraw()
        elif looked_at != self._given:
            self._given = looked_at
            self._mark(looked_at)

    def line_of(self, line: str) -> str:
        """The keys that go through rows go through units, samples or clusters; Enter goes into what is marked, and
        Backspace leads back from a cluster's units. What needs no command comes to nothing."""
        if self._view is None:
            return line
        if line == BACKSPACE and self._view.back:
            return self._view.back
        if line == ENTER and self._here is not None:
            return self._into(self._here)
        if line not in STEPS or not self._places:
            return line
        return self._point(self._after(STEPS[line]))

    @property
    def _places(self) -> list[str]:
        """The lines of all rows and pictures that one may go through."""
        assert self._view is not None, "asked only where something is shown"
        lines = dict.fromkeys((*self._view.row_lines[:_ROWS], *self._view.picture_lines))
        return [line for line in lines if _can_look(line) or line.startswith(_OPENS)]

    @property
    def _here(self) -> str | None:
        return next((line for line in self._places if line in self._looked_at), None)

    def _after(self, step: int) -> str:
        places, here = self._places, self._here
        if here is None:
            return places[0 if step > 0 else -1]
        return places[min(max(0, places.index(here) + step), len(places) - 1)]

    def _point(self, line: str) -> str:
        """Mark the row of ``line`` at once, so that keys pressed faster than the session answers all count.

        Returns:
            The command line that looks at it; none of a cluster, which is opened by Enter only.
        """
        if _can_look(line):
            self._mark(frozenset({line}))
            return line
        self._mark(self._given | {line})
        return ""

    def _into(self, line: str) -> str:
        """What Enter on the row of ``line`` comes to: of a unit, the samples that activate it most."""
        if not line.startswith(_UNIT):
            return line
        unit, _, module = line.removeprefix(_UNIT).partition(" --of ")
        return f"samples {module}[{unit}]"

    def on_click(self, event: Click) -> None:
        """Point at what is under the pointer; where that was so already, go into it."""
        row, view = self.row_at(event.y), self._view
        if row is None or view is None or self.covered:
            return
        lines, place = (view.row_lines, row) if row < self._above else (view.picture_lines, None)
        if place is None:
            place = self._laid.at(row - self._above, event.x)
        if place is not None and place < len(lines) and lines[place]:
            line = lines[place]
            self.post_message(Asked(self._into(line) if line in self._looked_at else self._point(line)))

    def page(self, pages: int) -> None:
        """So that the next pictures begin at the top, and none is cut that has room."""
        breaks = sorted({self._above + row for row, _ in self._laid.places})
        top, height = self._top, self.body_height
        down = [row for row in breaks if top < row <= top + height]
        up = [row for row in breaks if top - height <= row < top]
        if not breaks or not (down if pages > 0 else up):
            super().page(pages)
        else:
            self.scroll_rows((down[-1] if pages > 0 else up[0]) - top)

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        view, width = self._view, max(20, self.size.width - 1)
        if view is None:
            self.show([], [[(self._hint, "dim")]])
            return
        at = "" if view.at is None else f"at {human(view.at)}: "
        title = textwrap.wrap(at + view.title, width, max_lines=2, placeholder="…")
        head: list[Row] = [[(line, "strong")] for line in title]
        rows: list[Row] = []
        if view.columns:
            columns, *rows = table_rows(Table(view.columns, view.rows[:_ROWS], clusters=view.clusters[:_ROWS]), width)
            head.append(columns)
        if len(view.rows) > _ROWS:
            rows.append([(f"{_ROWS} of {len(view.rows):,}", "dim")])
        if view.pictures and rows:
            rows.append([])
        self._above = len(rows)
        marked = frozenset(i for i, line in enumerate(view.picture_lines) if line in self._looked_at)
        self._laid = laid_out(view.pictures, width, self.colours, shared=view.shared, selected=marked)
        rows += self._laid.rows
        row = next((i for i, line in enumerate(view.row_lines[:_ROWS]) if line in self._looked_at), None)
        self.show(head, [*rows, *([(line, "dim")] for line in textwrap.wrap(view.note, width))], row)

    def _mark(self, looked_at: frozenset[str]) -> None:
        if looked_at != self._looked_at:
            self._looked_at = looked_at
            self.redraw()
            self._follow()

    def _follow(self) -> None:
        """Scroll to the picture that is looked at, unless it is to be seen or its row is."""
        lines = () if self._view is None or self._selected is not None else self._view.picture_lines
        place = next((i for i, line in enumerate(lines) if line in self._looked_at), None)
        if place is not None and place < len(self._laid.places):
            row = self._above + self._laid.places[place][0]
            last = row + max(1, self._laid.tall) - 1
            if not (self._top <= row and last < self._top + self.body_height):
                self.scroll_rows(row - self._top)


def _can_look(line: str) -> bool:
    return line.startswith(_LOOKS)


def looked_at(view: View) -> frozenset[str]:
    """The command lines of the unit and the sample that are looked at."""
    unit = () if view.unit is None else (line_of_unit(view.module, view.unit),)
    return frozenset((*unit, *(() if view.sample is None else (f"sample {view.sample}",))))


def tab_of(view: View, tab: str) -> UnitsTab | None:
    """What ``view`` has for a tab; None until its command was given."""
    return {"maps": view.maps, "samples": view.samples, "clusters": view.clusters}[tab]
