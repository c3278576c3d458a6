"""How far each series is from the shapes that the population is made of, compared with series as noisy as it is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.distance import Space

FITTED = 4096
"""Random series that the common shapes are found from."""
TRIMMED = 0.9
"""The share of them that the shapes are found from again, those far from them left out."""
ROUNDS = 3
MOST_SHAPES = 12
ABOVE_NOISE = 3.0
"""A shape is common where its singular value is so many times that of the noise."""
LIKE, GROUPS, LEAST_IN_GROUP = 20_000, 24, 64
"""Random series, into how many groups of equal noise they are sorted at most, and of how many at least."""
USUAL, EXTREME = 50, 95
"""Percentiles of a group: a score of 0 and, with ``LEAST`` dots added, of 1."""
LEAST = 2.0
TABLE = 8192


@dataclass(frozen=True)
class Like:
    """What is usual of a score for a series of a given noise."""

    noise: NDArray[np.float64]
    """``[G]``, ascending: the middle of each group."""
    usual: NDArray[np.float64]
    extreme: NDArray[np.float64]

    @classmethod
    def among(cls, values: NDArray[np.floating], of_noise: NDArray[np.floating]) -> "Like":
        """From ``values`` ``[n]`` of series of ``of_noise`` ``[n]``."""
        count = max(1, min(GROUPS, len(values) // LEAST_IN_GROUP))
        size = len(values) // count
        order = np.argsort(of_noise, kind="stable")[len(values) - count * size :].reshape(count, size)
        ranked = np.sort(values[order], axis=1)
        usual, extreme = (ranked[:, (size - 1) * percent // 100] for percent in (USUAL, EXTREME))
        return cls(of_noise[order[:, size // 2]].astype(np.float64), usual.astype(float), extreme.astype(float))

    def score(self, values: NDArray[np.floating], of_noise: NDArray[np.floating]) -> NDArray[np.float32]:
        """How far ``values`` are above those of their like: 0 for the usual, about 1 for the 95th percentile."""
        usual = np.interp(of_noise, self.noise, self.usual)
        extreme = np.interp(of_noise, self.noise, self.extreme)
        return np.asarray((values - usual) / (extreme - usual + LEAST), np.float32)

    def greatest(
        self, values: NDArray[np.float32], of_noise: NDArray[np.float32], most: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ``most`` series of ``values`` ``[N]`` that score highest, those over 1 only, and their scores."""
        table = np.interp(np.linspace(0, of_noise.max(initial=0), TABLE), self.noise, self.extreme + LEAST)
        place = of_noise * np.float32((TABLE - 1) / max(float(of_noise.max(initial=0)), 1e-9))
        # As score() has it but for the table's steps: a score of 1 is where the value passes the table's.
        over = np.flatnonzero(values > table.astype(np.float32)[place.astype(np.int32)])
        scores = self.score(values[over], of_noise[over])
        best = np.argsort(-scores, kind="stable")[:most]
        return over[best], scores[best]


def common_shapes(space: Space, rng: np.random.Generator) -> NDArray[np.float32]:
    """Orthonormal shapes ``[2C, r]`` that most series are sums of: principal components, found again without those
    that are far from them, so that a few outliers don't become a shape of their own."""
    sample = space.features[:, space.some(FITTED, rng)].astype(np.float64)
    used, shapes = sample, np.empty((len(sample), 0))
    for _ in range(ROUNDS):
        sizes, vectors = np.linalg.eigh(used @ used.T)
        values = np.sqrt(np.maximum(sizes[::-1], 0))
        floor = np.median(values[len(values) // 4 :])
        count = int(np.clip((values > ABOVE_NOISE * floor).sum(), 1, MOST_SHAPES))
        shapes = vectors[:, ::-1][:, :count]
        far = np.abs(sample - shapes @ (shapes.T @ sample)).max(axis=0)
        used = sample[:, far <= np.quantile(far, TRIMMED)]
    return shapes.astype(np.float32)


def strangeness(space: Space, rng: np.random.Generator) -> NDArray[np.float32]:
    """``[N]`` dots: the greatest gap (L∞) between each series and its best sum of common shapes."""
    shapes = common_shapes(space, rng)
    gaps = np.empty(space.size, np.float32)
    for part in space.blocks():
        block = space.features[:, part]
        rest = shapes @ (shapes.T @ block)
        np.subtract(block, rest, out=rest)
        gaps[part] = np.maximum(rest.max(axis=0), -rest.min(axis=0))
    return gaps
