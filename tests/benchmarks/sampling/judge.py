"""What is measured, by the formulas of the specification in float64; nothing here comes from ``dgmtui``.

A series' features are its 32 columns' minima, then maxima, in dots of a chart of 400 × 200: ``[64, N]``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

WIDTH, HEIGHT, COLUMNS = 400.0, 200.0, 32
DIRECTIONS = 8
Floats = NDArray[np.float64]
Picks = NDArray[np.int64]


@dataclass(frozen=True)
class Chart:
    """A vertical axis from ``low`` to ``high``, which all values fit in; symlog where ``threshold`` is given."""

    low: float
    high: float
    threshold: float | None = None

    def dots(self, values: NDArray[np.floating]) -> Floats:
        """Heights in dots, beyond the chart as well."""
        bottom, top, mapped = (self._map(np.asarray(v, np.float64)) for v in (self.low, self.high, values))
        return (mapped - bottom) * (HEIGHT / (top - bottom))

    def value_of(self, height: float) -> float:
        """The value that is so many dots above zero."""
        rise = height / HEIGHT * float(self._map(np.array(self.high)) - self._map(np.array(self.low)))
        return rise if self.threshold is None else self.threshold * float(np.expm1(rise))

    def _map(self, values: Floats) -> Floats:
        if self.threshold is None:
            return values
        return np.sign(values) * np.log1p(np.abs(values) / self.threshold)


def extremes(series: NDArray[np.floating]) -> NDArray[np.floating]:
    """``[64, …]``: minima, then maxima of 32 columns of the rows of ``series`` ``[T, …]``."""
    first = np.arange(COLUMNS) * len(series) // COLUMNS
    return np.concatenate([np.minimum.reduceat(series, first), np.maximum.reduceat(series, first)])


def chart_of(found: NDArray[np.floating], scale: str) -> Chart:
    """The chart that just holds ``extremes``; symlog's threshold is the 25th percentile of |y| > 0."""
    low, high = float(found.min()), float(found.max())
    if scale == "linear":
        return Chart(low, high)
    sizes = np.abs(found[found != 0].astype(np.float64))
    return Chart(low, high, float(np.percentile(sizes, 25)))


def features_of(series: NDArray[np.floating], scale: str = "linear") -> Floats:
    """``[64, N]`` dots of finite series ``[T, N]``."""
    found = extremes(series)
    return chart_of(found, scale).dots(found)


def middles(features: Floats) -> Floats:
    """``[32, N]``, the middle of every column."""
    return (features[:COLUMNS] + features[COLUMNS:]) / 2


def points_of(features: Floats) -> Floats:
    """``[N, 95]``, whose squared Euclidean distances are D²: the mean of the squared gaps of the extremes and a
    twelfth of the steps' between the middles."""
    ends = features.T / np.sqrt(2 * COLUMNS)
    rises = np.diff(middles(features), axis=0).T / np.sqrt(12 * COLUMNS)
    return np.ascontiguousarray(np.hstack([ends, rises]))


def distances(points: Floats, picks: Picks) -> Floats:
    """``[P, N]`` dots, each by its differences."""
    return cdist(points[picks], points)


def cover_radius(points: Floats, picks: Picks) -> float:
    """The greatest distance of any series to the nearest pick."""
    return float(distances(points, picks).min(axis=0).max())


@dataclass(frozen=True)
class Spacing:
    """The prefixes of the cover's picks."""

    least_excess: float
    """Of all prefixes, the least of (least distance between two of its picks − its radius), in dots."""
    at_round_ends: Floats
    """Least distance between picks ÷ cover radius, after each whole round of two picks or more."""


