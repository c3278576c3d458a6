"""The distance of two polylines in chart dots, and of many to a few as one matrix product."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

SLOPE_WEIGHT = 1 / 12
CENTRE_OF = 4096
BLOCK = 8192
"""Series that are worked on at a time: what stays in a core's cache."""


def distance_matrix(columns: int) -> NDArray[np.float64]:
    """A, ``[2C, 2C]``, positive definite: D²(a, b) = (a − b)ᵀ A (a − b) for features (C minima, C maxima).

    D² = (1/C)·[Σ_j (Δlo_j² + Δhi_j²)/2 + λ·Σ_j (Δmid_{j+1} − Δmid_j)²], λ = 1/12: the mean squared gap of
    two straight segments is Δm² + Δs²/12 (midpoint height m, rise s).
    """
    step = np.diff(np.eye(columns), axis=0)
    rise = np.hstack([step, step]) / 2
    matrix: NDArray[np.float64] = (np.eye(2 * columns) / 2 + SLOPE_WEIGHT * rise.T @ rise) / columns
    return matrix


class Space:
    """All series as points in dots, with distances of all to a few."""

    def __init__(self, features: NDArray[np.float32], usable: NDArray[np.bool_] | None = None) -> None:
        """Centre ``features`` ``[2C, N]`` in place, which keeps the product's rounding under what can be seen.

        Args:
            usable: ``[N]``, the series that there are; the others lie in the centre and are never chosen.
        """
        self.columns = len(features) // 2
        self.size = features.shape[1]
        """N, unusable series included."""
        self.indices = np.arange(self.size) if usable is None else np.flatnonzero(usable)
        """The usable series."""
        self.unusable = np.empty(0, np.int64) if usable is None else np.flatnonzero(~usable)
        self.matrix = distance_matrix(self.columns)
        self._root = np.linalg.cholesky(self.matrix)
        few = self.indices[:: max(1, self.count // CENTRE_OF)]
        middle = features[:, few].mean(axis=1, dtype=np.float64) if len(few) else np.zeros(len(features))
        self.centre = middle.astype(np.float32)[:, None]
        """``[2C, 1]``, in dots: what was subtracted, the mean of a few thousand series."""
        self.features = features
        self.norms = np.empty(self.size, np.float32)
        """``[N]`` dots²: squared distance from the centre."""
        for part in self.blocks():
            block = features[:, part]
            block -= self.centre
            rises = np.diff(block[: self.columns] + block[self.columns :], axis=0)
            self.norms[part] = np.einsum("fn,fn->n", block, block)
            self.norms[part] += np.einsum("fn,fn->n", rises, rises) * np.float32(SLOPE_WEIGHT / 2)
        self.norms /= 2 * self.columns
        features[:, self.unusable] = 0
        self.norms[self.unusable] = 0

    @property
    def count(self) -> int:
        """How many series there are."""
        return len(self.indices)

    def blocks(self) -> Iterator[slice]:
        """All series, some at a time."""
        return (slice(left, left + BLOCK) for left in range(0, self.size, BLOCK))

    def some(self, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """``[n]``, the places of at most ``most`` usable series, at random, ascending."""
        if self.count <= most:
            return self.indices
        return self.indices[np.sort(rng.choice(self.count, most, replace=False))]

    def squared(self, picks: NDArray[np.int64], part: slice | NDArray[np.int64] = slice(None)) -> NDArray[np.float32]:
        """D² ``[P, n]`` of the series ``part`` to ``picks`` ``[P]``, by one product."""
        product = self._towards(picks) @ self.features[:, part]
        product += self.norms[picks][:, None]
        product += self.norms[part]
        return np.asarray(np.maximum(product, 0, out=product))

    def bring_down(self, gaps: NDArray[np.float32], picks: NDArray[np.int64]) -> None:
        """Lower ``gaps`` ``[N]``, squared distances, to those from ``picks`` where they are less."""
        towards, heights = self._towards(picks), self.norms[picks][:, None]
        for part in self.blocks():
            product = towards @ self.features[:, part]
            product += heights
            nearest = product.min(axis=0)
            nearest += self.norms[part]
            np.maximum(nearest, 0, out=nearest)
            np.minimum(gaps[part], nearest, out=gaps[part])

    def exact(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Points ``[P, 2C]`` in float64 whose Euclidean distances are the polylines'."""
        points: NDArray[np.float64] = self.features[:, indices].T.astype(np.float64) @ self._root
        return points

    def middles(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """The middle ``[C, P]`` of each column of the series ``indices``, in dots from the centre."""
        low, high = self.features[: self.columns, indices], self.features[self.columns :, indices]
        return np.asarray((low + high) * np.float32(0.5), np.float32)

    def _towards(self, picks: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(-2 * (self.matrix @ self.features[:, picks]).T, np.float32)
