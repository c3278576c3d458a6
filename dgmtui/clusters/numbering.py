"""Clusters keep their numbers, and so their colours, while the same units are clustered again and again."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]


def by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """``labels`` ``[N]`` numbered from 0 by the size of their clusters: the largest first, of equals the first met."""
    names, first, inverse, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -counts))
    numbers = np.empty(len(names), np.int64)
    numbers[order] = np.arange(len(names))
    return numbers[inverse]


def renumbered(labels: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """``labels`` ``[N]`` with the numbers that ``before`` ``[N]`` gave the clusters which share most units with them.

    Pairs are chosen so that as many units as possible keep their number; a cluster that is new takes the least number
    that is free.
    """
    names, mine = np.unique(labels, return_inverse=True)
    old_names, old = np.unique(before, return_inverse=True)
    shared = np.zeros((len(names), len(old_names)), np.int64)
    np.add.at(shared, (mine, old), 1)
    rows, columns = linear_sum_assignment(-shared)
    kept = {int(row): int(old_names[column]) for row, column in zip(rows, columns, strict=True) if shared[row, column]}
    free = (number for number in range(len(names) + len(old_names)) if number not in kept.values())
    largest_first = sorted(range(len(names)), key=lambda row: -int(shared[row].sum()))
    numbers = kept | {row: next(free) for row in largest_first if row not in kept}
    return np.array([numbers[row] for row in range(len(names))], np.int64)[mine]