def spacing(points: Floats, picks: Picks, radii: Floats) -> Spacing:
    """A round ends where the next pick has another radius; the last one need not be whole and is left out."""
    to_all = distances(points, picks)
    radius = np.minimum.accumulate(to_all, axis=0).max(axis=1)
    between = to_all[:, picks]
    before = np.array([between[i, :i].min(initial=np.inf) for i in range(len(picks))])
    least = np.minimum.accumulate(before)
    ends = np.flatnonzero(radii[1:] != radii[:-1])
    ends = ends[ends > 0]
    return Spacing(float((least[1:] - radii[1:]).min()), least[ends] / radius[ends])


def ink(features: Floats, picks: Picks, reach: int = 3) -> tuple[float, float]:
    """Share of all series' dots that lie within ``reach`` rows of a pick's dot in the same column.

    A series covers, in each column, the rows from its minimum to its maximum. First, dots count as often as they are
    covered; second, once.
    """
    rows = np.clip(features, 0, HEIGHT - 1).astype(np.int64)
    near, total = np.zeros(2), np.zeros(2)
    for low, high in zip(rows[:COLUMNS], rows[COLUMNS:], strict=True):
        times = _times(low, high)
        lit = _times(np.maximum(low[picks] - reach, 0), np.minimum(high[picks] + reach, int(HEIGHT) - 1)) > 0
        near += times[lit].sum(), (times[lit] > 0).sum()
        total += times.sum(), (times > 0).sum()
    often, once = (near / total).tolist()
    return often, once


def _times(low: Picks, high: Picks) -> NDArray[np.int64]:
    """How many of the spans cover each row."""
    change = np.zeros(int(HEIGHT) + 1, np.int64)
    np.add.at(change, low, 1)
    np.add.at(change, high + 1, -1)
    return np.cumsum(change)[:-1]


def middles_near(features: Floats, picks: Picks, reach: float = 3.0) -> float:
    """Share of all column middles within ``reach`` dots of a pick's: stricter, as width does not help."""
    near = []
    for row in middles(features):
        lines = np.concatenate([[-np.inf], np.sort(row[picks]), [np.inf]])
        place = np.searchsorted(lines, row).clip(1, len(lines) - 1)
        near.append((np.minimum(row - lines[place - 1], lines[place] - row) <= reach).mean())
    return float(np.mean(near))


def direction_entropy(features: Floats, picks: Picks) -> float:
    """Entropy ÷ its maximum of the picks' segments in 8 directions of equal angle over ±90°."""
    angles = np.arctan2(np.diff(middles(features[:, picks]), axis=0), WIDTH / COLUMNS)
    counts, _ = np.histogram(angles, DIRECTIONS, (-np.pi / 2, np.pi / 2))
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum() / np.log(DIRECTIONS))


def low_frequency_power(places: Floats, part: float, *, tapered: bool = False) -> float:
    """Mean power of points ``[n, 2]`` in the unit square below ``part`` of √n, blue noise's cut-off; white noise has 1.

    At whole frequencies, where the square itself has no power. ``tapered`` weighs the points by Hann's window, which
    takes away what the square's edge does; its own frequencies, up to one, are left out.
    """
    weights = 2 * np.sin(np.pi * places) ** 2 if tapered else np.ones_like(places)
    weight = weights.prod(axis=1)
    reach = part * np.sqrt(len(places))
    axis = np.arange(-int(reach), int(reach) + 1)
    waves = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    length = np.hypot(*waves.T)
    above = np.abs(waves).max(axis=1) > 1 if tapered else length > 0
    waves = waves[above & (length <= reach)]
    sums = np.exp(-2j * np.pi * (waves @ places.T)) @ weight
    return float((np.abs(sums) ** 2).mean() / (weight**2).sum())


def density_exponent(density: Floats, found: Floats) -> float:
    """α of picks ∝ density^α over cells of equal area, fitted as counts, so that cells without a pick count too."""
    given = np.stack([np.ones(len(density)), np.log(density)], axis=1)
    weights = np.array([np.log(found.mean()), 0.0])
    for _ in range(50):
        expected = np.exp(given @ weights)
        weights += np.linalg.solve((given * expected[:, None]).T @ given, given.T @ (found - expected))
    return float(weights[1])
