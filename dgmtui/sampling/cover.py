"""Lane A: picks that cover all series evenly, far apart first, so that every prefix is blue noise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.distance import Space
from dgmtui.sampling.scale import WIDTH

GAMMA = 0.85
POOL = 1024
ROUND = 16
BALANCED = 8
BINS = 8
NEVER = -1
"""The gap of what can't be picked: below those that are picked, it is never the farthest."""
ALIKE = 0.1
"""Dots below which two polylines are the same picture; also above the matrix product's rounding."""


class Cover:
    """The cover so far. ``extend(k)`` gives the same picks whether it is called once or in steps."""

    def __init__(self, space: Space, rng: np.random.Generator, offered: Sequence[int] = ()) -> None:
        """Nothing is picked yet.

        Args:
            offered: series to take before others that would do as well, such as those a chart shows already.
        """
        self._space, self._rng = space, rng
        self._offered = np.array(offered, np.int64)
        if len(self._offered):
            self._offered = self._offered[~np.isin(self._offered, space.unusable)]
        self.order: list[int] = []
        self.radii: list[float] = []
        """Of each pick: its round's r in dots; all up to it are at least so far apart (the first: infinite)."""
        self._gaps = np.full(space.size, np.inf, np.float32)
        self._gaps[space.unusable] = NEVER
        self._settled = 0
        self._queue: list[tuple[int, float]] = []
        self._points = np.empty((0, 2 * space.columns))
        self._directions = np.zeros(BINS)

    def extend(self, k: int) -> None:
        """Pick until there are ``k``, or until every series looks like one that is picked."""
        while len(self.order) < k:
            if not self._queue:
                self._settle()
                self._queue = self._round() if self.order else self._first()
            if not self._queue:
                return
            index, radius = self._queue.pop(0)
            self.order.append(index)
            self.radii.append(radius)

    def gaps(self) -> NDArray[np.float32]:
        """``[N]`` dots²: squared distance of each series to its nearest pick, the unfinished round's included; 0 of
        those that are not usable."""
        # On a copy: a product over another batch rounds otherwise, and later picks would depend on having been asked.
        gaps = np.maximum(self._gaps, 0)
        if self._settled < len(self.order):
            self._space.bring_down(gaps, np.array(self.order[self._settled :], np.int64))
        return gaps

    def _first(self) -> list[tuple[int, float]]:
        """The series nearest the centre."""
        among = self._offered if len(self._offered) else self._space.indices
        return [(int(among[self._space.norms[among].argmin()]), np.inf)] if len(among) else []

    def _settle(self) -> None:
        new = np.array(self.order[self._settled :], np.int64)
        if not len(new):
            return
        self._space.bring_down(self._gaps, new)
        self._gaps[new] = 0
        self._gaps[self._space.unusable] = NEVER
        if self._settled == 0:
            self._directions += self._direction_counts(new).sum(axis=0)
            self._points = self._space.exact(new)
        self._settled = len(self.order)

    def _round(self) -> list[tuple[int, float]]:
        """Up to ``ROUND`` picks, each at least r from all picks before it."""
        pool = self._pool()
        points = self._space.exact(pool)
        gaps = _distances(points, self._points).min(axis=1)
        radius = min(GAMMA * float(gaps[0]), self.radii[-1])
        if gaps[0] <= ALIKE:
            return []
        counts = self._direction_counts(pool)
        known = np.isin(pool, self._offered) if len(self._offered) else np.zeros(len(pool), bool)
        taken: list[int] = []
        alive = np.arange(1)
        while len(taken) < ROUND and len(alive):
            best = self._most_balancing(alive[known[alive]] if known[alive].any() else alive, counts)
            taken.append(best)
            self._directions += counts[best]
            gaps = np.minimum(gaps, _distances(points, points[[best]])[:, 0])
            gaps[taken] = 0
            alive = np.flatnonzero(gaps >= radius)
        self._points = np.vstack([self._points, points[taken]])
        return [(int(pool[i]), radius) for i in taken]

    def _pool(self) -> NDArray[np.int64]:
        """The farthest series, then those offered and up to ``POOL`` others that are far enough, at random."""
        farthest = int(self._gaps.argmax())
        least = GAMMA**2 * self._gaps[farthest]
        others = np.flatnonzero(self._gaps >= least)
        others = others[others != farthest]
        if len(others) > POOL:
            others = others[self._rng.choice(len(others), POOL, replace=False, shuffle=False)]
        if len(self._offered):
            offered = self._offered[self._gaps[self._offered] >= least]
            others = np.concatenate([np.setdiff1d(offered, [farthest, *others]), others])
        return np.concatenate([[farthest], others]).astype(np.int64)

    def _most_balancing(self, alive: NDArray[np.int64], counts: NDArray[np.float64]) -> int:
        """Of some random survivors, the one that leaves the picks' directions with the highest entropy."""
        tried = alive if len(alive) <= BALANCED else self._rng.choice(alive, BALANCED, replace=False)
        return int(tried[entropy(self._directions + counts[tried]).argmax()])

    def _direction_counts(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        return direction_counts(self._space.middles(indices))


def _distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[P, O]``, to within 1e-9 of a dot."""
    squared = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


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
