"""Lane B: series that are isolated in some column, by the greatest vertical gap (L∞, in dots)."""

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 4096
REFERENCES = 2048
NEIGHBOUR = 4
LEAST_GAP = 4.0
BLOCK = 65536
TILE = 32768
"""Distances worked on at a time, so that they stay in the processor's cache."""


def chebyshev(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """L∞ distances ``[P, O]`` of features ``points`` ``[F, P]`` and ``others`` ``[F, O]``, in dots."""
    out = np.zeros((points.shape[1], others.shape[1]), np.float32)
    height = max(1, TILE // max(others.shape[1], 1))
    gap = np.empty((height, others.shape[1]), np.float32)
    for top in range(0, len(out), height):
        tile = out[top : top + height]
        room = gap[: len(tile)]
        for a, b in zip(points[:, top : top + height], others, strict=True):
            np.subtract(a[:, None], b[None], out=room)
            np.abs(room, out=room)
            np.maximum(tile, room, out=tile)
    return out


def gaps_to(features: NDArray[np.float32], picks: NDArray[np.int64], nearest: NDArray[np.int32]) -> NDArray[np.float32]:
    """L∞ distance ``[N]`` of each series to its nearest pick."""
    gaps = np.empty(features.shape[1], np.float32)
    for left in range(0, features.shape[1], BLOCK):
        part = slice(left, left + BLOCK)
        gaps[part] = np.abs(features[:, part] - features[:, picks[nearest[part]]]).max(axis=0)
    return gaps


def isolated(
    features: NDArray[np.float32],
    picks: NDArray[np.int64],
    nearest: NDArray[np.int32],
    k: int,
    rng: np.random.Generator,
) -> list[int]:
    """Up to ``k`` series that lie apart from nearly all others and from ``picks``, the most isolated first.

    Args:
        features: ``[2C, N]`` dots.
        picks: indices ``[P]`` that are shown already.
        nearest: ``[N]``, the position in ``picks`` of each series' nearest.
    """
    count = features.shape[1]
    if k == 0:
        return []
    far = gaps_to(features, picks, nearest)
    some = min(CANDIDATES, count)
    candidates = np.sort(np.argpartition(far, count - some)[count - some :])
    points = features[:, candidates]
    apart = chebyshev(points, features[:, picks]).min(axis=1)
    lonely = _neighbour_distance(features, candidates, rng)
    chosen: list[int] = []
    while len(chosen) < k:
        worth = np.minimum(lonely, apart)
        best = int(worth.argmax())
        if worth[best] < LEAST_GAP:
            break
        chosen.append(int(candidates[best]))
        apart = np.minimum(apart, chebyshev(points, points[:, [best]])[:, 0])
    return chosen


def _neighbour_distance(
    features: NDArray[np.float32], candidates: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """L∞ of each candidate to its 4th nearest of some random references other than itself."""
    count = features.shape[1]
    references = rng.choice(count, min(REFERENCES, count), replace=False)
    distances = chebyshev(features[:, candidates], features[:, references])
    distances[candidates[:, None] == references[None]] = np.inf
    rank = min(NEIGHBOUR, max(len(references) - 1, 1)) - 1
    return np.asarray(np.partition(distances, rank, axis=1)[:, rank])
