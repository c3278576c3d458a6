"""k-means over very many units: scikit-learn's where it is quick, else from a sample of the units to all of them.

``MiniBatchKMeans`` over 50,000 units takes longer than this and ends with a higher inertia: its checks and its
centres' small steps cost more than a few whole steps of Lloyd's algorithm in single precision.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

EXACT = 5_000
"""So many units go through scikit-learn's ``KMeans`` as they are."""
SAMPLED = 2_000
"""Of more units, so many find the centres to start from."""
STARTS = 4
"""Attempts from other first centres (k-means++; Arthur, Vassilvitskii 2007); the one of least inertia stays."""
STEPS = 3
"""Steps of Lloyd's algorithm over all units after that."""
SEED = 0
_BLOCK = 8_192
"""Units that one matrix product is over: it stays in the cache."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Points by their nearest centre."""

    labels: NDArray[np.int64]
    """``[N]``, from 0."""
    centres: NDArray[np.float32]
    """``[k, F]``."""
    inertia: float
    """Squared distances of all points to their centres, summed."""


def kmeans(points: NDArray[np.float32], k: int) -> Partition:
    """``points`` ``[N, F]``, finite, in at most ``k`` clusters; the same for the same points, whatever ran before."""
    if len(points) <= EXACT:
        return _library(points, k)
    chosen = np.random.default_rng(SEED).choice(len(points), SAMPLED, replace=False)
    centres = _library(points[chosen], k).centres
    for _ in range(STEPS):
        centres = _step(points, centres)
    return nearest(points, centres)


def nearest(points: NDArray[np.float32], centres: NDArray[np.float32]) -> Partition:
    """``points`` ``[N, F]`` by the nearest of ``centres`` ``[k, F]``."""
    labels = np.empty(len(points), np.int64)
    inertia = 0.0
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        found = labels[start : start + _BLOCK] = _nearest(block, centres)
        inertia += float(np.square(block - centres[found]).sum(dtype=np.float64))
    return Partition(labels, centres, inertia)


def fitted(points: NDArray[np.float32], k: int, starts: int) -> KMeans:
    """scikit-learn's k-means; where fewer than ``k`` points differ, some clusters come out empty, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(k, n_init=starts, random_state=SEED).fit(points)


def _library(points: NDArray[np.float32], k: int) -> Partition:
    made = fitted(points, k, STARTS)
    return Partition(made.labels_.astype(np.int64), made.cluster_centers_.astype(np.float32), float(made.inertia_))


def _nearest(block: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """``|x - c|² = |x|² - 2 (x·c - |c|²/2)``: the nearest centre is that of the greatest bracket."""
    found: NDArray[np.int64] = (block @ centres.T - np.square(centres).sum(axis=1) / 2).argmax(axis=1)
    return found


def _step(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """The means of what is nearest to each centre; a centre that is nearest to nothing stays."""
    sums = np.zeros(centres.shape, np.float64)
    counts = np.zeros(len(centres), np.int64)
    for start in range(0, len(points), _BLOCK):
        block = points[start : start + _BLOCK]
        found = _nearest(block, centres)
        belongs = np.zeros((len(centres), len(block)), np.float32)
        belongs[found, np.arange(len(block))] = 1.0
        sums += belongs @ block
        counts += np.bincount(found, minlength=len(centres))
    means: NDArray[np.float32] = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    return np.where(counts[:, None] > 0, means, centres)
