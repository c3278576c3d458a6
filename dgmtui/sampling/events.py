"""Lane C: series that do once what neither they nor the others in that column usually do."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.outliers import chebyshev

LEAST_SCORE = 3.0
LEAST_GAP = 4.0
REFERENCES = 20_000
CANDIDATES = 4096
BLOCK = 16384


def movement(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """s ``[C, N]`` in dots: the greater of a column's range and the step of its middle from the column before."""
    count = len(features) // 2
    low, high = features[:count], features[count:]
    moved = high - low
    middle = (low + high) / 2
    np.maximum(moved[1:], np.abs(np.diff(middle, axis=0)), out=moved[1:])
    return moved


def scores(centre: NDArray[np.float32], features: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """``[N]``: max_j min(s_j / (own median + 1), s_j / (90th percentile of column j + 1)).

    Args:
        centre: ``[2C, 1]``, what centring took from ``features``.
        features: ``[2C, N]`` centred dots.
    """
    count, total = len(features) // 2, features.shape[1]
    some = rng.choice(total, min(REFERENCES, total), replace=False)
    usual = np.percentile(movement(features[:, some] + centre), 90, axis=1)[:, None].astype(np.float32)
    out = np.empty(total, np.float32)
    for left in range(0, total, BLOCK):
        moved = movement(features[:, left : left + BLOCK] + centre)
        own = np.partition(np.ascontiguousarray(moved.T), count // 2, axis=1)[:, count // 2]
        out[left : left + BLOCK] = (moved / (np.maximum(own, usual) + 1)).max(axis=0)
    return out


def events(
    features: NDArray[np.float32],
    centre: NDArray[np.float32],
    picks: NDArray[np.int64],
    k: int,
    rng: np.random.Generator,
) -> list[int]:
    """Up to ``k`` series with an event, the strongest first, at least 4 dots (L∞) from ``picks`` and one another."""
    if k == 0 or len(features) < 4:
        return []
    strength = scores(centre, features, rng)
    candidates = np.flatnonzero(strength > LEAST_SCORE)
    candidates = candidates[np.argsort(-strength[candidates], kind="stable")][:CANDIDATES]
    if not len(candidates):
        return []
    points = features[:, candidates]
    apart = chebyshev(points, features[:, picks]).min(axis=1)
    chosen: list[int] = []
    while len(chosen) < k and (apart >= LEAST_GAP).any():
        best = int((apart >= LEAST_GAP).argmax())
        chosen.append(int(candidates[best]))
        apart = np.minimum(apart, chebyshev(points, points[:, [best]])[:, 0])
    return chosen
