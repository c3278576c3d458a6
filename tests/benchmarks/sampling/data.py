"""The series that are sampled: settling curves with noise, straight lines, and outliers planted in any series.

How great an outlier is made: a person who sees the series next to its like should call it one. So, in the reference
chart of 400 × 200 dots, in which all series and all that is planted have room,

- it deviates from what it was by at least 8 times its own noise (the standard deviation about its column's mean);
- from *every* series that nothing was planted in, it is at least 15 dots away at some column's minimum or maximum, and
  further than 999 of 1000 such series are from their nearest: real data have outliers of their own.

From there it is up to half as much again, at random. Nothing is planted in the noisiest tenth, whose 8 noises would
stretch the chart for all. ``slight`` ones only move 15 to 22 dots from what they were, and may look like others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from sampling.judge import COLUMNS, HEIGHT, Floats, chart_of, extremes

LEAST_NOISES, LEAST_DOTS, UP_TO = 8.0, 15.0, 1.5
SOME, RARE = 4000, 0.001
"""How many series are looked at for what is usual, and the share of them that may lie further from their nearest."""
Series = NDArray[np.float32]
KINDS: dict[str, Callable[[Floats, float], Floats]] = {
    "spike": lambda t, at: ((t >= at) & (t < at + 3.5 * (t[1] - t[0]))).astype(np.float64),
    "shift": lambda t, at: (t >= at).astype(np.float64),
    "slope": lambda t, at: np.maximum(t - at, 0) / (1 - at),
    "divergence": lambda t, at: np.exp(3 * (t - 1)),
}
"""A deviation of height 1, by time and onset in 0 to 1."""


@dataclass(frozen=True)
class Planted:
    """One outlier."""

    unit: int
    kind: str
    dots: float
    """From what it was, at the column's end that moves most, in the final chart."""
    alone: float
    """From the nearest series that nothing was planted in, likewise."""
    noises: float
    """The deviation's height ÷ the series' own noise; infinite where it has none."""


def settling(rng: np.random.Generator, units: int = 20_000, steps: int = 1000) -> Series:
    """``[T, N]`` of five kinds of settling curves, each with noise of its own size."""
    time = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    level = (rng.normal(0, 0.3, units) + rng.integers(0, 5, units) * 0.5).astype(np.float32)
    rate = rng.uniform(1, 8, units).astype(np.float32)
    noise = (0.05 * rng.lognormal(0, 0.5, units)).astype(np.float32)
    series = rng.standard_normal((steps, units), dtype=np.float32)
    series *= noise
    series += level * (1 - np.exp(-rate * time))
    return series


def plant(
    series: Series, rng: np.random.Generator, scale: str = "linear", count: int = 20, *, slight: bool = False
) -> list[Planted]:
    """Change ``count`` of the series ``[T, N]`` in place, as many of each kind."""
    time, found = np.linspace(0, 1, len(series)), extremes(series)
    chart, noise = chart_of(found, scale), _noise(series)
    units = rng.choice(np.flatnonzero(noise <= np.percentile(noise, 90)), count, replace=False)
    noise, was = noise[units], series[:, units].astype(np.float64)
    others = chart.dots(np.delete(found, units, axis=1))
    kinds = [list(KINDS)[i % len(KINDS)] for i in range(count)]
    shapes = np.stack([KINDS[kind](time, rng.uniform(0.1, 0.9)) for kind in kinds], axis=1)
    shapes *= rng.choice([-1.0, 1.0], count)
    heights = np.maximum(LEAST_NOISES * rng.uniform(1, UP_TO, count) * noise, chart.value_of(5))
    least = LEAST_DOTS if slight else max(LEAST_DOTS, _usual_distance(others, rng))
    wanted = rng.uniform(1, UP_TO, count) * least
    now, moved, alone = was.astype(np.float32), np.zeros(count), np.zeros(count)
    small = np.ones(count, bool)
    while small.any():
        now[:, small] = was[:, small] + heights[small] * shapes[:, small]
        dots = chart.dots(extremes(now[:, small]))
        moved[small] = np.abs(dots - chart.dots(extremes(was[:, small]))).max(axis=0)
        alone[small] = cdist(dots.T, others.T, "chebyshev").min(axis=1)
        # All that is planted has room: the final chart may be greater, and a dot in it more.
        low, high = min(0.0, float(chart.dots(now.min()))), max(HEIGHT, float(chart.dots(now.max())))
        room = HEIGHT / (high - low)
        small = (moved if slight else alone) * room < wanted
        heights[small] *= 1.1
    series[:, units] = now
    with np.errstate(divide="ignore"):
        noises = heights / noise
    each = zip(units.tolist(), kinds, (moved * room).tolist(), (alone * room).tolist(), noises.tolist(), strict=True)
    return [Planted(*one) for one in each]


def _usual_distance(dots: Floats, rng: np.random.Generator) -> float:
    """The distance (L∞) to the nearest other that only ``RARE`` of the series exceed.

    The nearest by Euclid bounds it from above; only where that is great all others are looked at.
    """
    some = rng.choice(dots.shape[1], SOME, replace=False)
    centred = (dots.T - dots.mean(axis=1)).astype(np.float32)
    norms = (centred**2).sum(axis=1)
    bounds = np.empty(SOME)
    for left in range(0, SOME, 500):
        part = some[left : left + 500]
        squared = norms - 2 * (centred[part] @ centred.T)
        squared[np.arange(len(part)), part] = np.inf
        bounds[left : left + 500] = np.abs(centred[part] - centred[squared.argmin(axis=1)]).max(axis=1)
    farthest = some[np.argsort(bounds)[-60:]]
    nearest = np.partition(cdist(dots.T[farthest], dots.T, "chebyshev"), 1, axis=1)[:, 1]
    return float(np.sort(nearest)[-int(SOME * RARE)])


def _noise(series: Series) -> Floats:
    """``[N]``, the standard deviation about each column's mean."""
    first = np.arange(COLUMNS + 1) * len(series) // COLUMNS
    squares = np.zeros(series.shape[1])
    for start, stop in zip(first, first[1:], strict=False):
        squares += series[start:stop].var(axis=0) * (stop - start)
    return np.sqrt(squares / len(series))


def lines(ends: Floats, steps: int = 64) -> Series:
    """``[T, N]`` straight lines between the heights ``ends`` ``[N, 2]``."""
    time = np.linspace(0, 1, steps)[:, None]
    return (ends[:, 0] * (1 - time) + ends[:, 1] * time).astype(np.float32)


def uniform_ends(rng: np.random.Generator, count: int = 20_000) -> Floats:
    """``[N, 2]`` in the unit square, all alike."""
    return rng.uniform(0, 1, (count, 2))


def crowded_ends(rng: np.random.Generator, count: int = 40_000) -> Floats:
    """``[N, 2]`` in the unit square: three crowds over a thin uniform ground, more than two decades of density."""
    centres = rng.uniform(0.2, 0.8, (3, 2))
    places = [rng.uniform(0, 1, (count // 10, 2))]
    for centre, spread in zip(centres, (0.03, 0.06, 0.1), strict=True):
        places.append(rng.normal(centre, spread, (3 * count // 10, 2)))
    ends = np.vstack(places)
    return ends[((ends >= 0) & (ends <= 1)).all(axis=1)]
