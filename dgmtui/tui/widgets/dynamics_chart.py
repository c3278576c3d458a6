"""The sampled series of what is selected."""

import re

import numpy as np
from textual.events import Click

from dgmtui.commands.describe import picked_words
from dgmtui.render.chart import MARKS, Plot, Row, Series, nearest_drawn, plot
from dgmtui.render.numbers import human
from dgmtui.render.scales import Axis
from dgmtui.render.text import caption_parts, label_width
from dgmtui.session.view import DynamicsLine, DynamicsView, PickedLine, Reading
from dgmtui.tui.widgets.charts import ChartPane, overlaid, titled
from dgmtui.tui.widgets.pane import Asked

_LABELS_FROM = 40
"""Narrower charts keep their width for the lines."""
_LABELS = 6
_ADVICE_FROM = 10
"""Lower charts keep their rows for the lines; the advice is in the answer of ``dynamics``."""
_READINGS_FROM = 14
_VALUE = 9
"""Characters of a reading; all take as many, so that those that stay are not sent again."""


class DynamicsChart(ChartPane):
    """Polylines; outliers, events and non-finite series are marked at the right with their unit, or element."""

    _view: DynamicsView | None = None
    _picked: PickedLine | None = None
    _drawn: tuple[DynamicsView, int, int, int | None] | None = None
    _cursor = 0
    _subject = ""
    _readings: tuple[Reading, ...] = ()

    def show_dynamics(
        self,
        view: DynamicsView | None,
        subject: str,
        cursor: int,
        picked: PickedLine | None = None,
        readings: tuple[Reading, ...] = (),
    ) -> None:
        """Draw ``view`` (None: nothing is recorded of ``subject``, and that is said) with ``cursor`` marked."""
        self._view, self._subject, self._cursor, self._picked = view, subject, cursor, picked
        self._readings = readings
        self.redraw()

    def on_click(self, event: Click) -> None:
        """Go to the recorded iteration under the pointer."""
        if self._view is None or self._plot is None or not event.y:
            return
        found = self._plot.iteration(event.x, self._view.iterations)
        if found is not None:
            self.post_message(Asked(f"goto {_nearest(found, self._view)}"))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        width, height, view = self.size.width, self.size.height, self._view
        if width < 4 or height < 3:
            return
        if view is None:
            self.put([[(self._subject, "head")], [("no series are recorded of it; ↑ ↓ choose another module", "dim")]])
            return
        head = [self._title(view, width)]
        if view.advice and height >= _ADVICE_FROM and len(view.advice) < width:
            head.append([(view.advice, "dim")])
        if self._readings and height >= _READINGS_FROM:
            head.append(_readings_row(self._readings, width))
        drawn = self._draw(view, width, height - len(head))
        cursor = nearest_drawn(self._cursor, view.iterations)
        axis = (
            give_way(drawn.rows[-1], drawn.column(cursor, view.iterations)) if len(view.iterations) else drawn.rows[-1]
        )
        axis = overlaid(axis, drawn, view.iterations, [(cursor, "^", "cursor")])
        self.put([*head, *drawn.rows[:-1], axis])

    def _title(self, view: DynamicsView, width: int) -> Row:
        """What is shown, the picked line, and how much of all that is; what has no room is left out from the end."""
        parts = caption_parts(view)
        told = [" · ".join(parts[:count]) for count in range(len(parts), 0, -1)]
        told.insert(-1, f"{parts[0]} · {parts[-1]}")
        subject: Row = [(self._subject, "head")]
        if self._picked is not None:
            name = (f"*{picked_words(self._picked)}", "mark-picked")
            fits = len(self._subject) + len(name[0]) + 3 <= width
            subject = [*subject, ("  ", ""), name] if fits else [name]
        return titled(subject, width, *told, view.scale)

    def _draw(self, view: DynamicsView, width: int, height: int) -> Plot:
        picked = None if self._picked is None else self._picked.line
        drawn = self._drawn
        if self._plot is None or drawn is None or drawn[0] is not view or drawn[1:] != (width, height, picked):
            series = [
                Series(line.values, "picked" if i == picked else line.kind, _short(line), line.first_nonfinite)
                for i, line in enumerate(view.lines)
            ]
            marked = (s.label for s in series if s.kind in MARKS)
            labels = max(_LABELS, label_width(marked, width)) if width >= _LABELS_FROM else 0
            axis = Axis.given(view.scale, view.limits, view.bend)
            self._plot = plot(
                series, view.iterations, width - 1, height, view.scale, labels=labels, axis=axis, backdrop=view.backdrop
            )
            self._drawn = (view, width, height, picked)
        return self._plot


def _nearest(iteration: int, view: DynamicsView) -> int:
    """The drawn iteration nearest to ``iteration``."""
    return int(view.iterations[np.abs(view.iterations - iteration).argmin()])


def _readings_row(readings: tuple[Reading, ...], width: int) -> Row:
    """``at 1,310  ▶16 3.21  !63 8.24``: what marked lines are at the cursor, as many as fit."""
    row: Row = [(f"at {human(readings[0].iteration)}", "dim")]
    room = width - len(row[0][0])
    for reading in readings:
        mark, value = f"  {MARKS[reading.kind]}{reading.label.strip('[]')} ", human(reading.value, 3)
        room -= len(mark) + _VALUE
        if room < 0:
            break
        row += [(mark, f"mark-{reading.kind}" if reading.kind != "selected" else "strong"), (value.ljust(_VALUE), "")]
    return row


def _short(line: DynamicsLine) -> str:
    """``212`` for ``[212]``; where lines are of several modules or ranks, the whole label."""
    return line.label.strip("[]") if line.label.startswith("[") else line.label or str(line.unit)


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
