"""All forecasts of a recording: overflow, collapse and divergence ahead."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.forecast.arrival import Arrival, forecast_arrival
from dgmtui.findings.forecast.limits import largest_of, limits_of
from dgmtui.findings.thresholds import DEFAULT, Thresholds
from dgmtui.recording.model import MEASURES, Channel, Measure, Quantity

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.trace.progress import Progress

LOSSES_LOOKED_AT = 2000
"""A longer loss is looked at in so many blocks, by their medians."""


@dataclass(frozen=True)
class Ahead:
    """One trend and where it leads."""

    kind: str
    """``overflow``, ``collapse`` or ``divergence``."""
    module: str | None
    """None: of the whole run."""
    quantity: str
    what: str
    """``greatest value``, ``share of dead units``, ``standard deviation``, ``largest magnitude``, ``loss``."""
    becomes: str
    """What it reaches, in words."""
    arrival: Arrival

    @property
    def sentence(self) -> str:
        """``The greatest value of xv (71.2 now) reaches 88.72, where exp overflows, at about …``."""
        of = "the run" if self.module is None else f"{self.module or 'the root module'}'s {self.quantity}"
        pace = self.arrival.doubling
        said = "" if pace is None else f", {'doubling' if pace > 0 else 'halving'} every {abs(pace):,.0f} iterations"
        return (
            f"The {self.what} of {of} ({self.arrival.now:.4g} at {self.arrival.last:,}{said}) reaches "
            f"{self.arrival.level:.4g}, {self.becomes}, at {self.arrival.words}."
        )


@dataclass(frozen=True)
class _Candidate:
    kind: str
    module: str | None
    quantity: str
    what: str
    becomes: str
    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    level: float


def forecasts(
    recording: "Recording",
    *,
    module: str | None = None,
    progress: "Progress | None" = None,
    thresholds: Thresholds = DEFAULT,
) -> tuple[Ahead, ...]:
    """What is on its way to a limit that it reaches within another run length, the earliest first.

    Args:
        module: only what is of this module.
        progress: told how far it is; may cancel.
    """
    case = Case(recording, thresholds)
    rows, found = recording.rows, []
    if not len(rows):
        return ()
    horizon = float(rows[-1]) + thresholds.overflow_horizon * max(1, recording.iteration_count)
    for done, each in _candidates(case):
        if progress is not None:
            progress.update(done, f"forecasting {each.module or 'the run'}")
        if module is not None and each.module != module:
            continue
        arrival = forecast_arrival(each.iterations, each.values, each.level, thresholds, horizon)
        if arrival is not None:
            found.append(Ahead(each.kind, each.module, each.quantity, each.what, each.becomes, arrival))
    return tuple(sorted(found, key=lambda ahead: ahead.arrival.iteration))


def _candidates(case: Case) -> Iterator[tuple[float, _Candidate]]:
    yield from ((0.0, each) for each in _of_exponentials(case))
    yield from ((0.0, each) for each in _of_loss(case))
    yield from ((0.0, each) for each in _of_turns(case))
    channels = case.recording.channels
    for number, channel in enumerate(channels):
        for each in _of_channel(case, number, channel):
            yield number / len(channels), each


def _of_exponentials(case: Case) -> Iterator[_Candidate]:
    for limit in limits_of(case.graph) if case.graph else ():
        number = case.channel(limit.module, Quantity.ACTIVATION)
        if number is None:
            continue
        called = case.called(number)
        values = case.statistic(number, "max" if limit.upwards else "min")[called]
        what = "greatest value" if limit.upwards else "least value"
        becomes = f"where {limit.node.name.removeprefix('aten.')} overflows"
        yield _Candidate(
            "overflow", limit.module, str(Quantity.ACTIVATION), what, becomes, case.recording.rows[called], values,
            limit.bound,
        )  # fmt: skip


def _of_loss(case: Case) -> Iterator[_Candidate]:
    at, middle = _in_blocks(case.recording.losses())
    if len(middle) and np.isfinite(middle[-1]) and middle[-1] > np.nanmin(middle):
        becomes = "the end of float32's range"
        yield _Candidate("divergence", None, "loss", "loss", becomes, at, middle, largest_of(None, ""))


def _of_turns(case: Case) -> Iterator[_Candidate]:
    """Of turns that train against each other: one's loss falls while another's rises."""
    recording = case.recording
    names = [name for name in recording.scalars if name.startswith("loss ") and name[5:].isdigit()]
    series = {name: _in_blocks(recording.scalar(name)) for name in names}
    for name, (at, values) in series.items():
        others = [_late_change(other) for each, (_, other) in series.items() if each != name]
        known = values[np.isfinite(values)]
        if not len(known) or not others or max(others) <= 0 or _late_change(values) >= 0:
            continue
        share = case.thresholds.judge_loss_left
        level = share * float(np.median(known[: max(1, len(known) // 10)]))
        becomes = f"{100 * share:g} % of what it began with, while another turn's rises: one player wins"
        yield _Candidate("collapse", None, "loss", name, becomes, at, values, level)


def _late_change(values: NDArray[np.float64]) -> float:
    """Of the median, from the third quarter to the last."""
    quarter = len(values) // 4
    return float(np.median(values[-quarter:]) - np.median(values[-2 * quarter : -quarter])) if quarter else 0.0


def _in_blocks(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Medians of blocks of iterations with their last iteration, where there are very many."""
    width = max(1, -(-len(values) // LOSSES_LOOKED_AT))
    start = len(values) % width
    folded = values[start:].reshape(-1, width)
    return np.arange(start + width - 1, len(values), width), np.median(folded, axis=1)


def _of_channel(case: Case, number: int, channel: Channel) -> Iterator[_Candidate]:
    called = case.called(number)
    rows = case.recording.rows[called]
    where = channel.module, str(channel.quantity)
    absmax = case.statistic(number, "absmax")[called]
    activation = channel.quantity == Quantity.ACTIVATION
    largest = largest_of(case.graph, channel.module) if activation else largest_of(None, "")
    if channel.quantity != Quantity.UPDATE:
        kind, becomes = ("overflow", "the end of its dtype's range") if activation else (
            "divergence", "the end of float32's range")  # fmt: skip
        yield _Candidate(kind, *where, "largest magnitude", becomes, rows, absmax, largest)
    if not activation or channel.units < 2:
        return
    spread = case.statistic(number, "std")[called]
    known = spread[np.isfinite(spread)]
    if len(known) and known.max() > 0:
        level = case.thresholds.forecast_collapsed * float(np.median(known[: max(1, len(known) // 10)]))
        becomes = f"{100 * case.thresholds.forecast_collapsed:g} % of what it began with"
        yield _Candidate("collapse", *where, "standard deviation", becomes, rows, spread, level)
    dead = _dead_share(case, number, channel)[called]
    if len(dead) and 0 < dead[-1] < 1:
        yield _Candidate("collapse", *where, "share of units that are zero for every sample", "all of them", rows,
                         dead, 1.0)  # fmt: skip


def _dead_share(case: Case, number: int, channel: Channel) -> NDArray[np.float64]:
    """``[R]``, of a channel's units those that were zero for every sample."""
    if Measure.ZEROS not in MEASURES[channel.quantity]:
        return np.zeros(len(case.recording.rows))
    zeros = case.recording.series(number, Measure.ZEROS)
    share = np.zeros(len(zeros))
    step = max(1, (1 << 22) // max(1, channel.units))
    for start in range(0, len(zeros), step):
        block = np.asarray(zeros[start : start + step])
        share[start : start + step] = (block >= 1).mean(axis=1) if block.shape[1] else math.nan
    return share
