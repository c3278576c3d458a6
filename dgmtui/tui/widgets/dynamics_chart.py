"""The sampled series of what is selected."""

import re

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.chart import Plot, Row, Series, plot
from dgmtui.render.text import caption
from dgmtui.session.view import DynamicsView
from dgmtui.tui.widgets.charts import ChartPane, overlaid, titled

_LABELS_FROM = 40
"""Narrower charts keep their width for the lines."""
_LABELS, _MOST_LABELS = 6, 12
"""Columns for the names of marked lines: for units, and for elements of a weight."""


class DynamicsChart(ChartPane):
    """Polylines; outliers, events and non-finite series are marked at the right with their unit, or element."""

    _view: DynamicsView | None = None
    _drawn: tuple[DynamicsView, int, int] | None = None
    _cursor = 0
    _subject = ""

    def show_dynamics(self, view: DynamicsView | None, subject: str, cursor: int) -> None:
        """Draw ``view`` (None: nothing is recorded of ``subject``, and that is said) with ``cursor`` marked."""
        self._view, self._subject, self._cursor = view, subject, cursor
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        width, height, view = self.size.width, self.size.height, self._view
        if width < 4 or height < 3:
            return
        if view is None:
            self.put([[(self._subject, "head")], [("no series are recorded of it; ↑ ↓ choose another module", "dim")]])
            return
        drawn = self._draw(view, width, height)
        cursor = nearest_drawn(self._cursor, view.iterations)
        axis = (
            give_way(drawn.rows[-1], drawn.column(cursor, view.iterations)) if len(view.iterations) else drawn.rows[-1]
        )
        axis = overlaid(axis, drawn, view.iterations, [(cursor, "^", "cursor")])
        text = caption(len(view.lines), view.total, view.nonfinite, view.clipped, view.scale)
        title = titled([(self._subject, "head")], width, text, text.partition(" · ")[0], view.scale)
        self.put([title, *drawn.rows[:-1], axis])

    def _draw(self, view: DynamicsView, width: int, height: int) -> Plot:
        drawn = self._drawn
        if self._plot is None or drawn is None or drawn[0] is not view or drawn[1:] != (width, height):
            names = [line.label.strip("[]") or str(line.unit) for line in view.lines]
            series = [Series(line.values, line.kind, name) for line, name in zip(view.lines, names, strict=True)]
            widest = 1 + max(map(len, names), default=0)
            labels = min(max(_LABELS, widest), _MOST_LABELS) if width >= _LABELS_FROM else 0
            self._plot = plot(series, view.iterations, width - 1, height - 1, view.scale, labels=labels)
            self._drawn = (view, width, height)
        return self._plot


def subject_of(view: DynamicsView | None, module: str, quantity: str) -> str:
    """``dec.xv activation, rms``."""
    name = module or "root"
    return f"{name} {quantity}" + (f", {view.measure}" if view is not None else "")


def give_way(axis: Row, column: int) -> Row:
    """``axis`` with the number at ``column``, if any, moved to just before it (behind it where there is no room)."""
    text = "".join(piece for piece, _ in axis)
    numbers = [(match.start(), match.group()) for match in re.finditer(r"\S+", text)]
    for start, number in numbers:
        if start <= column < start + len(number):
            bare = text[:start] + " " * len(number) + text[start + len(number) :]
            for place in (column - len(number), column + 1):
                if place >= 0 and not bare[max(0, place - 1) : place + len(number) + 1].strip():
                    return [((bare[:place] + number + bare[place + len(number) :])[: len(text)], axis[0][1])]
    return axis


def nearest_drawn(cursor: int, iterations: NDArray[np.int64]) -> int:
    """The last drawn iteration where the cursor stands less than a step behind it: not every iteration has a row."""
    if len(iterations) > 1 and 0 < cursor - iterations[-1] < iterations[-1] - iterations[-2]:
        return int(iterations[-1])
    return cursor
