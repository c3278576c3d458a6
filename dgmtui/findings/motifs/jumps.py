"""Spikes and steps: the level before and after each row by running medians of five, against chance."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.motifs.model import MotifKind, Motifs
from dgmtui.findings.motifs.noise import deviation
from dgmtui.findings.thresholds import Thresholds

Rows = NDArray[np.float32]

HALF = 2
"""Rows on each side of the middle of a running median."""
LEAST_AFTER = 3
"""Rows that a changed level was seen in."""


def jumps(
    series: Rows, iterations: NDArray[np.int64], past: int, floor: Rows, thresholds: Thresholds
) -> tuple[Motifs, Motifs]:
    """Spikes and steps of ``[S, R]`` on their scale, from row ``past`` on.

    A step at row t: the median of rows t … t+4 differs from that of rows t−5 … t−1 by so many standard deviations of
    such differences in this series, half of it from one row to the next. A spike: row t lies so far above (below) both
    medians, of t−5 … t−1 and t+1 … t+5, that differ by less than half of that. Tukey's running medians (Exploratory
    Data Analysis, 1977, ch. 7) with a robust scale in place of the assumption of white noise.
    """
    middle = running_median(series)
    before, after = _shifted(middle, HALF + 1), _shifted(middle, -HALF)
    return (
        _spikes(series, before, _shifted(middle, -HALF - 1), iterations, past, floor, thresholds),
        _steps(series, before, after, iterations, past, floor, thresholds),
    )


def running_median(series: Rows) -> Rows:
    """``[S, R]``, the median of each row and two on each side; the ends go on as they are."""
    padded = np.pad(series, ((0, 0), (HALF, HALF)), mode="edge")
    a, b, c, d, e = (padded[:, i : i + series.shape[1]] for i in range(5))
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))


def _shifted(series: Rows, by: int) -> Rows:
    """Row t is what row ``t - by`` was; the ends go on as they are."""
    rows = np.clip(np.arange(series.shape[1]) - by, 0, series.shape[1] - 1)
    return series[:, rows]


def _steps(
    series: Rows, before: Rows, after: Rows, iterations: NDArray[np.int64], past: int, floor: Rows, limits: Thresholds
) -> Motifs:
    change = after - before
    score: Rows = _against_chance(change, change, iterations, past, floor, limits.motif_step)
    size = np.abs(score)
    moved = np.diff(series, axis=1, prepend=series[:, :1])
    found = (size >= limits.motif_step) & (np.sign(moved) == np.sign(change)) & (2 * np.abs(moved) >= np.abs(change))
    found[:, : max(past, 1)] = False
    found[:, series.shape[1] - LEAST_AFTER + 1 :] = False
    found &= _is_greatest(np.where(found, np.abs(moved), 0), 2 * HALF + 1)
    which, row = np.nonzero(found)
    return Motifs(MotifKind.STEP, which, row, row, size[which, row], score[which, row] > 0)


def _spikes(
    series: Rows, before: Rows, after: Rows, iterations: NDArray[np.int64], past: int, floor: Rows, limits: Thresholds
) -> Motifs:
    off = series - (before + after) * np.float32(0.5)
    above, below = series - np.maximum(before, after), np.minimum(before, after) - series
    out = np.maximum(above, below)
    size = _against_chance(out, off, iterations, past, floor, limits.motif_spike)
    found = (size >= limits.motif_spike) & (2 * out >= np.abs(after - before))
    found[:, : max(past, 1)] = False
    found[:, -1] = False  # whether it comes back is not known
    found &= _is_greatest(np.where(found, size, 0), HALF + 1)
    which, row = np.nonzero(found)
    return Motifs(MotifKind.SPIKE, which, row, row, size[which, row], (above > below)[which, row])


def _against_chance(
    change: Rows, measured: Rows, iterations: NDArray[np.int64], past: int, floor: Rows, limit: float
) -> Rows:
    """``change`` in standard deviations of what is measured; no more than the limit where a series hardly ever moves,
    so that chance is not known: there one alone tells nothing."""
    chance = deviation(measured, iterations, past, floor)
    score = change / chance
    known = chance > 1.001 * floor
    return np.where(known, score, np.clip(score, -np.float32(limit), np.float32(limit)))


def _is_greatest(size: Rows, reach: int) -> NDArray[np.bool_]:
    """Where nothing within ``reach`` rows is greater; of equals the first."""
    greatest = np.ones(size.shape, np.bool_)
    for by in range(1, reach + 1):
        greatest[:, by:] &= size[:, by:] > size[:, :-by]
        greatest[:, :-by] &= size[:, :-by] >= size[:, by:]
    return greatest
