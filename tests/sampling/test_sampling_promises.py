"""What a sample promises, seen from outside: through ``sample`` alone, against brute force."""

import tracemalloc

import h5py
import numpy as np
import pytest

from dgmtui.sampling import sample

COLUMNS, HEIGHT = 32, 200
"""Of 256 rows, which are cut in columns of 8 both here and there."""


def walks(seed, rows=256, count=1500):
    return np.cumsum(np.random.default_rng(seed).standard_normal((rows, count), dtype=np.float32), axis=0)


def with_outliers(seed):
    series = walks(seed)
    series[100:103, 7] += 30
    series[160:, 8] -= 70
    series[:, 9] = np.resize([-40, 40], len(series))
    return series


def distances(series, picks):
    """Of all pairs of ``picks``, in dots of the chart of all ``series``; D² as it is specified, pair by pair."""
    exact = series.astype(np.float64)
    dots = (exact - exact.min()) / np.ptp(exact) * HEIGHT
    columns = np.array_split(dots[:, picks], COLUMNS)
    low, high = (np.array([end(c, axis=0) for c in columns]) for end in (np.min, np.max))
    middle = (low + high) / 2
    out = []
    for one in range(len(picks)):
        ends = ((low - low[:, [one]]) ** 2 + (high - high[:, [one]]) ** 2).sum(axis=0) / 2
        steps = (np.diff(middle - middle[:, [one]], axis=0) ** 2).sum(axis=0) / 12
        out.append(np.sqrt((ends + steps) / COLUMNS))
    return np.array(out)


@pytest.mark.parametrize("seed", range(3))
def test_every_prefix_is_spaced_by_its_radius_beside_the_other_lanes(seed):
    series = with_outliers(seed)
    made = sample(series, 80, seed=seed)
    assert "cover" in made.lanes
    cover = np.array([lane == "cover" for lane in made.lanes])
    assert np.isnan(made.radii[~cover]).all()
    radii, gaps = made.radii[cover], distances(series, made.indices[cover])
    for n in range(1, len(radii)):
        assert gaps[n, :n].min() >= radii[n] - 1e-3, n
        assert radii[n] <= radii[n - 1]


def test_the_cover_is_within_reach_of_all_series():
    series = walks(4, count=400)
    made = sample(series, 60)
    cover = np.array([lane == "cover" for lane in made.lanes])
    farthest = distances(series, np.arange(400))[:, made.indices[cover]].min(axis=1).max()
    # A round's radius is a part of the greatest gap that was left, so no gap is much greater than the last one.
    assert farthest <= made.radii[cover][-1] * 1.5


@pytest.mark.parametrize("window", [None, (65, 300), (130, 140)])
def test_nonfinite_series_in_a_file_have_their_first_bad_row(tmp_path, window):
    rng = np.random.default_rng(5)
    series = walks(5, 320, 2500)
    start, stop = window or (0, len(series))
    # On both sides of the borders of chunks, and at random.
    units = np.unique(np.concatenate([[0, 1023, 1024, 2047, 2048, 2499], rng.integers(0, 2500, 40)]))
    rows = rng.integers(0, len(series), len(units))
    rows[:6] = [0, 63, 64, 127, 128, 319]
    for i, (unit, row) in enumerate(zip(units, rows, strict=True)):
        series[row : len(series) if i % 2 else row + 1, unit] = (np.nan, np.inf, -np.inf)[i % 3]
    bad = ~np.isfinite(series[start:stop])
    expected = [(int(u), start + int(bad[:, u].argmax())) for u in np.flatnonzero(bad.any(axis=0))]
    assert expected
    with h5py.File(tmp_path / "s.h5", "w") as file:
        stored = file.create_dataset("s", data=series, chunks=(64, 1024))
        made = sample(stored, 30, window=window)
    assert list(made.nonfinite) == expected
    assert not {unit for unit, _ in expected} & set(made.indices.tolist())


def test_a_seed_decides_and_another_one_decides_otherwise():
    series = with_outliers(6)
    first, again, other = (sample(series, 60, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.indices, again.indices)
    assert np.array_equal(first.radii, again.radii, equal_nan=True)
    assert first.lanes == again.lanes
    assert first.nonfinite == again.nonfinite
    assert not np.array_equal(first.indices, other.indices)


def test_memory_grows_by_three_sketches_of_the_series_at_most():
    peaks, counts = [], (30_000, 90_000)
    for count in counts:
        series = np.random.default_rng(7).standard_normal((64, count), dtype=np.float32)
        tracemalloc.start()
        sample(series, 20)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] <= 12 * COLUMNS * (counts[1] - counts[0])
    assert peaks[1] <= 12 * COLUMNS * counts[1] + 150e6
