"""The distance of two polylines in chart dots, and of many to a few as one matrix product."""

import numpy as np
from numpy.typing import NDArray

SLOPE_WEIGHT = 1 / 12
BLOCK = 65536


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

    def __init__(self, features: NDArray[np.float32]) -> None:
        """Centre ``features`` ``[2C, N]`` in place, which keeps the product's rounding under what can be seen."""
        self.columns = len(features) // 2
        self.count = features.shape[1]
        self.matrix = distance_matrix(self.columns)
        self._root = np.linalg.cholesky(self.matrix)
        self.centre = features.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
        """``[2C, 1]``, in dots: what was subtracted."""
        features -= self.centre
        self.features = features
        self.norms = np.empty(self.count, np.float32)
        narrow = self.matrix.astype(np.float32)
        for left in range(0, self.count, BLOCK):
            part = features[:, left : left + BLOCK]
            self.norms[left : left + BLOCK] = np.einsum("fn,fn->n", part, narrow @ part)

    def squared(self, picks: NDArray[np.int64], left: int = 0, right: int | None = None) -> NDArray[np.float32]:
        """D² ``[P, right − left]`` of the series from ``left`` to ``right`` to ``picks`` ``[P]``, by one product."""
        part = slice(left, right)
        towards = np.asarray((self.matrix @ self.features[:, picks]).T, np.float32)
        product = towards @ self.features[:, part]
        product *= -2
        product += self.norms[part]
        product += self.norms[picks][:, None]
        squared: NDArray[np.float32] = np.maximum(product, 0).astype(np.float32, copy=False)
        return squared

    def exact(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Points ``[P, 2C]`` in float64 whose Euclidean distances are the polylines'."""
        points: NDArray[np.float64] = self.features[:, indices].T.astype(np.float64) @ self._root
        return points

    def middles(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """The middle ``[C, P]`` of each column of the series ``indices``, in dots from the centre."""
        low, high = self.features[: self.columns, indices], self.features[self.columns :, indices]
        return np.asarray((low + high) * np.float32(0.5), np.float32)
