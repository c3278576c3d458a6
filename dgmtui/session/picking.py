"""Pointing at one line of the dynamics chart: the lines in the order of their values at the cursor."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.recording.model import Measure
from dgmtui.session.lines import DRAWN_POINTS
from dgmtui.session.view import DynamicsLine, DynamicsView, PickedLine, Reading
from dgmtui.session.whole_lines import recording_of, series_of

if TYPE_CHECKING:
    from dgmtui.session.session import Session

_LISTED = 6
_READ = 12
"""Marked lines that are read at the cursor."""
_GRAVITY = ("selected", "nonfinite", "event", "outlier")


@dataclass(frozen=True)
class Pick:
    """Whose series is pointed at; it stays while other lines come and go."""

    module: str
    unit: int
    rank: int


def pick_of(view: DynamicsView, line: DynamicsLine) -> Pick:
    """Of which module, unit and rank a line of the chart is."""
    return Pick(line.module or view.module, line.unit, line.rank)


def name_of(view: DynamicsView, line: DynamicsLine) -> str:
    """``dec.xv[212]``; ``rank 1 dec.xv[212]`` on a chart of several ranks."""
    rank = f"rank {line.rank} " if len({each.rank for each in view.lines}) > 1 else ""
    place = line.label if line.label.startswith("[") else f"[{line.unit}]"
    return f"{rank}{line.module or view.module or 'root'}{place}"


def row_at(iterations: NDArray[np.int64], cursor: int) -> int:
    """The row at or before the cursor; the first where there is none."""
    return max(0, int(np.searchsorted(iterations, cursor, side="right")) - 1)


def by_value(view: DynamicsView, cursor: int) -> list[int]:
    """Places of the lines from the least to the greatest value at the cursor; what is NaN there comes last."""
    row = row_at(view.iterations, cursor)
    values = [float(line.values[row]) for line in view.lines]
    return sorted(range(len(values)), key=lambda i: (math.isnan(values[i]), values[i], i))


def neighbour(view: DynamicsView, picked: int | None, cursor: int, step: int) -> int | None:
    """The line ``step`` above ``picked`` at the cursor; None where that is beyond the last.

    Without one that is picked it begins at the unit that is looked at, else at the end that it moves away from.
    """
    order = by_value(view, cursor)
    if picked is None:
        looked_at = [i for i, line in enumerate(view.lines) if line.kind == "selected"]
        return looked_at[0] if looked_at else order[0 if step > 0 else -1]
    place = order.index(picked) + step
    return order[place] if 0 <= place < len(order) else None


def place_of(view: DynamicsView | None, pick: Pick | None) -> int | None:
    """Where in the chart's lines the picked one is, if it is drawn."""
    if view is None or pick is None:
        return None
    return next((i for i, line in enumerate(view.lines) if pick_of(view, line) == pick), None)


def find(view: DynamicsView, wanted: int | str) -> int:
    """The line of a unit's number, of a label or of a name.

    Raises:
        UsageError: none is drawn, or several are.
    """
    found = [
        i
        for i, line in enumerate(view.lines)
        if wanted in (line.unit, line.label, f"[{line.unit}]", name_of(view, line))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(name_of(view, view.lines[i]) for i in found[:_LISTED])
        raise UsageError(f"{wanted} could be {names}")
    raise UsageError(f"no line {wanted} is drawn; `unit N` looks at any unit, `pick next` goes through the lines")


def picked_line(session: "Session", view: DynamicsView | None) -> PickedLine | None:
    """What the screen shows of the pick; None where it is not drawn."""
    place = place_of(view, session.pick)
    if view is None or place is None:
        return None
    line = view.lines[place]
    iteration, value = _value_at(session, view, line)
    return PickedLine(place, name_of(view, line), value, iteration, line.kind)


def readings(session: "Session", view: DynamicsView | None) -> tuple[Reading, ...]:
    """What the marked lines are at the cursor, the gravest first; of one kind, in the order of the chart."""
    if view is None or not len(view.iterations):
        return ()
    marked = sorted((line for line in view.lines if line.kind in _GRAVITY), key=lambda line: _GRAVITY.index(line.kind))
    told = []
    for line in marked[:_READ]:
        iteration, value = _value_at(session, view, line)
        told.append(Reading(line.label or f"[{line.unit}]", line.kind, value, iteration))
    return tuple(told)


def take(session: "Session", pick: Pick) -> None:
    """Look at the picked unit; it is then no longer picked, since it is what is selected.

    Raises:
        UsageError: it is a single element of a weight.
    """
    if session.drawn_measure == Measure.ELEMENT:
        raise UsageError("the picked line is one element of a weight, not a unit; `unit N` looks at a unit")
    if session.drawn.scope == "ranks" and pick.rank != session.rank:
        session.select_rank(pick.rank)
    quantity, measure = session.quantity, session.measure
    if pick.module != session.module:
        session.select_module(pick.module)
        session.select_quantity(quantity, measure)
    session.select_unit(pick.unit)
    session.pick = None


def _value_at(session: "Session", view: DynamicsView, line: DynamicsLine) -> tuple[int, float]:
    """The row at or before the cursor and the line's value there, read again where the drawn ones are thinned."""
    row = row_at(view.iterations, session.iteration)
    drawn = int(view.iterations[row]), float(line.values[row])
    if len(view.iterations) < DRAWN_POINTS:
        return drawn
    recording = recording_of(session, line)
    at = row_at(recording.rows, min(max(session.iteration, drawn[0]), int(view.iterations[-1])))
    value = float(series_of(recording, view, line)[at, line.unit])
    return drawn if math.isnan(value) else (int(recording.rows[at]), value)
