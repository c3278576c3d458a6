"""How many clusters there are: the count whose clusters are the most apart, by silhouette."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances, silhouette_score

from dgmtui.clusters.kmeans import SEED, fitted

_STARTS = 2
MOST = 10
"""So many clusters are tried."""
JUDGED = 800
"""Of more points, so many are judged: silhouettes need every distance between them."""


def judged_points(points: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which of ``points`` ``[N, F]`` are judged, ascending."""
    if len(points) <= JUDGED:
        return np.arange(len(points))
    return np.sort(np.random.default_rng(SEED).choice(len(points), JUDGED, replace=False))


def choose_k(points: NDArray[np.float32], most: int = MOST) -> int:
    """The number of clusters in 2 … ``most`` of greatest mean silhouette (Rousseeuw 1987); the least of equals.

    Args:
        points: ``[N, F]`` with N ≥ 3 and at least two different ones.
    """
    chosen = points[judged_points(points)]
    apart = distances(chosen)
    found = {k: silhouette(apart, _labels(chosen, k)) for k in range(2, min(most, len(chosen) - 1) + 1)}
    scored = {k: score for k, score in found.items() if score is not None}
    return max(scored, key=lambda k: (round(scored[k], 6), -k), default=1)


def distances(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[N, N]``, Euclidean, zero on the diagonal."""
    apart: NDArray[np.float32] = pairwise_distances(points)
    np.fill_diagonal(apart, 0.0)
    return apart


def silhouette(apart: NDArray[np.float32], labels: NDArray[np.int64]) -> float | None:
    """Mean silhouette of points with distances ``apart`` ``[N, N]``; None where it is not defined."""
    if not 2 <= len(np.unique(labels)) < len(labels):
        return None
    return float(silhouette_score(apart, labels, metric="precomputed"))


def _labels(points: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    labels: NDArray[np.int64] = fitted(points, k, _STARTS).labels_
    return labels
