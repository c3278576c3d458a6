"""The numbers that a training logged beside its loss: accuracies, learning rates, the losses of single turns."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.commands.grammar import Completes
from dgmtui.commands.registry import command
from dgmtui.commands.result import Chart, Line, Result, Table
from dgmtui.errors import UsageError
from dgmtui.session.chart_settings import Scale
from dgmtui.session.landmarks import held
from dgmtui.session.lines import thin
from dgmtui.session.measuring import ScalarSummary, scalar_summary
from dgmtui.session.session import Session

MOST_CHARTED = 8
_POINTS = 4000
"""Of a chart's line; of more, each part's extremes."""
LOSS = "loss"
"""Every recording has it, so it may be charted with the others."""

ScalarName = Annotated[str, Completes("scalar")]


@command("scalars", group="look")
def scalars(session: Session, *names: ScalarName, scale: Scale = "linear") -> Result:
    """List what was logged beside the loss, or chart what is named.

    `loss` is always there and may be named too. Logged are what `Recorder.log` and the trainers' callbacks were given,
    and where an iteration has several turns (a GAN's), the loss of each.

    JSON: {"command":"scalars","scalars":[{"name","count","first","least","least_at","greatest","greatest_at","last",
    "nonfinite"}…],"iterations","values"}: of each how often it was logged, and where it was least and greatest;
    "values" holds a list for each that was named, null where it was not logged, and "iterations" those of all; both
    are null where none was named.
    """
    known = (LOSS, *(name for name in session.recording.scalars if name != LOSS))
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"no scalar {unknown[0]!r} was logged; there are {', '.join(known)}")
    if len(names) > MOST_CHARTED:
        raise UsageError(f"a chart shows at most {MOST_CHARTED} scalars, not {len(names)}")
    series = {name: _values(session, name) for name in names or known}
    told = {name: scalar_summary(values, always=name == LOSS) for name, values in series.items()}
    table = _table(told)
    data: dict[str, Any] = {
        "scalars": [_data(name, each) for name, each in told.items()],
        "iterations": None,
        "values": None,
    }
    if not names:
        return Result("scalars", data, (table,))
    chart = _chart(list(series.items()), scale, session.iteration)
    data |= {
        "iterations": chart.iterations,
        "values": [_listed(values[chart.iterations], name) for name, values in series.items()],
    }
    return Result("scalars", data, (chart, table))


def _values(session: Session, name: str) -> NDArray[np.float64]:
    return session.landmarks.losses if name == LOSS else session.recording.scalar(name)


def _data(name: str, told: ScalarSummary) -> dict[str, object]:
    return {"name": name, **vars(told)}


def _table(told: dict[str, ScalarSummary]) -> Table:
    columns = ("name", "times", "first", "least", "at", "greatest", "at", "last", "non-finite")
    rows = tuple(
        (name, t.count, t.first, t.least, t.least_at, t.greatest, t.greatest_at, t.last, t.nonfinite or None)
        for name, t in told.items()
    )
    return Table(columns, rows)


def _chart(series: Sequence[tuple[str, NDArray[np.float64]]], scale: Scale, cursor: int) -> Chart:
    """Over the iterations at which one of them was logged; in between, each keeps the number that it had."""
    absent = [np.isnan(values) & (name != LOSS) for name, values in series]
    logged = np.flatnonzero(~np.all(absent, axis=0))
    kept = np.stack([values[logged] if name == LOSS else held(values[logged]) for name, values in series], axis=1)
    iterations, drawn = thin(logged, kept.astype(np.float32), _POINTS)
    lines = tuple(Line(name, drawn[:, i], "selected") for i, (name, _) in enumerate(series))
    return Chart(iterations, lines, ", ".join(name for name, _ in series), scale, len(lines), cursor=cursor)


def _listed(values: NDArray[np.float64], name: str) -> list[float | None]:
    return [None if name != LOSS and np.isnan(value) else float(value) for value in values]
