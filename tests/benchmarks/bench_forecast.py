"""Forecasts back-tested on real series: how many intervals held, and how wide they were, a naive peer's beside them."""

import math
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table import BenchRow

from dgmtui.findings.forecast import forecast_arrival
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import STATISTICS

AREA = "forecast"
RECORDINGS = Path(__file__).parents[2] / "recordings"
SERIES = ("absmax", "std")
CUTS = (0.35, 0.45, 0.55, 0.65, 0.75, 0.85)
"""Shares of a run after which it is forecast, with what was known there."""
GAPS = (0.5, 1.0)
"""Levels asked for: so many times as far on as the last twelve rows went, along their line."""
TOLERANCE = 0.05
NORMAL_95 = 1.645


@dataclass(frozen=True)
class Outcome:
    """One forecast that what came later decides."""

    held: bool
    width: float
    """Of the interval, as a multiple of the time to what came (or to the end of the recording)."""


def rows() -> Iterable[BenchRow]:
    """Both forecasters on every series of every recording that ships, then on all together."""
    ours: list[Outcome] = []
    naive: list[Outcome] = []
    for path in sorted(RECORDINGS.glob("*.h5")):
        with open_recording(path) as recording:
            mine, theirs = judged(recording)
        yield from _rows(path.stem, mine, theirs, goal=False)
        ours += mine
        naive += theirs
    yield from _rows("all recordings", ours, naive, goal=True)


def _rows(name: str, ours: list[Outcome], naive: list[Outcome], *, goal: bool) -> Iterator[BenchRow]:
    held, peer = _share(ours), _share(naive)
    least = DEFAULT.forecast_nominal - TOLERANCE
    met = (held is None or held >= least) if goal else None
    peer_name = "least squares, last 12 rows"
    note = f"{len(ours)} given, the peer {len(naive)}"
    yield BenchRow(
        AREA, f"{name}: intervals that held", math.nan if held is None else held, f"of {len(ours)}", peer_name, peer,
        None if held is None or not peer else held / peer, f"≥ {least:.2f}" if goal else "–", met, note,
    )  # fmt: skip
    widths = [statistics.median(each.width for each in some) if some else None for some in (ours, naive)]
    yield BenchRow(
        AREA, f"{name}: width by time ahead, median", math.nan if widths[0] is None else widths[0], "×", peer_name,
        widths[1], None if None in widths else widths[0] / widths[1], "–", None,
    )  # fmt: skip


def _share(outcomes: list[Outcome]) -> float | None:
    return sum(each.held for each in outcomes) / len(outcomes) if outcomes else None


def judged(recording: Recording) -> tuple[list[Outcome], list[Outcome]]:
    """What our forecasts and the peer's said of a recording's series at many earlier rows, and whether it came."""
    ours, naive = [], []
    for at, values in _series(recording):
        for known, level in _questions(values):
            came = _arrival(at, values, known, level)
            found = forecast_arrival(at[:known], values[:known], level, DEFAULT, 2.0 * float(at[known - 1]))
            if found is not None:
                ours += _outcome(at, known, found.earliest, found.latest, came)
            line = straight_line(at[:known], values[:known], level)
            if line is not None and line[0] <= 2.0 * float(at[known - 1]):
                naive += _outcome(at, known, *line, came)
    return ours, naive


def _series(recording: Recording) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    for number in range(len(recording.channels)):
        table = recording.statistics(number)
        for name in SERIES:
            values = table[:, STATISTICS.index(name)]
            finite = np.isfinite(values)
            yield recording.rows[finite], values[finite]


def _questions(values: NDArray[np.float64]) -> Iterator[tuple[int, float]]:
    for share in CUTS:
        known = int(share * len(values))
        if known < DEFAULT.forecast_rows:
            continue
        slope = float(np.polyfit(np.arange(12), values[known - 12 : known], 1)[0])
        for gap in GAPS:
            level = float(values[known - 1]) + 12 * gap * slope
            if slope and level > 0:
                yield known, level


def _arrival(at: NDArray[np.int64], values: NDArray[np.float64], known: int, level: float) -> float:
    later = values[known:]
    reached = later >= level if level > values[known - 1] else later <= level
    return float(at[known + int(reached.argmax())]) if reached.any() else math.inf


def _outcome(at: NDArray[np.int64], known: int, earliest: float, latest: float, came: float) -> list[Outcome]:
    """Empty where it has not come, and may still in time."""
    now, end = float(at[known - 1]), float(at[-1])
    if came == math.inf and latest >= end:
        return []
    return [Outcome(earliest <= came <= latest, (latest - earliest) / max(1.0, min(came, end) - now))]


def straight_line(at: NDArray[np.int64], values: NDArray[np.float64], level: float) -> tuple[float, float] | None:
    """The naive peer: a least-squares line through the last 12 rows, the interval by its slope's standard error."""
    x, y = at[-12:].astype(float), values[-12:]
    slope, intercept = np.polyfit(x, y, 1)
    error = math.sqrt(float(np.sum((y - slope * x - intercept) ** 2)) / 10 / float(np.sum((x - x.mean()) ** 2)))
    left = level - (slope * x[-1] + intercept)
    steep, flat = (abs(slope) + NORMAL_95 * error, abs(slope) - NORMAL_95 * error)
    if flat <= 0 or left * slope <= 0:
        return None
    return float(x[-1] + abs(left) / steep), float(x[-1] + abs(left) / flat)
