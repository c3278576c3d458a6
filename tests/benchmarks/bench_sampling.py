"""The measures of the sampling, beside random picks and farthest-point; data are made from fresh seeds."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from table import BenchRow  # noqa: E402

from dgmtui.sampling import sample  # noqa: E402
from dgmtui.sampling.cover import direction_counts, entropy  # noqa: E402
from dgmtui.sampling.distance import Space  # noqa: E402
from dgmtui.sampling.scale import fit_scale, to_dots  # noqa: E402
from dgmtui.sampling.sketch import sketch  # noqa: E402

K, UNITS, STEPS, PLANTED = 100, 20_000, 1000, 20


def family(seed):
    """``[T, N]`` settling series of a few kinds with noise, and the indices of the planted outliers."""
    rng = np.random.default_rng(seed)
    time_ = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    kind = rng.integers(0, 5, UNITS)
    level = (rng.normal(0, 0.3, UNITS) + kind * 0.5).astype(np.float32)
    rate = rng.uniform(1, 8, UNITS).astype(np.float32)
    series = level * (1 - np.exp(-rate * time_))
    noise = (0.05 * rng.lognormal(0, 0.5, UNITS)).astype(np.float32)
    series += noise * rng.standard_normal(series.shape, dtype=np.float32)
    units = rng.choice(UNITS, PLANTED, replace=False)
    for i, unit in enumerate(units):
        at, sign = int(rng.integers(100, 900)), rng.choice([-1.0, 1.0])
        if i % 4 == 0:
            series[at : at + 3, unit] += sign * rng.uniform(0.6, 1.5)
        elif i % 4 == 1:
            series[at:, unit] += sign * rng.uniform(0.6, 1.5)
        elif i % 4 == 2:
            series[at:, unit] += sign * rng.uniform(1, 2) * (time_[at:, 0] - time_[at, 0]) / (1 - time_[at, 0])
        else:
            series[:, unit] += sign * rng.uniform(0.6, 1.5) * np.exp(3 * (time_[:, 0] - 1))
    return series, units


def space_of(series):
    made = sketch(series, 0, len(series)).extremes
    return Space(to_dots(made, fit_scale("linear", made)))


def farthest_point(space, k):
    picks = [int(space.norms.argmin())]
    gaps = space.squared(np.array(picks))[0]
    while len(picks) < k:
        picks.append(int(gaps.argmax()))
        gaps = np.minimum(gaps, space.squared(np.array(picks[-1:]))[0])
    return np.array(picks)


def cover_radius(space, picks):
    return float(np.sqrt(space.squared(picks).min(axis=0).max()))


def ink(space, picks, dots=3):
    """Share of all series' column middles that lie within ``dots`` of a shown one's."""
    some = np.arange(0, space.count, 10)
    middles, shown = space.middles(some), np.sort(space.middles(picks), axis=1)
    near = 0.0
    for row, lines in zip(middles, shown, strict=True):
        place = np.clip(np.searchsorted(lines, row), 1, len(lines) - 1)
        near += (np.minimum(abs(row - lines[place]), abs(row - lines[place - 1])) <= dots).mean()
    return near / len(middles)


def directions(space, picks):
    return float(entropy(direction_counts(space.middles(picks)).sum(axis=0)))


def rows() -> Iterable[BenchRow]:
    seeds = [int(s) for s in np.random.SeedSequence().generate_state(5)]
    names = ("recall", "cover", "ink", "spacing", "direction")
    ours, far, chance = ({n: [] for n in names} for _ in range(3))
    for seed in seeds:
        series, planted = family(seed)
        made, space = sample(series, K, seed=seed), space_of(series)
        picks = {"ours": made.indices, "far": farthest_point(space, K)}
        picks["chance"] = np.random.default_rng(seed).choice(UNITS, K, replace=False)
        for into, chosen in ((ours, picks["ours"]), (far, picks["far"]), (chance, picks["chance"])):
            into["recall"].append(np.isin(planted, chosen).mean())
            into["cover"].append(cover_radius(space, chosen))
            shown = sample(series, 50, seed=seed).indices if into is ours else chosen[:50]
            into["ink"].append(ink(space, shown))
            into["direction"].append(directions(space, chosen))
        cover = made.indices[np.array(made.lanes) == "cover"]
        points = space.exact(cover)
        gaps = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
        ours["spacing"].append(gaps[~np.eye(len(cover), dtype=bool)].min() / cover_radius(space, cover))
    mean = {n: float(np.mean(ours[n])) for n in names}
    note = f"20k x 1000, k = 100, seeds {', '.join(map(str, seeds))}"
    recall = [float(np.mean(p["recall"])) for p in (far, chance)]
    yield row(
        "recall of planted outliers",
        mean["recall"],
        "farthest-point",
        recall[0],
        "≥ 0.90",
        mean["recall"] >= 0.9,
        f"random {recall[1]:.3g}; {note}",
    )
    ratio = mean["cover"] / float(np.mean(far["cover"]))
    yield row(
        "cover radius (dots)",
        mean["cover"],
        "farthest-point",
        float(np.mean(far["cover"])),
        "ratio ≤ 1.15",
        ratio <= 1.15,
        f"random {np.mean(chance['cover']):.3g}",
    )
    yield row(
        "ink within 3 dots, k = 50",
        mean["ink"],
        "random",
        float(np.mean(chance["ink"])),
        "≥ 0.96",
        mean["ink"] >= 0.96,
        f"farthest-point {np.mean(far['ink']):.3g}",
    )
    yield row(
        "cover lane: spacing ÷ cover radius",
        mean["spacing"],
        "–",
        None,
        "≥ 0.78",
        mean["spacing"] >= 0.78,
        "at the end of the lane, which need not be a round's end",
    )
    against = float(np.mean(chance["direction"]))
    yield row(
        "direction entropy", mean["direction"], "random", against, "ratio ≥ 1.4", mean["direction"] >= 1.4 * against
    )
    yield from cost()


def row(what, value, peer, other, goal, met, note=""):
    return BenchRow("sampling", what, value, "", peer, other, value / other if other else None, goal, bool(met), note)


def cost() -> Iterable[BenchRow]:
    """CPU seconds of a sample of an HDF5 dataset, beside reading it once into float32."""
    import tempfile

    import h5py

    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder, h5py.File(Path(folder) / "s.h5", "w") as file:
        stored = file.create_dataset("s", (1000, 100_000), "f4", chunks=(64, 1024))
        for at in range(0, 1000, 64):
            stored[at : at + 64] = rng.standard_normal((min(64, 1000 - at), 100_000), dtype=np.float32)
        began = time.process_time()
        stored[:]
        read = time.process_time() - began
        began = time.process_time()
        sample(stored, 40)
        spent = time.process_time() - began
    yield BenchRow(
        "sampling",
        "CPU time, 1e5 x 1e3 in HDF5",
        spent,
        "s",
        "reading it",
        read,
        spent / read,
        "ratio ≤ 1.5",
        spent / read <= 1.5,
        "the goal is for N = 1e6; fixed costs weigh more here",
    )
