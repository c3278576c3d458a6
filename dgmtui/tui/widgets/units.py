"""The tabs about units: feature maps, samples and clusters, each as its command made it last."""

import textwrap
from typing import TYPE_CHECKING

from dgmtui.commands.result import Table
from dgmtui.render.numbers import human
from dgmtui.render.pictures import pictures_rows
from dgmtui.render.tables import table_rows
from dgmtui.session.view import UnitsTab, View
from dgmtui.tui.widgets.pane import RowsPane

if TYPE_CHECKING:
    from dgmtui.render.chart import Row

UNIT_TABS = {"maps": ("maps",), "samples": ("samples",), "clusters": ("clusters", "edges", "classes")}
"""Tab, which is also a field of the view and the command that makes it first → the commands that are drawn there."""
_ROWS = 300
"""Of a longer table the rest is left out here; ``--batch`` prints it."""


class UnitsPane(RowsPane):
    """A title, a table and pictures."""

    _view: UnitsTab | None = None
    _hint = ""

    def show_units(self, view: UnitsTab | None, hint: str) -> None:
        """Draw ``view``; ``hint`` says how to get one where there is none."""
        if (view, hint) != (self._view, self._hint):
            self._view, self._hint = view, hint
            self.scroll_rows(-len(self._rows))
            self.redraw()

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
        if view.pictures:
            rows += [[]] if rows else []
            rows += pictures_rows(view.pictures, width, self.colours, shared=view.shared)
        self.show(head, [*rows, *([(line, "dim")] for line in textwrap.wrap(view.note, width))])


def tab_of(view: View, tab: str) -> UnitsTab | None:
    """What ``view`` has for a tab; None until its command was given."""
    return {"maps": view.maps, "samples": view.samples, "clusters": view.clusters}[tab]
