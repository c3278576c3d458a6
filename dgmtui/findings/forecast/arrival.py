"""When a series arrives at a level: a forecast with its interval and how earlier ones of the same series fared."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.forecast.backtest import Test, back_test
from dgmtui.findings.forecast.trend import Numbers, lines
from dgmtui.findings.thresholds import Thresholds

LONGEST = 100
"""Rows of a stretch that tells whether a trend slows down; more tell no more, and take long."""


@dataclass(frozen=True)
class Arrival:
    """A forecast that its back-test lets stand."""

    iteration: int
    """At which the series arrives, most likely."""
    earliest: int
    latest: int
    level: float
    scale: str
    """``linear``, or ``log`` where the series grows (or shrinks) exponentially."""
    window: int
    """Rows that the trend is fitted over."""
    slope: float
    """Change an iteration; on a log scale of the natural logarithm."""
    now: float
    """The last value."""
    last: int
    """Its iteration."""
    held: int
    """Of the forecasts made at earlier rows in the same way, so many held what came."""
    made: int
    """So many could be judged."""

    @property
    def doubling(self) -> float | None:
        """Iterations in which it doubles (halves, where negative); None on a linear scale."""
        return math.log(2) / self.slope if self.scale == "log" and self.slope else None

    @property
    def words(self) -> str:
        """``about iteration 2,590 (between 2,570 and 2,640; of 24 such forecasts …)``."""
        return (
            f"about iteration {self.iteration:,} (between {self.earliest:,} and {self.latest:,}; of {self.made} such "
            f"forecasts made earlier in this run {self.held} held)"
        )


def arrival_data(arrival: Arrival) -> dict[str, Any]:
    """A forecast in an object: of ``forecast``, and of a finding's data."""
    return {
        "arrival": arrival.iteration, "earliest": arrival.earliest, "latest": arrival.latest, "level": arrival.level,
        "now": arrival.now, "iteration": arrival.last, "scale": arrival.scale, "doubling": arrival.doubling,
        "held": arrival.held, "made": arrival.made,
    }  # fmt: skip


def forecast_arrival(
    iterations: NDArray[np.int64],
    values: Numbers,
    level: float,
    thresholds: Thresholds,
    horizon: float = math.inf,
) -> Arrival | None:
    """When a series reaches ``level``; None where that can't be told, or forecasts like it have failed before.

    A line through the last rows (Theil–Sen), on a linear or a logarithmic scale, is followed to the level; its interval
    comes of the slope's and of the noise, widened by how far earlier forecasts of this series were off (split conformal
    prediction in the order of time: Vovk et al. 2005; Gibbs and Candès 2021). At each earlier row the same was done
    with what was known there, for a level as far ahead on that scale; a forecast that came true outside its interval,
    or whose interval passed in vain, did not hold. Of the scales and windows the one with the narrowest intervals whose
    share that held is not below what is promised, beyond chance, is taken.

    Args:
        iterations, values: ``[R]``; rows that are not finite are left out.
        level: what it may reach, above or below the last value.
        horizon: the last iteration that is asked about.
    """
    known = np.isfinite(values)
    iterations, values = iterations[known], values[known]
    if len(values) < thresholds.forecast_rows or not math.isfinite(level) or values[-1] == level:
        return None
    found: list[tuple[tuple[bool, float], Arrival]] = []
    for scale in ("linear", "log"):
        if scale == "log" and (level <= 0 or values.min() <= 0):
            continue
        for window in thresholds.forecast_windows:
            found += _with(iterations, values, level, scale, window, thresholds, horizon)
    return min(found, key=lambda each: each[0])[1] if found else None


def _with(
    iterations: NDArray[np.int64], values: Numbers, level: float, scale: str, window: int, limits: Thresholds,
    horizon: float,
) -> list[tuple[tuple[bool, float], Arrival]]:  # fmt: skip
    """The forecast of one scale and window with how wide its interval is, if it stands."""
    if len(values) < 2 * window:
        return []
    upwards = level > values[-1]
    sign = 1.0 if upwards else -1.0
    y = sign * (np.log(values) if scale == "log" else values.astype(np.float64))
    target = sign * (math.log(level) if scale == "log" else level)
    x = iterations.astype(np.float64)
    present = lines(x, y, window, np.array([len(y) - 1]), limits.forecast_sigmas)
    if present.least[0] <= 0 or (target - present.level[0]) / present.slope[0] > horizon - x[-1]:
        return []
    if target - y[-1] > _reach(x, y, window, limits.forecast_sigmas):
        return []
    test = back_test(x, y, target - y[-1], window, limits)
    if test is None or not _stands(test, limits):
        return []
    expected, earliest, latest = test.interval(present, target, x[-1])
    if not math.isfinite(latest):
        return []
    if latest - earliest > limits.forecast_width * (expected - x[-1]):
        return []
    arrival = Arrival(
        round(expected), math.floor(earliest), math.ceil(latest), level, scale, window,
        float(sign * present.slope[0]), float(values[-1]), int(iterations[-1]), test.held, test.made,
    )  # fmt: skip
    return [((test.held < limits.forecast_nominal * test.made, latest - earliest), arrival)]


def _reach(x: Numbers, y: Numbers, window: int, sigmas: float) -> float:
    """How far it gets if it goes on slowing down as it did from one stretch of rows to the next: by a factor a stretch,
    as what saturates does; infinite where it does not slow down.

    A stretch is a quarter of all rows; or a window, where it surely slowed down from one to the next.
    """
    long = _slowing(x, y, max(window, min(len(y) // 4, LONGEST)), 0.0)
    return min(long, _slowing(x, y, window, sigmas))


def _slowing(x: Numbers, y: Numbers, rows: int, sigmas: float) -> float:
    two = lines(x, y, rows, np.array([len(y) - 1 - rows, len(y) - 1]), sigmas)
    risen = float(two.level[1] - two.level[0])
    before, now = (two.least[0], two.most[1]) if sigmas else (two.slope[0], two.slope[1])
    if before <= now or risen <= 0:
        return math.inf
    return risen * float(now / (before - now))


def _stands(test: Test, thresholds: Thresholds) -> bool:
    """Enough were judged, over long enough, and the share that held is not so low that chance hardly explains it."""
    enough = test.made >= thresholds.forecast_tests and test.span >= thresholds.forecast_span * test.usual
    return enough and test.held >= least_held(test.made, thresholds.forecast_nominal)


@cache
def least_held(made: int, nominal: float) -> int:
    """The fewest of ``made`` that must hold: where the promised share is true, fewer do in one case in five."""
    below = 0.0
    for held in range(made + 1):
        below += math.comb(made, held) * nominal**held * (1 - nominal) ** (made - held)
        if below > 0.2:
            return held
    return made
