"""The series that are sampled: settling curves with noise, straight lines, and outliers planted in any series.

How great an outlier is made: a person who sees the series next to its like should call it one. So, in the reference
chart of 400 × 200 dots, in which all series and all that is planted have room,

- it deviates from what it was by at least 8 times its own noise (the standard deviation about its column's mean);
- from *every* series that nothing was planted in, it is at least 15 dots away at some column's minimum or maximum, and
  further than 999 of 1000 such series are from their nearest: real data have outliers of their own;
- as far from all others that were planted, or one of them would do for both.

From there it is up to half as much again, at random. Nothing is planted in the noisiest tenth, whose 8 noises would
stretch the chart for all. ``slight`` ones only move 15 to 22 dots from what they were, and may look like others.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from sampling.judge import COLUMNS, HEIGHT, Floats, chart_of, extremes

LEAST_NOISES, LEAST_DOTS, UP_TO = 8.0, 15.0, 1.5
GROWN, STEPS, TRIES = 1.12, 60, 10
"""A height grows by this factor, so often at most; then, or where one like it is planted, another is drawn. After so
many of them it grows past those that are planted."""
SOME, RARE = 4000, 0.001
"""How many series are looked at for what is usual, and the share of them that may lie further from their nearest."""
Series = NDArray[np.float32]
KINDS: dict[str, Callable[[Floats, np.random.Generator], Floats]] = {
    "spike": lambda t, rng: _spike(t, rng.uniform(0.1, 0.9)),
    "shift": lambda t, rng: (t >= rng.uniform(0.1, 0.9)).astype(np.float64),
    "slope": lambda t, rng: _slope(t, rng.uniform(0.1, 0.9)),
    "divergence": lambda t, rng: np.exp(rng.uniform(2, 8) * (t - 1)),
}
"""A deviation of height 1, by time in 0 to 1."""


def _spike(time: Floats, at: float) -> Floats:
    shape, start = np.zeros(len(time)), int(at * len(time))
    shape[start : start + 3] = 1
    return shape


def _slope(time: Floats, at: float) -> Floats:
    return np.maximum(time - at, 0) / (1 - at)


@dataclass(frozen=True)
class Planted:
    """One outlier."""

    unit: int
    kind: str
    dots: float
    """From what it was, at the column's end that moves most, in the final chart."""
    alone: float
    """From the nearest series as it was, likewise."""
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
    field = _Field(series, rng, scale, slight)
    room = 1.0
    while True:  # All that is planted needs room: the chart may become greater, and a dot a smaller part of it.
        room *= 0.93
        places: dict[int, Floats] = {}
        made = [field.draw(list(KINDS)[i % len(KINDS)], places, room) for i in range(count)]
        low, high = min(p.min() for p in places.values()), max(p.max() for p in places.values())
        final = HEIGHT / (max(high, HEIGHT) - min(low, 0.0))
        if final >= room:
            break
    for planted, values in made:
        series[:, planted.unit] = values
    return [replace(p, dots=p.dots * final, alone=p.alone * final) for p, _ in made]


class _Field:
    """What outliers are planted in, and how far apart from it they must be."""

    def __init__(self, series: Series, rng: np.random.Generator, scale: str, slight: bool) -> None:
        found = extremes(series)
        self.series, self.rng, self.slight = series, rng, slight
        self.time = np.linspace(0, 1, len(series))
        self.chart, self.noise = chart_of(found, scale), _noise(series)
        self.quiet = np.flatnonzero(self.noise <= np.percentile(self.noise, 90))
        self.dots = self.chart.dots(found).astype(np.float32)
        self.least = LEAST_DOTS if slight else max(LEAST_DOTS, _usual_distance(self.dots.astype(np.float64), rng))

    def draw(self, kind: str, places: dict[int, Floats], room: float) -> tuple[Planted, Series]:
        """One more, which goes to ``places``, and its values."""
        tries = 0
        while True:
            tries += 1
            unit = int(self.rng.choice(self.quiet))
            among = [p for u, p in places.items() if u != unit]
            found = None if unit in places else self._grown(kind, unit, among if tries > TRIES else [], room)
            if found is None:
                continue
            planted, values, place = found
            if self.slight or min((_apart(p, place) for p in among), default=np.inf) >= self.least / room:
                places[unit] = place
                return planted, values

    def _grown(self, kind: str, unit: int, among: list[Floats], room: float) -> tuple[Planted, Series, Floats] | None:
        was, sign = self.series[:, unit].astype(np.float64), self.rng.choice([-1.0, 1.0])
        shape, noise = sign * KINDS[kind](self.time, self.rng), float(self.noise[unit])
        height = max(LEAST_NOISES * self.rng.uniform(1, UP_TO) * noise, self.chart.value_of(5))
        wanted = self.least * self.rng.uniform(1, UP_TO) / room
        for _ in range(STEPS):
            values = (was + height * shape).astype(np.float32)
            place = self.chart.dots(extremes(values))
            moved = _apart(place, self.dots[:, unit])
            # What it was is one of all, so that it is never further from all than from that.
            near = min([moved, *(_apart(p, place) for p in among)]) < wanted
            alone = 0.0 if near else self._alone(place)
            if not near and (self.slight or alone >= wanted):
                return Planted(unit, kind, moved, alone, height / noise if noise else np.inf), values, place
            height *= GROWN
        return None

    def _alone(self, place: Floats) -> float:
        return float(np.abs(self.dots - place[:, None].astype(np.float32)).max(axis=0).min())


def _apart(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    return float(np.abs(a - b).max())


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
