"""k-means against its definition, against scikit-learn, and on clusters that were planted."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from dgmtui.clusters import kmeans
from dgmtui.clusters.choosing import choose_k
from dgmtui.clusters.kmeans import EXACT, nearest


def planted(count: int, k: int, features: int = 30, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    centres = random.normal(size=(k, features))
    truth = random.integers(k, size=count)
    return (centres[truth] + noise * random.normal(size=(count, features))).astype(np.float32), truth


@pytest.mark.parametrize("count", [200, EXACT + 1, 20_000])
def test_planted_clusters_are_found(count: int) -> None:
    points, truth = planted(count, 6)
    assert adjusted_rand_score(truth, kmeans(points, 6).labels) == 1.0


def test_nearest_is_what_brute_force_says() -> None:
    points, _ = planted(9_000, 4)
    centres = points[:5]
    made = nearest(points, centres)
    apart = np.square(points[:, None].astype(np.float64) - centres[None]).sum(axis=2)
    assert (made.labels == apart.argmin(axis=1)).all()
    assert made.inertia == pytest.approx(apart.min(axis=1).sum(), rel=1e-5)


@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_very_many_points_are_as_near_as_with_scikit_learn(noise: float) -> None:
    points, _ = planted(EXACT * 2, 8, noise=noise)
    assert kmeans(points, 8).inertia <= 1.05 * KMeans(8, n_init=3, random_state=1).fit(points).inertia_


def test_the_same_points_give_the_same_clusters() -> None:
    points, _ = planted(EXACT + 100, 5)
    first = kmeans(points, 5).labels
    np.random.default_rng().normal(size=10)
    assert (first == kmeans(points, 5).labels).all()


@pytest.mark.parametrize("k", [2, 4, 7])
def test_as_many_clusters_are_chosen_as_were_planted(k: int) -> None:
    assert choose_k(planted(400, k)[0]) == k
