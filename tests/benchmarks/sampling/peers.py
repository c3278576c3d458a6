"""Other ways to choose k of N series, given their features and their points (see ``judge``)."""

from collections.abc import Callable, Mapping

import numpy as np
from scipy.spatial.distance import cdist

from sampling.judge import Floats, Picks


def farthest_point(features: Floats, points: Floats, k: int, seed: int) -> Picks:
    """From the series nearest the centre, each time the one farthest from all chosen; a prefix for a smaller k."""
    picks = [int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    gaps = cdist(points[picks], points)[0]
    while len(picks) < k:
        picks.append(int(gaps.argmax()))
        np.minimum(gaps, cdist(points[picks[-1:]], points)[0], out=gaps)
    return np.array(picks)


def at_random(features: Floats, points: Floats, k: int, seed: int) -> Picks:
    """Any k."""
    return np.random.default_rng(seed).choice(len(points), k, replace=False)


def medoids(features: Floats, points: Floats, k: int, seed: int) -> Picks:
    """The series nearest each centre of k-means on the features."""
    from sklearn.cluster import MiniBatchKMeans

    found = MiniBatchKMeans(k, n_init=1, batch_size=4096, max_iter=30, random_state=seed % 2**32)
    centres = found.fit(np.ascontiguousarray(features.T, np.float32)).cluster_centers_
    return np.unique(cdist(centres, features.T).argmin(axis=1))


PEERS: Mapping[str, Callable[[Floats, Floats, int, int], Picks]] = {
    "farthest-point": farthest_point,
    "random": at_random,
    "k-means": medoids,
}
