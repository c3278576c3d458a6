"""What forecasts made at earlier rows of a series would have said, and what came."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.forecast.trend import Lines, Numbers, lines
from dgmtui.findings.thresholds import Thresholds

POINTS = 120
"""At most so many earlier rows are forecast from, evenly over those that allow it."""


@dataclass(frozen=True)
class Test:
    """How forecasts made at earlier rows fared."""

    made: int
    """Forecasts that could be judged."""
    held: int
    span: float
    """Iterations from the first that was judged to the last."""
    usual: float
    """Iterations until what was forecast came, in the median of those that were judged."""
    spacing: float
    """Iterations from row to row: what arrives between two is seen at the later."""
    early: float
    """How far before the plain interval's beginning one has to look, as a factor on the time from now: at most 1."""
    late: float
    """How far after its end: at least 1."""

    def interval(self, present: Lines, target: float, now: float) -> tuple[float, float, float]:
        """The iteration of arrival, the earliest, the latest."""
        expected, low, high = _times(present, np.array([target]))
        return (
            now + float(expected[0]),
            now + self.early * float(low[0]),
            now + self.late * float(high[0]) + self.spacing,
        )


def back_test(iterations: Numbers, values: Numbers, gap: float, window: int, thresholds: Thresholds) -> Test | None:
    """Forecasts at earlier rows of when a series that rises has risen by as much as it still has to.

    Only rows from which a rise was seen are forecast from, as now. What was not decided by the last row does not count.
    Each interval is widened by what was off in forecasts that had been decided when it was made.

    Args:
        iterations, values: ``[R]``; upwards is where it goes.
        gap: from the last value to the level.
    """
    first, last = window - 1, len(values) - 2
    if last - first < thresholds.forecast_tests:
        return None
    points = np.unique(np.linspace(first, last, POINTS).astype(np.int64))
    seen = lines(iterations, values, window, points, thresholds.forecast_sigmas)
    rising = seen.least > 0
    seen = Lines(*(getattr(seen, name)[rising] for name in Lines.__dataclass_fields__))
    targets = values[seen.at] + gap
    _, low, high = _times(seen, targets)
    spacing = float(np.median(np.diff(iterations)))
    came = _first_passages(iterations, values, seen.at, targets)
    return _judged(iterations[seen.at], low, high, came, iterations[-1], spacing, thresholds)


def _times(seen: Lines, targets: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """``[P]``, iterations from the point until the line is at the target: most likely, earliest, latest.

    The earliest: the steepest slope, from two deviations of the noise above the line, as a high row arrives first.
    """
    left = np.maximum(targets - seen.level, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = left / seen.slope
        low = np.maximum(left - 2 * seen.noise, 0) / seen.most
        high = (left + seen.noise) / np.maximum(seen.least, 0)
    return np.maximum(expected, 0), np.maximum(low, 0), high


def _first_passages(iterations: Numbers, values: Numbers, points: NDArray[np.int64], targets: Numbers) -> Numbers:
    """``[P]``, iterations from each point until a row is at its target or above; infinite where none is."""
    came = np.full(len(points), math.inf)
    for i, (point, target) in enumerate(zip(points.tolist(), targets.tolist(), strict=True)):
        above = values[point + 1 :] >= target
        if above.any():
            came[i] = iterations[point + 1 + int(above.argmax())] - iterations[point]
    return came


def _judged(
    at: Numbers, low: Numbers, high: Numbers, came: Numbers, end: float, spacing: float, thresholds: Thresholds
) -> Test | None:
    """Go through the points in order of time, each with what was known of those before."""
    wrong = (1 - thresholds.forecast_nominal) / 4  # half of what may go wrong is left to the choice of window and scale
    early, late, known_at = _offs(at, low, high, came, end)
    judged: list[bool] = []
    first = last = 0.0
    took: list[float] = []
    for i in range(len(at)):
        before = known_at <= at[i]
        if before.sum() < thresholds.forecast_learnt:
            continue
        least = low[i] * min(1.0, _quantile(early[before], wrong))
        most = high[i] * max(1.0, _quantile(late[before], 1 - wrong)) + spacing
        if came[i] == math.inf and end - at[i] <= most:
            continue  # it may still come in time
        first, last = (first if judged else at[i]), at[i]
        took.append(min(float(came[i]), float(end - at[i])))
        judged.append(bool(least <= came[i] <= most))
    decided = np.isfinite(known_at) & (known_at <= end)
    if not judged or decided.sum() < thresholds.forecast_learnt:
        return None
    return Test(
        len(judged),
        sum(judged),
        float(last - first),
        float(np.median(took)),
        spacing,
        min(1.0, _quantile(early[decided], wrong)),
        max(1.0, _quantile(late[decided], 1 - wrong)),
    )


def _offs(at: Numbers, low: Numbers, high: Numbers, came: Numbers, end: float) -> tuple[Numbers, Numbers, Numbers]:
    """``[P]`` each: what came as a factor on the interval's beginning and on its end, and when that was known.

    One that has not come by the last row counts as coming then, once its interval has passed.
    """
    until = np.where(np.isfinite(came), came, end - at)
    with np.errstate(divide="ignore", invalid="ignore"):
        early = np.where(low > 0, until / low, 1.0)
        late = np.where(high > 0, until / high, 1.0)
    in_vain = ~np.isfinite(came) & (until <= high)
    known_at = np.where(in_vain, np.inf, at + np.minimum(until, np.where(np.isfinite(came), until, high)))
    return early, late, known_at


def _quantile(values: Numbers, share: float) -> float:
    """Of the order statistic that split conformal prediction takes: towards the outside by one."""
    count = len(values)
    ordered = np.sort(values)
    place = math.ceil((count + 1) * share) - 1 if share > 0.5 else math.floor((count + 1) * share) - 1
    return float(ordered[min(max(place, 0), count - 1)])
