"""Drifts, plateaus and divergence: what a series begins to do and goes on doing."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.motifs.model import MotifKind, Motifs
from dgmtui.findings.motifs.noise import NORMAL
from dgmtui.findings.onset import rows_where_left
from dgmtui.findings.thresholds import Thresholds

Rows = NDArray[np.float32]

BLOCKS = 40
LEAST_ROWS = 5
"""A block's median is of at least so many."""
PAST_BLOCKS = 6
AHEAD = 4
"""Blocks that a drift goes on in one direction."""
NORMAL_MEAN = np.float32(1.2533)
"""Of a normal distribution: standard deviation by mean of the absolute."""
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
    usual = np.median(size[:, first // 2 :], axis=1)[:, None] * NORMAL
    pace = _mean_of_past(rate, k // 2, k)
    chance = np.maximum(_mean_of_past(size, k // 3, k) * NORMAL_MEAN, usual)
    chance = np.maximum(chance, floor / np.float32(at[1] - at[0]))
    ahead = np.stack([rate[:, k + i] for i in range(AHEAD)])
    up: NDArray[np.bool_] = np.all(ahead > 0, axis=0)
    down: NDArray[np.bool_] = np.all(ahead < 0, axis=0)
    faster = np.where(up, 1, -1) * (ahead.mean(axis=0) - pace) * np.float32(np.sqrt(AHEAD)) / chance
    low, high = np.minimum.accumulate(level, axis=1)[:, k], np.maximum.accumulate(level, axis=1)[:, k]
    beyond = np.where(up, level[:, k + AHEAD] - high, low - level[:, k + AHEAD]) > high - low
    found = (up | down) & beyond & (faster >= thresholds.motif_drift)
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
    blocks = min(EDGES, len(moved[0]) // LEAST_ROWS)
    width = len(moved[0]) // blocks
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


def divergences(raw: Rows, past: int, thresholds: Thresholds) -> Motifs:
    """Divergence of ``[S, R]``, raw: from a row on its magnitude stays above all that was before, to the end, and grows
    so many times, further than a random walk of its past would go; or it becomes non-finite after it was finite, and
    stays so to the end."""
    finite = np.isfinite(raw)
    size = np.abs(np.where(finite, raw, 0))
    was, now = size[:, :past].max(axis=1), size[:, -5:].max(axis=1)
    gone = ~finite[:, -1] & finite[:, :past].any(axis=1)
    maybe = np.flatnonzero(gone | (now >= thresholds.motif_divergence * was) & (was > 0))
    if not len(maybe):
        return Motifs(MotifKind.DIVERGENCE, maybe, maybe, maybe, maybe.astype(np.float32), maybe > 0)
    chosen = np.abs(raw[maybe]).T.astype(np.float64)
    left = rows_where_left(chosen, thresholds.motif_divergence, max(past, 3), 1.1)
    born = np.where(gone[maybe], raw.shape[1] - finite[maybe, ::-1].argmax(axis=1), -1)
    row = np.where((left >= 0) & _beyond_chance(size[maybe], left, thresholds.motif_drift), left, -1)
    row = np.where((row < 0) & (born >= past), born, row)
    found = row >= 0
    which = maybe[found]
    with np.errstate(over="ignore"):
        score = np.where(gone[which] | (was[which] == 0), GONE, now[which] / np.where(was[which] > 0, was[which], 1))
    last = np.full(len(which), raw.shape[1] - 1)
    return Motifs(
        MotifKind.DIVERGENCE, which, row[found], last, score.astype(np.float32), np.ones(len(which), np.bool_)
    )


def _beyond_chance(size: Rows, left: NDArray[np.int64], deviations: float) -> NDArray[np.bool_]:
    """``[S]``: whether it got further from its past than a random walk of its past's changes would."""
    moved = np.cumsum(np.abs(np.diff(size, axis=1, prepend=size[:, :1])), axis=1, dtype=np.float64)
    each, before = np.arange(len(size)), np.maximum(left - 1, 0)
    usual = NORMAL_MEAN * moved[each, before] / np.maximum(before, 1)
    far: NDArray[np.bool_] = size[:, -1] - size[each, before] > deviations * usual * np.sqrt(size.shape[1] - before)
    return far
