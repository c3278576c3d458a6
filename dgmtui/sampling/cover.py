"""Lane A: picks that cover all series evenly, far apart first, so that every prefix is blue noise."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.distance import BLOCK, Space
from dgmtui.sampling.scale import WIDTH

GAMMA = 0.75
POOL = 1024
ROUND = 16
BALANCED = 8
BINS = 8
ALIKE = 0.1
"""Dots below which two polylines are the same picture; also above the matrix product's rounding."""


class Cover:
    """The cover so far. ``extend(k)`` gives the same picks whether it is called once or in steps."""

    def __init__(self, space: Space, rng: np.random.Generator) -> None:
        self._space, self._rng = space, rng
        self.order: list[int] = []
        self.radii: list[float] = []
        """Of each pick: its round's r in dots; all up to it are at least so far apart (the first: infinite)."""
        self.gaps = np.full(space.count, np.inf, np.float32)
        """``[N]``: squared distance to the nearest pick, in dots², as of the last whole round."""
        self.nearest = np.zeros(space.count, np.int32)
        """``[N]``: position in ``order`` of that pick."""
        self._settled = 0
        self._queue: list[tuple[int, float]] = []
        self._points = np.empty((0, 2 * space.columns))
        self._directions = np.zeros(BINS)

    def extend(self, k: int) -> None:
        """Pick until there are ``k``, or until every series looks like one that is picked."""
        while len(self.order) < k:
            if not self._queue:
                self._settle()
                self._queue = self._round() if self.order else [(int(self._space.norms.argmin()), np.inf)]
            if not self._queue:
                return
            index, radius = self._queue.pop(0)
            self.order.append(index)
            self.radii.append(radius)

    def nearest_pick(self) -> NDArray[np.int32]:
        """``[N]``: position in ``order`` of each series' nearest pick, the unfinished round's included."""
        # On copies: a product over another batch rounds otherwise, and later picks would depend on having been asked.
        gaps, nearest = self.gaps.copy(), self.nearest.copy()
        self._bring_up(gaps, nearest, np.array(self.order[self._settled :], np.int64))
        return nearest

    def _settle(self) -> None:
        new = np.array(self.order[self._settled :], np.int64)
        if not len(new):
            return
        self._bring_up(self.gaps, self.nearest, new)
        if self._settled == 0:
            self._directions += self._direction_counts(new).sum(axis=0)
            self._points = self._space.exact(new)
        self._settled = len(self.order)

    def _bring_up(self, gaps: NDArray[np.float32], nearest: NDArray[np.int32], new: NDArray[np.int64]) -> None:
        for left in range(0, self._space.count if len(new) else 0, BLOCK):
            part = slice(left, left + BLOCK)
            squared = self._space.squared(new, left, left + BLOCK)
            closest = squared.argmin(axis=0)
            least = np.take_along_axis(squared, closest[None], axis=0)[0]
            nearer = least < gaps[part]
            gaps[part][nearer] = least[nearer]
            nearest[part][nearer] = closest[nearer] + self._settled
        gaps[new] = 0

    def _round(self) -> list[tuple[int, float]]:
        """Up to ``ROUND`` picks, each at least r from all picks before it."""
        pool = self._pool()
        points = self._space.exact(pool)
        gaps = np.sqrt(((points[:, None] - self._points[None]) ** 2).sum(axis=2).min(axis=1))
        radius = min(GAMMA * float(gaps[0]), self.radii[-1])
        if gaps[0] <= ALIKE:
            return []
        counts = self._direction_counts(pool)
        taken: list[int] = []
        alive = np.arange(1)
        while len(taken) < ROUND and len(alive):
            best = self._most_balancing(alive, counts)
            taken.append(best)
            self._directions += counts[best]
            gaps = np.minimum(gaps, np.sqrt(((points - points[best]) ** 2).sum(axis=1)))
            gaps[taken] = 0
            alive = np.flatnonzero(gaps >= radius)
        self._points = np.vstack([self._points, points[taken]])
        return [(int(pool[i]), radius) for i in taken]

    def _pool(self) -> NDArray[np.int64]:
        """The farthest series, then up to ``POOL`` others that are far enough, at random."""
        farthest = int(self.gaps.argmax())
        others = np.flatnonzero(self.gaps >= GAMMA**2 * self.gaps[farthest])
        others = others[others != farthest]
        if len(others) > POOL:
            others = self._rng.choice(others, POOL, replace=False)
        return np.concatenate([[farthest], others]).astype(np.int64)

    def _most_balancing(self, alive: NDArray[np.int64], counts: NDArray[np.float64]) -> int:
        """Of some random survivors, the one that leaves the picks' directions with the highest entropy."""
        tried = alive if len(alive) <= BALANCED else self._rng.choice(alive, BALANCED, replace=False)
        return int(tried[entropy(self._directions + counts[tried]).argmax()])

    def _direction_counts(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        return direction_counts(self._space.middles(indices))


def direction_counts(middles: NDArray[np.floating]) -> NDArray[np.float64]:
    """Segments ``[P, BINS]`` by direction of polylines ``[C, P]`` in dots; bins of equal angle over ±90°."""
    angles = np.arctan(np.diff(middles, axis=0) / (WIDTH / len(middles)))
    bins = np.clip(((angles / np.pi + 0.5) * BINS).astype(np.int64), 0, BINS - 1)
    return np.stack([(bins == b).sum(axis=0) for b in range(BINS)], axis=1).astype(np.float64)


def entropy(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy ``[…]`` of the histograms ``counts`` ``[…, BINS]``, divided by its maximum; 0 for an empty one."""
    total = counts.sum(axis=-1, keepdims=True)
    share = counts / np.maximum(total, 1)
    logs = np.log(share, out=np.zeros_like(share), where=share > 0)
    value: NDArray[np.float64] = -(share * logs).sum(axis=-1) / np.log(counts.shape[-1])
    return value
