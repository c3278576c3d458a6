"""Oscillations: a line in the spectrum of evenly spaced rows that stands out from the frequencies beside it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.motifs.model import MotifKind, Motifs
from dgmtui.findings.thresholds import Thresholds

LONGEST, SHORTEST = 64, 32
"""Rows in a window."""
LOWEST = 4
"""Periods in a window; fewer are no repetition."""
BESIDE = range(2, 10)
"""Bins on each side that the line is compared with; a Hann window spreads it over one."""


def oscillations(
    series: NDArray[np.float32], iterations: NDArray[np.int64], past: int, thresholds: Thresholds
) -> Motifs:
    """Oscillations of ``[S, R]`` on their scale.

    In windows of 64 rows, half overlapping, detrended and tapered (Hann), the periodogram's greatest line is compared
    with the mean of the bins beside it: of noise whose spectrum is smooth that ratio has an F distribution with 2 and
    2m degrees of freedom, P(F > f) = (1 + f/m)^-m with m bins (Percival and Walden 1993, *Spectral Analysis for
    Physical Applications*, §10). Bins of a tapered window lean on each other, so m is taken as half their number.
    """
    found: list[tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float32], NDArray[np.float32], int]] = []
    for start, stop in _windows(iterations, past):
        which, ratio, bins = _lines(series[:, start:stop], thresholds.motif_oscillation)
        found.append((which, np.full(len(which), start), ratio, ((stop - start) / bins).astype(np.float32), stop - 1))
    none = np.zeros(0)
    series_, row, score, period = (np.concatenate([each[i] for each in found]) if found else none for i in range(4))
    last = np.concatenate([np.full(len(each[0]), each[4]) for each in found]) if found else none
    first = _once(series_.astype(np.int64), row, score)
    return Motifs(
        MotifKind.OSCILLATION,
        series_[first].astype(np.int64),
        row[first].astype(np.int64),
        last[first].astype(np.int64),
        score[first].astype(np.float32),
        np.ones(len(first), np.bool_),
        period[first].astype(np.float32),
    )


def _windows(iterations: NDArray[np.int64], past: int) -> list[tuple[int, int]]:
    """Rows from, up to and without, that are evenly spaced."""
    gaps = np.diff(iterations)
    turns = np.flatnonzero(np.diff(gaps) != 0) + 1
    edges = [0, *turns.tolist(), len(iterations) - 1]
    windows = []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        rows = end - begin + 1
        width = min(LONGEST, rows)
        if width < SHORTEST:
            continue
        starts = range(begin, begin + rows - width + 1, max(1, width // 2))
        windows += [(start, start + width) for start in starts if start >= min(past, rows - width)]
    return windows


def _lines(
    series: NDArray[np.float32], probability: float
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Series with a line, how far it stands out, and its bin."""
    rows = series.shape[1]
    time = np.linspace(-1, 1, rows, dtype=np.float32)
    slope = (series @ time) / np.float32(time @ time)
    flat = series - series.mean(axis=1, keepdims=True) - slope[:, None] * time
    power = np.abs(np.fft.rfft(flat * np.hanning(rows).astype(np.float32), axis=1)) ** 2
    bins = power.shape[1]
    reach = max(BESIDE)
    power = np.pad(power, ((0, 0), (reach, reach)), mode="reflect")  # as a real series' spectrum goes on
    middle = np.arange(LOWEST, bins) + reach
    beside = sum(power[:, middle + side * by] for by in BESIDE for side in (-1, 1)) / (2 * len(BESIDE))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(beside > 0, power[:, middle] / beside, 0)
    ratio[:, -1] /= 2  # one degree of freedom, not two
    best = ratio.argmax(axis=1)
    m = len(BESIDE)
    least = m * ((probability / len(middle)) ** (-1 / m) - 1)
    top = ratio[np.arange(len(series)), best]
    which = np.flatnonzero(top >= least)
    return which, top[which].astype(np.float32), middle[best[which]] - reach


def _once(series: NDArray[np.int64], row: NDArray[np.float64], score: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of each series the first window, by row."""
    order = np.lexsort((row, series))
    return order[np.unique(series[order], return_index=True)[1]]
