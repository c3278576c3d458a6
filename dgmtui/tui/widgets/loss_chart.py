"""The loss over the whole run, with the cursor, the snapshots and the findings on one row below it."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.chart import MARKS, Plot, Row, Series, plot
from dgmtui.render.numbers import human
from dgmtui.session.view import LossView
from dgmtui.tui.widgets.charts import ChartPane, marks_row, titled

_FINDING = {"info": ("·", "dim"), "warning": ("▲", "warning"), "error": ("✗", "error")}
"""The gravest last: it covers the others."""
CURSOR = "│"
_FLATTENS = 10.0
"""Times the median loss."""


class LossChart(ChartPane):
    """Drawn again when the losses or the size change; a moved cursor changes one row."""

    _view: LossView | None = None
    _cursor = 0
    _drawn: tuple[LossView, int, int] | None = None

    def show_loss(self, view: LossView, cursor: int) -> None:
        """Draw ``view`` with the iteration ``cursor`` marked."""
        self._view, self._cursor = view, cursor
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        view, width, height = self._view, self.size.width, self.size.height
        if view is None or width < 4 or height < 3:
            return
        drawn = self._draw(view, width, height)
        marks = marks_row(drawn, spanned(view), self._marks(view))
        beside = " ".join(f"{MARKS['outlier']}{other.letter} {other.name}" for other in view.others)
        legends = [beside] if beside else []
        title = titled(self._title(view), width, *legends, "◆ snapshot ▲✗ finding")
        self.put([title, *drawn.rows[:-1], marks])

    def _draw(self, view: LossView, width: int, height: int) -> Plot:
        if self._plot is None or self._drawn is None or not _same(self._drawn, (view, width, height)):
            labels = 3 if view.others else 0
            self._plot = plot(
                _series(view), spanned(view), width - 1, height - 1, scale_of(_all_values(view)), labels=labels
            )
            self._drawn = (view, width, height)
        return self._plot

    def _title(self, view: LossView) -> Row:
        before = int(np.searchsorted(view.iterations, self._cursor, side="right"))
        value = human(float(view.values[before - 1])) if before else "–"
        return [("loss ", "head"), (value, ""), (f" · {scale_of(_all_values(view))}", "dim")]

    def _marks(self, view: LossView) -> list[tuple[int, str, str]]:
        marks = [(iteration, "◆", "cover") for iteration in view.snapshots]
        for gravity, (glyph, style) in _FINDING.items():
            marks += [(iteration, glyph, style) for iteration, severity in view.findings if severity == gravity]
        here = next((glyph for at, glyph, _ in reversed(marks) if at == self._cursor), CURSOR)
        return [*marks, (self._cursor, here, "cursor")]


def _all_values(view: LossView) -> NDArray[np.float64]:
    return np.concatenate([view.values, *(other.values for other in view.others)])


def spanned(view: LossView) -> NDArray[np.int64]:
    """``[T]`` iterations that are drawn: its own, and beyond its last those of losses that stand beside it."""
    last = view.iterations[-1] if len(view.iterations) else -1
    beyond = [other.iterations[other.iterations > last] for other in view.others]
    return np.unique(np.concatenate([view.iterations, *beyond])) if beyond else view.iterations


def _series(view: LossView) -> list[Series]:
    """Its own loss over ``spanned``, and those beside it, between whose iterations a line is drawn."""
    if not len(view.values):
        return []
    iterations = spanned(view)
    own = np.concatenate([view.values, np.full(len(iterations) - len(view.values), np.nan)])
    bad = ~np.isfinite(view.values)
    first = int(view.iterations[bad.argmax()]) if bad.any() else None
    drawn = [Series(own, "nonfinite" if bad.any() else "cover", first_nonfinite=first)]
    for other in view.others:
        values = np.interp(iterations, other.iterations, other.values, left=np.nan, right=np.nan)
        drawn.append(Series(values, "outlier", other.letter))
    return drawn


def scale_of(losses: NDArray[np.float64]) -> str:
    """Logarithmic where the losses are positive and a few of them would flatten all others."""
    finite = losses[np.isfinite(losses)]
    return "log" if len(finite) and finite.min() > 0 and finite.max() > _FLATTENS * np.median(finite) else "linear"


def _same(a: tuple[LossView, int, int], b: tuple[LossView, int, int]) -> bool:
    if [other.values.tobytes() for other in a[0].others] != [other.values.tobytes() for other in b[0].others]:
        return False
    return a[1:] == b[1:] and (a[0].values is b[0].values or a[0].values.tobytes() == b[0].values.tobytes())
