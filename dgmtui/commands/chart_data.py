"""The dynamics chart as data and as a block, and what its settings may be."""

import math
from typing import Any

from dgmtui.commands.result import Chart, Line
from dgmtui.errors import UsageError
from dgmtui.session.chart_settings import Overlay, Scale
from dgmtui.session.session import Session
from dgmtui.session.subject import charted
from dgmtui.session.view import DynamicsLine, DynamicsView

MOST_LINES = 1000
"""Of lines more than these a terminal shows one blot."""
SCALES: tuple[Scale, ...] = ("linear", "symlog", "log")
OVERLAYS: tuple[Overlay, ...] = ("none", "density", "bands")
"""In the order that ``next`` goes through them."""


def drawn_chart(session: Session) -> DynamicsView:
    """The chart of what is selected; where no series of the root are recorded, of what the first finding concerns.

    Raises:
        UsageError: nothing is recorded of it.
    """
    chart = session.charts.chart(session)
    if chart is None and not session.module and "" not in charted(session.recording):
        session.start()
        chart = session.charts.chart(session)
    if chart is None:
        offered = ", ".join(session.quantities()) or "none"
        raise UsageError(
            f"no series of {session.quantity} of {session.module or 'the root module'} here (recorded: {offered}); "
            "choose with `module` and `quantity`"
        )
    return chart


def chart_data(chart: DynamicsView) -> dict[str, Any]:
    """The object of ``dynamics``."""
    return {
        "module": chart.module,
        "quantity": chart.quantity,
        "measure": chart.measure,
        "scale": chart.scale,
        "limits": chart.limits,
        "iterations": chart.iterations,
        "total": chart.total,
        "nonfinite": chart.nonfinite,
        "clipped": chart.clipped,
        "advice": chart.advice or None,
        "lines": [_line_data(chart, line) for line in chart.lines],
    }


def chart_block(chart: DynamicsView, cursor: int, picked: int | None = None) -> Chart:
    """The chart for people; ``picked`` is the place of the line that is pointed at."""
    return Chart(
        iterations=chart.iterations,
        lines=tuple(
            Line(label_of(line), line.values, "picked" if i == picked else line.kind, line.first_nonfinite)
            for i, line in enumerate(chart.lines)
        ),
        title=f"{chart.quantity} ({chart.measure}) of {chart.module or 'the root module'}",
        scale=chart.scale,
        total=chart.total,
        nonfinite=chart.nonfinite,
        clipped=chart.clipped,
        cursor=cursor,
        limits=chart.limits,
        bend=chart.bend,
        backdrop=chart.backdrop,
        preliminary=chart.preliminary,
        advice=chart.advice,
    )


def label_of(line: DynamicsLine) -> str:
    """What a line is called on the chart: ``[212]``."""
    return line.label or f"[{line.unit}]"


def checked_limits(limits: tuple[float, float], scale: Scale) -> tuple[float, float]:
    """``limits``, if a chart can have them.

    Raises:
        UsageError: it can't.
    """
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"--limits go from a number up to a greater one; not from {low:g} to {high:g}")
    if scale == "log" and low <= 0:
        raise UsageError(f"a logarithmic chart begins above zero, not at {low:g}; `--scale symlog` has room for both")
    return limits


def _line_data(chart: DynamicsView, line: DynamicsLine) -> dict[str, Any]:
    return {
        "unit": line.unit,
        "module": line.module or chart.module,
        "rank": line.rank,
        "label": label_of(line),
        "kind": line.kind,
        "clipped": line.clipped,
        "first_nonfinite": line.first_nonfinite,
        "values": line.values,
    }
