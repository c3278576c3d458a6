"""Numbers that stand beside each other where two trainings are compared: of the loss, and of one layer in one row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import STATISTICS, Measure, Quantity
from dgmtui.recording.reader import Recording

_PARTS = 50
"""Medians for telling when two losses part are taken over so many parts of what both ran."""
_SPREADS = 3.0


@dataclass(frozen=True)
class LossSummary:
    """A loss over a whole run."""

    iterations: int
    first: float | None
    best: float | None
    best_at: int | None
    last: float | None
    quartiles: tuple[float, float, float] | None
    """The 25th, 50th and 75th percentile of the last tenth of the run's finite losses."""
    first_nonfinite: int | None


@dataclass(frozen=True)
class ScalarSummary:
    """A logged number over a whole run; None where it never was finite."""

    count: int
    """How often it was logged."""
    first: float | None
    least: float | None
    least_at: int | None
    greatest: float | None
    greatest_at: int | None
    last: float | None
    nonfinite: int


@dataclass(frozen=True)
class Parting:
    """When two losses part, over the iterations that both ran."""

    equal_until: int | None
    """The last iteration up to which they are the same numbers; None where the first differ."""
    apart_since: int | None
    """From here to the end the medians of blocks differ by more than three times their spread; None: they do not."""


@dataclass(frozen=True)
class LayerNumbers:
    """One layer in one row; medians over its units, so that layers of other widths can stand beside each other."""

    iteration: int
    """Of the row."""
    units: int | None
    rms: float | None
    """Of the activation: the median unit's."""
    absmax: float | None
    """Of the activation."""
    dead: float | None
    """Share of units that are zero for every sample of the row."""
    gradient: float | None
    """L2 norm of the weight's gradient: the median unit's."""
    weight: float | None
    """L2 norm of the weight: the median unit's."""


def loss_summary(losses: NDArray[np.float64]) -> LossSummary:
    """``losses``: ``[T]``."""
    finite = np.isfinite(losses)
    if not len(losses):
        return LossSummary(0, None, None, None, None, None, None)
    best = int(np.argmin(np.where(finite, losses, np.inf))) if finite.any() else None
    tail = losses[-max(1, len(losses) // 10) :]
    tail = tail[np.isfinite(tail)]
    quartiles = np.percentile(tail, [25, 50, 75]).tolist() if len(tail) else None
    return LossSummary(
        len(losses),
        float(losses[0]),
        None if best is None else float(losses[best]),
        best,
        float(losses[-1]),
        None if quartiles is None else (quartiles[0], quartiles[1], quartiles[2]),
        None if finite.all() else int(np.argmin(finite)),
    )


def scalar_summary(values: NDArray[np.float64], *, always: bool = False) -> ScalarSummary:
    """``values``: ``[T]``; NaN where nothing was logged, unless it ``always`` was."""
    finite = np.flatnonzero(np.isfinite(values))
    nonfinite = int((~np.isfinite(values) if always else np.isinf(values)).sum())
    if not len(finite):
        return ScalarSummary(nonfinite, None, None, None, None, None, None, nonfinite)
    known = values[finite]
    low, high = int(finite[known.argmin()]), int(finite[known.argmax()])
    first, least, greatest, last = (float(values[at]) for at in (finite[0], low, high, finite[-1]))
    return ScalarSummary(len(finite) + nonfinite, first, least, low, greatest, high, last, nonfinite)


def parting(a: NDArray[np.float64], b: NDArray[np.float64]) -> Parting:
    """When the losses ``a`` ``[T]`` and ``b`` ``[U]`` part."""
    count = min(len(a), len(b))
    a, b = a[:count], b[:count]
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return Parting(count - 1 if count else None, None)
    first = int(np.argmin(same))
    return Parting(first - 1 if first else None, _apart(a, b))


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> int | None:
    width = max(5, len(a) // _PARTS)
    blocks = len(a) // width
    if blocks == 0:
        return None
    folded = [each[: blocks * width].reshape(blocks, width) for each in (a, b)]
    with np.errstate(invalid="ignore"):
        middles = [np.median(each, axis=1) for each in folded]
        spreads = [
            1.4826 * np.median(np.abs(each - middle[:, None]), axis=1)
            for each, middle in zip(folded, middles, strict=True)
        ]
        near = np.abs(middles[0] - middles[1]) <= _SPREADS * np.maximum(*spreads)
    alive = np.flatnonzero(near)
    begin = 0 if not len(alive) else int(alive[-1]) + 1
    return begin * width if begin < blocks else None


def layer_numbers(recording: Recording, module: str, iteration: int) -> LayerNumbers | None:
    """What was recorded of a module in the last row at or before an iteration; None where there is no such row."""
    row = int(np.searchsorted(recording.rows, iteration, side="right")) - 1
    if row < 0:
        return None
    channels = {c.quantity: i for i, c in enumerate(recording.channels) if c.module == module}
    activation = channels.get(Quantity.ACTIVATION)
    zeros = _units(recording, activation, Measure.ZEROS, row)
    units = max((recording.channels[i].units for i in channels.values()), default=0)
    return LayerNumbers(
        int(recording.rows[row]),
        units or None,
        _middle(_units(recording, activation, Measure.RMS, row)),
        _absmax(recording, activation, row),
        None if zeros is None else float(np.mean(zeros == 1.0)),
        _middle(_units(recording, channels.get(Quantity.WEIGHT_GRADIENT), Measure.NORM, row)),
        _middle(_units(recording, channels.get(Quantity.WEIGHT), Measure.NORM, row)),
    )


def _units(recording: Recording, channel: int | None, measure: Measure, row: int) -> NDArray[np.float64] | None:
    """``[U]``, one row of a series; None where there is none, or the module was not called."""
    if channel is None or not recording.channels[channel].units:
        return None
    values = np.asarray(recording.series(channel, measure)[row], np.float64)
    return None if np.isnan(values).all() else values


def _middle(values: NDArray[np.float64] | None) -> float | None:
    return None if values is None else float(np.median(values))


def _absmax(recording: Recording, channel: int | None, row: int) -> float | None:
    if channel is None:
        return None
    return float(recording.statistics(channel, row, row + 1)[0, STATISTICS.index("absmax")])
