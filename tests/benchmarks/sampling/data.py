"""The series that are sampled: settling curves with noise, straight lines, and outliers planted in any series.

How great an outlier is made: a person who sees the series next to its like should call it one. So each deviates from
what it was by at least 8 times its own noise (the standard deviation about its column's mean), and moves at least one
of its columns' ends by at least 15 dots of the reference chart of 400 × 200, in which all series and all that is
planted have room. From there it is up to 1.5 times the noise's and up to 40 dots, at random.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sampling.judge import COLUMNS, Chart, Floats, chart_of, extremes

LEAST_NOISES, LEAST_DOTS = 8.0, 15.0
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
    """How far the column's end that moves most moves, in the final chart."""
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


def plant(series: Series, rng: np.random.Generator, scale: str = "linear", count: int = 20) -> list[Planted]:
    """Change ``count`` of the series ``[T, N]`` in place, as many of each kind."""
    time = np.linspace(0, 1, len(series))
    chart, others = chart_of(extremes(series), scale), extremes(series)
    units = rng.choice(series.shape[1], count, replace=False)
    was = series[:, units].astype(np.float64)
    kinds = [list(KINDS)[i % len(KINDS)] for i in range(count)]
    noise = _noise(was)
    shapes = np.stack([KINDS[kind](time, rng.uniform(0.1, 0.9)) for kind in kinds], axis=1)
    heights = LEAST_NOISES * rng.uniform(1, 1.5, count) * noise
    heights = np.maximum(heights, 1e-3 * np.ptp(others[:, units], axis=0)) + 1e-12 * (chart.high - chart.low)
    signs, wanted = rng.choice([-1.0, 1.0], count), rng.uniform(LEAST_DOTS, 40, count)
    others = np.delete(others, units, axis=1)
    while True:
        now = (was + signs * heights * shapes).astype(np.float32)
        final = chart_of(np.concatenate([others, extremes(now)], axis=1), scale)
        small = (_moved(chart, was, now) < wanted) | (_moved(final, was, now) < LEAST_DOTS)
        if not small.any():
            break
        heights[small] *= 1.05
    series[:, units] = now
    with np.errstate(divide="ignore"):
        noises = heights / noise
    moved = _moved(final, was, now)
    return [Planted(*each) for each in zip(units.tolist(), kinds, moved.tolist(), noises.tolist(), strict=True)]


def _moved(chart: Chart, was: Floats, now: NDArray[np.floating]) -> Floats:
    return np.abs(chart.dots(extremes(now)) - chart.dots(extremes(was))).max(axis=0)


def _noise(series: Floats) -> Floats:
    first = np.arange(COLUMNS) * len(series) // COLUMNS
    lengths = np.diff([*first, len(series)])
    means = np.add.reduceat(series, first) / lengths[:, None]
    return (series - np.repeat(means, lengths, axis=0)).std(axis=0)


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
