"""Clustering very many units: CPU seconds and inertia, scikit-learn's k-means beside it."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from table import BenchRow
from threadpoolctl import threadpool_limits

from dgmtui.clusters import cluster_units, kmeans
from dgmtui.clusters.profiles import profiles

UNITS, FEATURES, K = 50_000, 200, 10
ROUNDS = 5
SECONDS, INERTIA = 0.5, 1.05


def rows() -> Iterable[BenchRow]:
    """GOALS' line on clusters, on three kinds of activations, one thread each."""
    with threadpool_limits(1):
        for name, activations in _kinds().items():
            points, _, _ = profiles(activations)
            yield from _kind_rows(name, activations, points)


def _kinds() -> dict[str, NDArray[np.float32]]:
    """``[FEATURES, UNITS]`` each: planted clusters, a ReLU layer driven by a few factors, no structure at all."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(FEATURES, 20))
    planted = centres[:, random.integers(20, size=UNITS)] + random.normal(size=(FEATURES, UNITS))
    factors = random.gamma(0.5, size=(FEATURES, 12)) * (random.random((FEATURES, 12)) < 0.3)
    mixed = factors @ random.normal(size=(12, UNITS)) + 0.3 * random.normal(size=(FEATURES, UNITS))
    noise = random.normal(size=(FEATURES, UNITS))
    made = {"20 planted": planted, "ReLU of 12 factors": np.maximum(mixed, 0), "noise": noise}
    return {name: values.astype(np.float32) for name, values in made.items()}


def _kind_rows(name: str, activations: NDArray[np.float32], points: NDArray[np.float32]) -> Iterable[BenchRow]:
    ours, made = _timed(lambda: kmeans(points, K))
    theirs, exact = _timed(lambda: KMeans(K, n_init=1, random_state=0).fit(points), rounds=1)
    small, mini = _timed(lambda: MiniBatchKMeans(K, n_init=3, random_state=0).fit(points), rounds=1)
    whole, _ = _timed(lambda: cluster_units(activations), rounds=3)
    ratio = made.inertia / float(exact.inertia_)
    of = f"{UNITS:,} × {FEATURES}, {name}, {K} clusters"
    note = f"MiniBatchKMeans: {small:.2f} s at {float(mini.inertia_) / float(exact.inertia_):.4f}"
    yield BenchRow(
        "clusters", of, ours, "s of CPU time", "KMeans", theirs, ours / theirs, f"≤ {SECONDS}", ours <= SECONDS, note
    )
    yield BenchRow(
        "clusters", f"{of}: inertia", made.inertia, "", "KMeans", float(exact.inertia_), ratio, f"≤ {INERTIA} ×",
        ratio <= INERTIA,
    )  # fmt: skip
    yield BenchRow(
        "clusters", f"{UNITS:,} × {FEATURES}, {name}: all of it, k chosen", whole, "s of CPU time", "none",
        None, None, "–", None,
    )  # fmt: skip


def _timed(job: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """Median CPU seconds: other processes barely count."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        made = job()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds), made
