"""Drifts, plateaus and divergence: what a series begins to do and goes on doing."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.causes.onset import rows_where_left
from dgmtui.findings.motifs.model import MotifKind, Motifs
from dgmtui.findings.motifs.noise import NORMAL
from dgmtui.findings.thresholds import Thresholds

Rows = NDArray[np.float32]

BLOCKS = 40
LEAST_ROWS = 5
"""A block's median is of at least so many."""
PAST_BLOCKS = 6
AHEAD = 4
"""Blocks that a drift goes on in one direction."""
ONE_BLOCK = np.float32(0.7)
"""Of the way of those, what one block alone may make; else it is a step."""
NORMAL_MEAN = np.float32(1.2533)
"""Of a normal distribution: standard deviation by mean of the absolute."""
NORMAL_QUARTER = np.float32(1 / 0.3186)
"""The same by the 25th percentile of the absolute: what goes on for most of the run does not hide itself."""
WANDERS = 8
EDGES = 20
"""Blocks of rows whose median change is what a series did before it came to rest."""
GONE = np.float32(1e9)
"""The score of what became non-finite."""


def drifts(series: Rows, iterations: NDArray[np.int64], past: int, floor: Rows, thresholds: Thresholds) -> Motifs:
    """Drifts of ``[S, R]`` on their scale.

    Over medians of blocks of rows: from one block on, the next four all move in one direction, in the end further
    beyond the range of all blocks before than that range is wide, and so many standard deviations faster than before:
    of the mean of four rates (change an iteration from block to block) as for a random walk, by the mean magnitude of
    the rates before, drift included. So the usual slow drift of weights is none: it goes on as before, and what goes
    three times as fast as that begins to drift.
    """
    none = np.zeros(0, np.int64)
    width = max(LEAST_ROWS, series.shape[1] // BLOCKS)
    blocks = series.shape[1] // width
    first = max(PAST_BLOCKS, -(-past // width))
    if blocks < first + AHEAD + 1:
        return Motifs(MotifKind.DRIFT, none, none, none, none.astype(np.float32), none.astype(np.bool_))
    start = series.shape[1] - blocks * width
    level = np.median(series[:, start:].reshape(len(series), blocks, width), axis=2)
    at = iterations[start:].reshape(blocks, width).mean(axis=1)
    rate = np.diff(level, axis=1) / np.diff(at).astype(np.float32)
    every, scores, up = _first_drift(level, rate, at, first, floor, thresholds)
    which = np.flatnonzero(every >= 0)
    block, score, rising = every[which], scores[which], up[which]
    last = _end_of(rate[which], block, rising)
    return Motifs(
        MotifKind.DRIFT, which, start + (block + 1) * width - 1, start + (last + 1) * width - 1, score, rising
    )


def _first_drift(
    level: Rows, rate: Rows, at: NDArray[np.float64], first: int, floor: Rows, thresholds: Thresholds
) -> tuple[NDArray[np.int64], Rows, NDArray[np.bool_]]:
    """``[S]``: the block from which it drifts (-1: none), the score, whether upwards."""
    k = np.arange(first - 1, level.shape[1] - AHEAD)
    size = np.abs(rate)
    turned = np.abs(np.diff(rate[:, first // 2 :], axis=1))  # a drift that goes on evenly leaves nothing in it
    usual = np.median(turned, axis=1)[:, None] * np.float32(NORMAL / np.sqrt(2))
    pace = _mean_of_past(rate, k // 2, k)
    chance = np.maximum(_mean_of_past(size, k // 3, k) * NORMAL_MEAN, usual)
    chance = np.maximum(chance, floor / np.float32(at[1] - at[0]))
    ahead = np.stack([rate[:, k + i] for i in range(AHEAD)])
    up: NDArray[np.bool_] = np.all(ahead > 0, axis=0)
    down: NDArray[np.bool_] = np.all(ahead < 0, axis=0)
    faster = np.where(up, 1, -1) * (ahead.mean(axis=0) - pace) * np.float32(np.sqrt(AHEAD)) / chance
    low, high = np.minimum.accumulate(level, axis=1)[:, k], np.maximum.accumulate(level, axis=1)[:, k]
    beyond = np.where(up, level[:, k + AHEAD] - high, low - level[:, k + AHEAD]) > high - low
    steady = np.abs(ahead).max(axis=0) < ONE_BLOCK * np.abs(ahead).sum(axis=0)
    found = (up | down) & steady & beyond & (faster >= thresholds.motif_drift)
    place, each = found.argmax(axis=1), np.arange(len(level))
    return np.where(found.any(axis=1), k[place], -1), faster[each, place], up[each, place]


def _mean_of_past(values: Rows, start: NDArray[np.int64], stop: NDArray[np.int64]) -> Rows:
    """``[S, K]``, of columns from ``start`` up to and without ``stop``."""
    total = np.cumsum(values, axis=1, dtype=np.float64)
    total = np.concatenate([np.zeros((len(values), 1)), total], axis=1)
    return ((total[:, stop] - total[:, start]) / (stop - start)).astype(np.float32)


def _end_of(rate: Rows, block: NDArray[np.int64], rising: NDArray[np.bool_]) -> NDArray[np.int64]:
    """``[S]``: the block up to which it goes on in its direction."""
    on = np.where(rising[:, None], rate > 0, rate < 0)
    turns = ~on & (np.arange(rate.shape[1]) >= block[:, None])
    last: NDArray[np.int64] = np.where(turns.any(axis=1), turns.argmax(axis=1), rate.shape[1])
    return last


def plateaus(values: Rows, past: int, thresholds: Thresholds) -> Motifs:
    """Plateaus of ``[S, R]`` finite values: to the end, and for a tenth of the rows at least, each row differs from the
    one before by no more than a small share of what rows before the plateau did by their median."""
    moved = np.abs(np.diff(values, axis=1))
    rows = values.shape[1]
    least = max(LEAST_ROWS, rows // 10)
    blocks = min(EDGES, moved.shape[1] // LEAST_ROWS)
    width = moved.shape[1] // blocks
    pace = np.median(moved[:, : blocks * width].reshape(len(moved), blocks, width), axis=2)
    still_from = np.maximum.accumulate(moved[:, ::-1], axis=1)[:, ::-1]
    row, was = np.full(len(values), -1), np.zeros(len(values), np.float32)
    for block in range(1, blocks):
        usual = np.median(pace[:, :block], axis=1)
        still = still_from[:, block * width :] <= thresholds.motif_plateau * usual[:, None]
        begin = np.where(still[:, -1], block * width + still.argmax(axis=1), rows)
        new = (row < 0) & (usual > 0) & (begin < (block + 1) * width) & (begin >= past) & (begin < rows - least)
        row[new], was[new] = begin[new], usual[new]
    which = np.flatnonzero(row >= 0)
    left = np.maximum(still_from[which, row[which]], was[which] * np.float32(1e-6))
    end = np.full(len(which), rows - 1)
    return Motifs(MotifKind.PLATEAU, which, row[which], end, was[which] / left, np.ones(len(which), np.bool_))


def divergences(
    raw: Rows, series: Rows, iterations: NDArray[np.int64], past: int, floor: Rows, thresholds: Thresholds
) -> Motifs:
    """Divergence of ``[S, R]``, ``raw`` and on its scale: from a row on its magnitude stays above all that was before,
    to the end, and grows so many times, further than it wanders by chance; or it becomes non-finite after it was
    finite, and stays so to the end."""
    finite = np.isfinite(raw)
    size = np.abs(np.where(finite, raw, 0))
    was, now = size[:, :past].max(axis=1, initial=0), size[:, -5:].max(axis=1, initial=0)
    gone = ~finite[:, -1] & finite[:, :past].any(axis=1)
    maybe = np.flatnonzero(gone | (now / np.float32(thresholds.motif_divergence) >= was) & (was > 0))
    if not len(maybe):
        return Motifs(MotifKind.DIVERGENCE, maybe, maybe, maybe, maybe.astype(np.float32), maybe > 0)
    chosen = np.abs(raw[maybe]).T.astype(np.float64)
    left = rows_where_left(chosen, thresholds.motif_divergence, max(past, 3), 1.1)
    born = np.where(gone[maybe], raw.shape[1] - finite[maybe, ::-1].argmax(axis=1), -1)
    score = np.where(gone[maybe], GONE, _against_wandering(series[maybe], iterations, left, floor[maybe]))
    row = np.where((left >= 0) & (score >= thresholds.motif_wander), left, -1)
    row = np.where((row < 0) & (born >= past), born, row)
    found = row >= 0
    last = np.full(int(found.sum()), raw.shape[1] - 1)
    return Motifs(MotifKind.DIVERGENCE, maybe[found], row[found], last, score[found], found[found])


def _against_wandering(series: Rows, at: NDArray[np.int64], left: NDArray[np.int64], floor: Rows) -> Rows:
    """``[S]``: how far it got from where it was at ``left``, in standard deviations of how far such a series gets by
    chance, as a random walk of its changes over an eighth of the rows; the calmest quarter of them tells."""
    rows = series.shape[1]
    lag = max(1, rows // WANDERS)
    took = np.sqrt((at[lag:] - at[:-lag]).astype(np.float32))
    wandered = np.abs(series[:, lag:] - series[:, :-lag]) / took
    chance = np.maximum(np.quantile(wandered, 0.25, axis=1).astype(np.float32) * NORMAL_QUARTER, floor[:, 0])
    before = np.clip(left - 1, 0, rows - 2)
    far = np.abs(series[:, -1] - series[np.arange(len(series)), before])
    score: Rows = (far / (chance * np.sqrt(at[-1] - at[before]))).astype(np.float32)
    return score
