"""The units of a module in clusters: which go together, how many there are, what they are called."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.clusters.choosing import choose_k, distances, judged_points, silhouette
from dgmtui.clusters.kmeans import Partition, kmeans
from dgmtui.clusters.model import Clustering, Group
from dgmtui.clusters.numbering import by_size, renumbered
from dgmtui.clusters.profiles import profiles
from dgmtui.errors import UsageError

_CONSTANT, _NONFINITE = -2, -1
"""Labels, before numbering, of what is set aside."""


def cluster_units(
    activations: NDArray[np.floating], k: int | None = None, before: NDArray[np.int64] | None = None
) -> Clustering:
    """The units that are high for the same samples together (k-means over standardised activations).

    Args:
        activations: ``[S, U]``, one number a sample and unit.
        k: how many clusters; None: as many as are the most apart, by silhouette.
        before: ``[U]``, the numbers that the units' clusters had the last time, which are kept as far as may be.

    Raises:
        UsageError: there are no units, none is finite, or fewer than ``k`` of them differ.
    """
    points, constant, bad = profiles(activations)
    _check(points, bad)
    varying = np.flatnonzero(~constant & ~bad)
    made = _partition(points[varying], k)
    raw = np.full(len(points), _CONSTANT, np.int64)
    raw[bad] = _NONFINITE
    raw[varying] = made.labels
    labels = by_size(raw) if before is None or len(before) != len(raw) else renumbered(raw, before)
    score, judged = _score(points[varying], made)
    return Clustering(_groups(raw, labels, varying, points, made), labels, score, judged, len(varying))


def _check(points: NDArray[np.float32], bad: NDArray[np.bool_]) -> None:
    if not len(points):
        raise UsageError("there are no units to cluster")
    if bad.all():
        what = "the only unit is" if len(bad) == 1 else f"all {len(bad):,} units are"
        raise UsageError(f"{what} non-finite, so there is nothing to cluster; `nodes --bad` says where that began")


def _partition(points: NDArray[np.float32], k: int | None) -> Partition:
    different = len(points) if len(points) > 5_000 else len(np.unique(points, axis=0))
    if k is not None and not 1 <= k <= max(1, different):
        raise UsageError(f"-k takes a number from 1 to {max(1, different)}, as many as there are different units")
    if different < 2 or k == 1:
        centres = points.mean(axis=0, keepdims=True) if len(points) else np.zeros((0, points.shape[1]), np.float32)
        inertia = float(np.square(points - centres).sum()) if len(points) else 0.0
        return Partition(np.zeros(len(points), np.int64), centres, inertia)
    if k is None:
        k = choose_k(points) if different > 2 else 2
    return kmeans(points, min(k, different))


def _score(points: NDArray[np.float32], made: Partition) -> tuple[float | None, int]:
    chosen = judged_points(points)
    found = silhouette(distances(points[chosen]), made.labels[chosen]) if len(made.centres) > 1 else None
    return found, len(chosen)


def _groups(
    raw: NDArray[np.int64],
    labels: NDArray[np.int64],
    varying: NDArray[np.int64],
    points: NDArray[np.float32],
    made: Partition,
) -> tuple[Group, ...]:
    away = np.zeros(len(points))
    away[varying] = np.square(points[varying] - made.centres[made.labels]).sum(axis=1) if len(varying) else 0.0
    kinds = {_CONSTANT: "constant", _NONFINITE: "non-finite"}
    groups = []
    for number in np.unique(labels).tolist():
        members = np.flatnonzero(labels == number)
        order = members[np.argsort(away[members], kind="stable")]
        groups.append(Group(number, tuple(order.tolist()), kinds.get(int(raw[members[0]]), "")))
    return tuple(groups)
