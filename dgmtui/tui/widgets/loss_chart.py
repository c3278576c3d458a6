"""The loss over the whole run, with the cursor, the snapshots and the findings on one row below it."""

import numpy as np
from numpy.typing import NDArray
from textual.events import Click

from dgmtui.render.chart import MARKS, Plot, Row, Series, plot
from dgmtui.render.numbers import human
from dgmtui.render.scales import Axis
from dgmtui.session.losses import loss_scale
from dgmtui.session.view import LossView, Scalar
from dgmtui.tui.widgets.charts import ChartPane, marks_row, overlaid, titled
from dgmtui.tui.widgets.pane import Asked

_FINDING = {"info": ("·", "dim"), "warning": ("▲", "warning"), "error": ("✗", "error")}
"""The gravest last: it covers the others."""
CURSOR = "│"
_LETTERS = "abcdefgh"
"""What scalars that are drawn with the loss are called on it."""
_LEVELS = 512
"""Heights that are told apart of a scalar's line."""

Drawn = tuple[LossView, int, int]
"""What was drawn, in how many columns and rows."""


class LossChart(ChartPane):
    """Drawn again when the losses or the size change; a moved cursor changes one row and the title."""

    _view: LossView | None = None
    _cursor = 0
    _drawn: Drawn | None = None

    def show_loss(self, view: LossView, cursor: int) -> None:
        """Draw ``view`` with the iteration ``cursor`` marked."""
        self._view, self._cursor = view, cursor
        self.redraw()

    def on_click(self, event: Click) -> None:
        """Go to the iteration under the pointer; where there is a mark in that column, to what it marks."""
        if self._view is None or self._plot is None or not event.y:
            return
        iterations = spanned(self._view)
        found = self._plot.iteration(event.x, iterations)
        if found is not None:
            near = (at for at, _, _ in reversed(_marks(self._view)) if self._plot.column(at, iterations) == event.x)
            self.post_message(Asked(f"goto {next(near, found)}"))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        view, width, height = self._view, self.size.width, self.size.height
        if view is None or width < 4 or height < 3:
            return
        drawn = self._draw(view, width, height)
        marks = _marks(view)
        here = next((glyph for at, glyph, _ in reversed(marks) if at == self._cursor), CURSOR)
        below = marks_row(drawn, spanned(view), [*marks, (self._cursor, here, "cursor")], view.window)
        beside = " ".join(_legend(view))
        title = titled(self._title(view), width, *([beside] if beside else []), "◆ snapshot ▲✗ finding")
        self.put([title, *drawn.rows[:-1], below])

    def _draw(self, view: LossView, width: int, height: int) -> Plot:
        if self._plot is None or self._drawn is None or not _same(self._drawn, (view, width, height)):
            labels = 3 if view.others or view.scalars else 0
            scale = _scale(view)
            drawn = plot(_series(view, scale), spanned(view), width - 1, height - 1, scale, labels=labels)
            again = [(int(at), "✗", "nonfinite") for at in view.iterations[~np.isfinite(view.values)][1:]]
            top = overlaid(drawn.rows[0], drawn, spanned(view), again)
            self._plot = Plot((top, *drawn.rows[1:]), drawn.left, drawn.width)
            self._drawn = (view, width, height)
        return self._plot

    def _title(self, view: LossView) -> Row:
        before = int(np.searchsorted(view.iterations, self._cursor, side="right"))
        drawn = float(view.values[before - 1]) if before else None
        value = human(drawn if view.here is None else view.here)
        return [("loss ", "head"), (value, ""), (f" at {human(self._cursor)} · {_scale(view)}", "dim")]


def _legend(view: LossView) -> list[str]:
    """What stands beside the loss: other recordings' losses, and scalars with their value at the cursor."""
    others = [f"{MARKS['outlier']}{other.letter} {other.name}" for other in view.others]
    scalars = zip(_LETTERS, view.scalars, strict=False)
    return [*others, *(f"{MARKS['selected']}{letter} {each.name} {human(each.here)}" for letter, each in scalars)]


def _marks(view: LossView) -> list[tuple[int, str, str]]:
    marks = [(iteration, "◆", "cover") for iteration in view.snapshots]
    for gravity, (glyph, style) in _FINDING.items():
        marks += [(iteration, glyph, style) for iteration, severity in view.findings if severity == gravity]
    return marks


def _scale(view: LossView) -> str:
    all_values = np.concatenate([view.values, *(other.values for other in view.others)])
    return loss_scale(all_values) if view.scale == "auto" else view.scale


def spanned(view: LossView) -> NDArray[np.int64]:
    """``[T]`` iterations that are drawn: its own, and beyond its last those of losses that stand beside it."""
    last = view.iterations[-1] if len(view.iterations) else -1
    beyond = [other.iterations[other.iterations > last] for other in view.others]
    return np.unique(np.concatenate([view.iterations, *beyond])) if beyond else view.iterations


def _series(view: LossView, scale: str = "linear") -> list[Series]:
    """Its own loss over ``spanned``, and what stands beside it, between whose iterations a line is drawn."""
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
    axis = Axis.fit(np.concatenate([series.values for series in drawn]), scale)
    for letter, scalar in zip(_LETTERS, view.scalars, strict=False):
        drawn.append(Series(_over_the_height(scalar, iterations, axis), "selected", letter))
    return drawn


def _over_the_height(scalar: Scalar, iterations: NDArray[np.int64], axis: Axis) -> NDArray[np.float64]:
    """``[T]``: the scalar as losses that lie on ``axis`` where it lies on its own."""
    heights = Axis.fit(scalar.values).position(scalar.values)
    levels = np.linspace(0.0, 1.0, _LEVELS)
    losses = np.interp(heights, levels, [axis.value(level) for level in levels])
    losses[np.isnan(heights)] = np.nan
    return np.interp(iterations, scalar.iterations, losses, left=np.nan, right=np.nan)


def _same(a: Drawn, b: Drawn) -> bool:
    """Whether the picture is the same: the cursor, the marks and the window are no part of it."""
    ours, theirs = _pictured(a[0]), _pictured(b[0])
    if a[1:] != b[1:] or a[0].scale != b[0].scale or len(ours) != len(theirs):
        return False
    return all(x is y or x.tobytes() == y.tobytes() for x, y in zip(ours, theirs, strict=True))


def _pictured(view: LossView) -> list[NDArray[np.float64]]:
    return [view.values, *(other.values for other in view.others), *(scalar.values for scalar in view.scalars)]
