"""How well the sample shows all series: one function a line or two of the table, each beside the peers."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from table import BenchRow

from dgmtui.sampling import Sample, sample
from sampling import data, judge
from sampling.peers import PEERS
from sampling.trainings import TRAININGS

K, K_INK, K_LINES = 100, 50, 256
REPEATS = 5
ROUNDING = 1e-3
"""Dots: the algorithm works on float32 dots, the judge does not."""
Values = dict[str, list[float]]
"""By who chose the series; ``ours`` among them."""

MISSED_MOST = (
    "missed most: slow divergences, as crossing zero is one on symlog; tried: 2 to 12 common shapes, beside like "
    "noise or not, least scores of 1 to 3"
)


def fresh_seeds(count: int = REPEATS) -> list[int]:
    """From the operating system, so that nothing can be tuned to them."""
    return [int(s) for s in np.random.SeedSequence().generate_state(count)]


def row(
    what: str,
    values: Values,
    goal: str = "",
    met: bool | None = None,
    *,
    against: str = "farthest-point",
    of_ratio: bool = False,
    note: str = "",
) -> BenchRow:
    """Means over the repeats; one peer is in the columns, the others in the note."""
    mean = {who: float(np.mean(found)) for who, found in values.items() if len(found)}
    others = [f"{who} {value:.3g}" for who, value in mean.items() if who not in ("ours", against)]
    other = mean.get(against)
    ratio = mean["ours"] / other if other and of_ratio else None
    peer = against if other is not None else "–"
    return BenchRow(
        "sampling",
        what,
        mean["ours"],
        "",
        peer,
        other,
        ratio,
        goal,
        met,
        "; ".join([*others, *([note] if note else [])]),
    )


def cover_of(made: Sample) -> tuple[judge.Picks, NDArray[np.float64]]:
    """The picks of lane A, and their radii; without those that only fill up."""
    mine = np.array([lane == "cover" for lane in made.lanes]) & ~np.isnan(made.radii)
    return made.indices[mine], made.radii[mine]


def rows() -> Iterator[BenchRow]:
    """All but cost."""
    seeds = fresh_seeds()
    yield from settled(seeds)
    yield slight(seeds[:3])
    yield from recorded(seeds[:3])
    yield from nonfinite(seeds[0])
    yield from uniform(seeds)
    yield crowded(seeds)


class Recall:
    """How many of the planted outliers each way of choosing shows."""

    def __init__(self) -> None:
        self.values: Values = defaultdict(list)
        self.kinds: Values = defaultdict(list)
        """Ours, by kind."""
        self.planted: list[data.Planted] = []

    def add(self, planted: list[data.Planted], chosen: dict[str, judge.Picks]) -> None:
        """One set of series."""
        units = np.array([p.unit for p in planted])
        for who, picks in chosen.items():
            self.values[who].append(float(np.isin(units, picks).mean()))
        for each in planted:
            self.kinds[each.kind].append(float(each.unit in chosen["ours"]))
        self.planted += planted

    def row(self, what: str, goal: float | None, note: str = "") -> BenchRow:
        """Beside the peers, with ours by kind."""
        alone = [p.alone for p in self.planted]
        kinds = ", ".join(f"{kind} {np.mean(found):.2f}" for kind, found in self.kinds.items())
        sizes = f"{min(alone):.0f} to {max(alone):.0f} dots from the nearest other"
        met = None if goal is None else bool(np.mean(self.values["ours"]) >= goal)
        return row(
            what,
            self.values,
            "" if goal is None else f"≥ {goal}",
            met,
            note="; ".join(filter(None, [kinds, sizes, note])),
        )


def settled(seeds: Iterable[int]) -> Iterator[BenchRow]:
    """Settling curves with planted outliers: recall, cover radius, ink, spacing, directions."""
    recall = Recall()
    radius, ink, once, strict, direction = (defaultdict(list) for _ in range(5))
    by_cover_alone, excess, ends = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        series = data.settling(rng)
        planted = data.plant(series, rng)
        features = judge.features_of(series)
        points = judge.points_of(features)
        made, few = sample(series, K, seed=seed), sample(series, K_INK, seed=seed)
        chosen = {"ours": made.indices} | {who: choose(features, points, K, seed) for who, choose in PEERS.items()}
        fewer = {"ours": few.indices} | {who: choose(features, points, K_INK, seed) for who, choose in PEERS.items()}
        recall.add(planted, chosen)
        for who, picks in chosen.items():
            radius[who].append(judge.cover_radius(points, picks))
            direction[who].append(judge.direction_entropy(features, picks))
            for into, share in zip((ink, once), judge.ink(features, fewer[who]), strict=True):
                into[who].append(share)
            strict[who].append(judge.middles_near(features, fewer[who]))
        cover, radii = cover_of(made)
        as_many = chosen["farthest-point"][: len(cover)]
        by_cover_alone.append(judge.cover_radius(points, cover) / judge.cover_radius(points, as_many))
        found = spaced_in_whole_columns(seed)
        excess.append(found.least_excess)
        ends.append(found.at_round_ends)
    note = f"20k × 1000; seeds {', '.join(map(str, seeds))}"
    yield recall.row(f"recall of planted outliers, k = {K}", 0.9, note)
    ratio = np.mean(radius["ours"]) / np.mean(radius["farthest-point"])
    alone = f"lane A's picks alone ÷ as many of farthest-point: {np.mean(by_cover_alone):.3g}"
    what = "greatest distance to the nearest shown, dots"
    yield row(what, radius, "ratio ≤ 1.15", bool(ratio <= 1.15), of_ratio=True, note=alone)
    what = f"all series' ink within 3 dots of the shown, k = {K_INK}"
    yield row(what, ink, "≥ 0.96", bool(np.mean(ink["ours"]) >= 0.96), against="random")
    yield row("the same, a dot counting once however many cover it", once, against="random")
    yield row("the same by the columns' middles, no width", strict, against="random")
    yield from spaced("settling curves", excess, ends)
    ratio = np.mean(direction["ours"]) / np.mean(direction["random"])
    yield row("direction entropy", direction, "ratio ≥ 1.4", bool(ratio >= 1.4), against="random", of_ratio=True)


def slight(seeds: Iterable[int]) -> BenchRow:
    """Outliers that hardly are some: how the recall falls off."""
    recall = Recall()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        series = data.settling(rng)
        planted = data.plant(series, rng, slight=True)
        features = judge.features_of(series)
        points = judge.points_of(features)
        far = PEERS["farthest-point"](features, points, K, seed)
        recall.add(planted, {"ours": sample(series, K, seed=seed).indices, "farthest-point": far})
    return recall.row("recall of slight outliers: 15 to 22 dots from what they were", None)


def spaced_in_whole_columns(seed: int) -> judge.Spacing:
    """Of as many iterations as the judge's columns divide as the sampler's do, or distances would differ by the cut."""
    series = data.settling(np.random.default_rng(seed), steps=1024)
    cover, radii = cover_of(sample(series, K, seed=seed))
    return judge.spacing(judge.points_of(judge.features_of(series)), cover, radii)


def spaced(of: str, excess: list[float], ends: list[NDArray[np.float64]]) -> Iterator[BenchRow]:
    """Lane A is blue noise at every prefix."""
    met = min(excess) >= -ROUNDING
    what = f"least (spacing − radius) of every prefix, lane A, dots: {of}"
    yield row(what, {"ours": [min(excess)]}, f"≥ 0 (− {ROUNDING:g})", met)
    every = np.concatenate(ends)
    last = np.mean([e[-1] for e in ends])
    note = (
        f"{len(every)} round ends, their mean {every.mean():.3g}, greatest {every.max():.3g}; the last ones' {last:.3g}"
    )
    what = f"least spacing ÷ cover radius at round ends, lane A: {of}"
    yield row(what, {"ours": [float(every.min())]}, "≥ 0.78", bool(every.min() >= 0.78), note=note)


def recorded(seeds: Iterable[int]) -> Iterator[BenchRow]:
    """Outliers planted in real trainings, on symlog."""
    recalls = {(what, name): Recall() for what in ("weights", "gradients") for name in TRAININGS}
    for seed in seeds:
        for name, train in TRAININGS.items():
            for what, series in train(seed).items():
                rng = np.random.default_rng(seed)
                planted = data.plant(series, rng, "symlog")
                features = judge.features_of(series, "symlog")
                points = judge.points_of(features)
                made = sample(series, K, scale="symlog", seed=seed)
                chosen = {who: choose(features, points, K, seed) for who, choose in PEERS.items()}
                recalls[what, name].add(planted, {"ours": made.indices} | chosen)
    for (what, name), recall in recalls.items():
        goal, note = (0.95, MISSED_MOST) if what == "weights" else (0.8, "")
        yield recall.row(f"recall in recorded {what} of the {name}, symlog", goal, note)


class _Counted:
    """A table that counts the values that are read from it."""

    def __init__(self, series: NDArray[np.float32]) -> None:
        self.shape, self.dtype, self.read, self._series = series.shape, series.dtype, 0, series

    def __getitem__(self, key: Any) -> NDArray[np.float32]:
        part = self._series[key]
        self.read += part.size
        return part


def nonfinite(seed: int) -> Iterator[BenchRow]:
    """Some series become NaN or infinite, for good or for once."""
    rng = np.random.default_rng(seed)
    series = data.settling(rng, 20_000, 500)
    units = np.sort(rng.choice(20_000, 200, replace=False))
    steps = rng.integers(0, 500, len(units))
    for i, (unit, step) in enumerate(zip(units, steps, strict=True)):
        last = step + 1 if i % 2 else len(series)
        series[step:last, unit] = (np.nan, np.inf, -np.inf)[i % 3]
    expected = list(zip(units.tolist(), steps.tolist(), strict=True))
    counted = _Counted(series)
    made = sample(counted, K, seed=seed)
    share = len(set(expected) & set(made.nonfinite)) / len(expected)
    met = list(made.nonfinite) == expected and not set(units.tolist()) & set(made.indices.tolist())
    note = "200 of 20k, half of them for one step only; none invented, none among the k"
    yield row("non-finite series shown with their first step", {"ours": [share]}, "1", met, note=note)
    again = counted.read / series.size
    note = "one pass, and what finding the first steps reads again"
    yield row("values read for it ÷ all", {"ours": [again]}, "≤ 1.5, no extra pass", again <= 1.5, note=note)


def uniform(seeds: Iterable[int]) -> Iterator[BenchRow]:
    """Straight lines between uniform heights: the picks' spectrum over the square of the two heights."""
    third, half, inside = (defaultdict(list) for _ in range(3))
    counts, excess, ends = [], [], []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        heights = data.uniform_ends(rng)
        series = data.lines(heights)
        features = judge.features_of(series)
        points = judge.points_of(features)
        cover, radii = cover_of(sample(series, K_LINES, seed=seed))
        counts.append(len(cover))
        chosen = {"ours": cover} | {who: choose(features, points, len(cover), seed) for who, choose in PEERS.items()}
        for who, picks in chosen.items():
            third[who].append(judge.low_frequency_power(heights[picks], 1 / 3))
            half[who].append(judge.low_frequency_power(heights[picks], 1 / 2))
            inside[who].append(judge.low_frequency_power(heights[picks], 1 / 3, tapered=True))
        found = judge.spacing(points, cover, radii)
        excess.append(found.least_excess)
        ends.append(found.at_round_ends)
    ratio = np.mean(inside["ours"]) / np.mean(inside["random"])
    what = f"low-frequency power, uniform lines, k = {K_LINES}, without the square's edges (Hann)"
    note = f"below √n / 3; lane A only, {min(counts)} to {max(counts)} picks"
    yield row(what, inside, "ratio ≤ 0.12", bool(ratio <= 0.12), against="random", of_ratio=True, note=note)
    yield row(
        "the same with the edges, which all that keep their distance crowd", third, against="random", of_ratio=True
    )
    yield row("the same with the edges, below √n / 2", half, against="random", of_ratio=True)
    yield from spaced("uniform lines", excess, ends)


