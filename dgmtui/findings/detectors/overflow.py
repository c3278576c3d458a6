"""Values on their way out of the range of their dtype, before they are there."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.forecast import Arrival, arrival_data, forecast_arrival
from dgmtui.findings.forecast.limits import Limit, limits_of
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.findings.thresholds import Thresholds
from dgmtui.recording.model import Quantity


@detector("overflow_ahead")
def overflow_ahead(case: Case) -> Iterator[Finding]:
    """A module's output grows towards the value at which an exponential after it overflows."""
    if case.graph is None or len(case.recording.rows) < 3:
        return
    failed = {birth.node for birth in case.failure.births} if case.failure else set()
    for limit in limits_of(case.graph):
        if limit.node.id not in failed:
            finding = _approaching(case, limit)
            if finding is not None:
                yield finding


def _approaching(case: Case, limit: Limit) -> Finding | None:
    recording, thresholds = case.recording, case.thresholds
    channel = case.channel(limit.module, Quantity.ACTIVATION)
    if channel is None:
        return None
    extreme = case.statistic(channel, "max" if limit.upwards else "min")
    used = np.where(np.isfinite(extreme), extreme / limit.bound, np.nan)
    if not np.isfinite(used[-1]) or used[-1] < thresholds.overflow_headroom:
        return None
    arrives = _arrival(recording.rows, used, thresholds)
    horizon = recording.rows[-1] + thresholds.overflow_horizon * max(1, recording.iteration_count)
    if arrives is None or arrives > horizon:
        return None
    arrival = forecast_arrival(recording.rows, extreme, limit.bound, thresholds, horizon)
    first = int(recording.rows[np.flatnonzero(used >= thresholds.overflow_headroom)[0]])
    operation, source = limit.node.name, limit.node.source
    return Finding(
        kind="overflow_ahead",
        severity=Severity.WARNING,
        iteration=int(recording.rows[-1]),
        onset=first,
        rank=recording.info.rank,
        phase="forward",
        module=limit.module,
        op=operation,
        **line_of(source),
        value=float(extreme[-1]),
        message=(
            f"{_name(limit)} has reached {extreme[-1]:.4g} and grows; `{operation}` of it overflows at "
            f"{limit.bound:.4g} (half of that was passed at iteration {first:,}){_reaches(limit, arrival)}."
        ),
        advice="Bound it before the exponential (clamp, tanh), or use softplus where a positive value is meant.",
        evidence=(Evidence(f"module {limit.module or '.'}", f"greatest value {extreme[-1]:.4g} of {limit.bound:.4g}"),),
        data={"limit": limit.bound, **({} if arrival is None else {"forecast": arrival_data(arrival)})},
    )


def _name(limit: Limit) -> str:
    return f"`{limit.module}`" if limit.module else "What the root module gives"


def _reaches(limit: Limit, arrival: Arrival | None) -> str:
    """When, where forecasts like it have held."""
    return "" if arrival is None else f"; it reaches {limit.bound:.4g} at {arrival.words}"


def _arrival(rows: NDArray[np.int64], used: NDArray[np.float64], thresholds: Thresholds) -> float | None:
    """Iteration at which a straight line through the last rows reaches 1; None where it does not surely rise."""
    known = np.flatnonzero(np.isfinite(used))[-thresholds.overflow_trend_rows :]
    if len(known) < 3:
        return None
    x, y = rows[known].astype(float), used[known]
    slope, intercept = np.polyfit(x, y, 1)
    residual = float(np.sum((y - slope * x - intercept) ** 2)) / (len(x) - 2)
    error = math.sqrt(residual / float(np.sum((x - x.mean()) ** 2)))
    return float((1.0 - intercept) / slope) if slope > thresholds.overflow_certainty * error else None