def crowded(seeds: Iterable[int]) -> BenchRow:
    """Straight lines of very uneven density over the square of their two heights."""
    cells = 16
    density: list[NDArray[np.float64]] = []
    exponents: Values = defaultdict(list)
    for seed in seeds:
        heights = data.crowded_ends(np.random.default_rng(seed))
        series = data.lines(heights)
        features = judge.features_of(series)
        points = judge.points_of(features)
        cover, _ = cover_of(sample(series, K_LINES, seed=seed))
        chosen = {"ours": cover} | {who: choose(features, points, len(cover), seed) for who, choose in PEERS.items()}
        bounds = np.linspace(0, 1, cells + 1)
        counts, *_ = np.histogram2d(*heights.T, (bounds, bounds))
        filled = counts > 0
        density.append(counts[filled])
        for who, picks in chosen.items():
            found, *_ = np.histogram2d(*heights[picks].T, (bounds, bounds))
            exponents[who].append(judge.density_exponent(counts[filled], found[filled]))
    met = bool(abs(np.mean(exponents["ours"])) <= 0.1)
    decades = np.log10([d.max() / d.min() for d in density]).min()
    note = f"lane A only, {cells}² cells over {decades:.1f} decades or more"
    what = "α of sampling rate ∝ density^α"
    return row(what, exponents, "|α| ≤ 0.1", met, against="random", note=note)
