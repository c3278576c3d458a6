import tracemalloc

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.errors import UsageError
from dgmtui.sampling import sample


def walks(seed, rows=200, count=500):
    return np.cumsum(np.random.default_rng(seed).standard_normal((rows, count), dtype=np.float32), axis=0)


@settings(max_examples=40)
@given(data=st.data(), rows=st.integers(1, 90), count=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_every_nonfinite_series_has_its_first_bad_row(data, rows, count, seed):
    series = np.random.default_rng(seed).standard_normal((rows, count)).astype(np.float32)
    places = st.tuples(st.integers(0, rows - 1), st.integers(0, count - 1), st.sampled_from([np.nan, np.inf, -np.inf]))
    for row, unit, value in data.draw(st.lists(places, max_size=12)):
        series[row, unit] = value
    start = data.draw(st.integers(0, rows - 1))
    stop = data.draw(st.integers(start + 1, rows))
    expected = []
    for unit in range(count):
        bad = [row for row in range(start, stop) if not np.isfinite(series[row, unit])]
        expected += [(unit, bad[0])] if bad else []
    made = sample(series, 5, window=(start, stop))
    assert list(made.nonfinite) == expected
    assert not {u for u, _ in expected} & set(made.indices.tolist())


def test_hdf5_equals_numpy_and_a_seed_decides(tmp_path):
    series = walks(1, 300, 9000)
    series[170, 8500] = np.nan
    with h5py.File(tmp_path / "s.h5", "w") as file:
        stored = file.create_dataset("s", data=series, chunks=(64, 1024))
        a, b = sample(stored, 40, window=(7, 251), seed=3), sample(series, 40, window=(7, 251), seed=3)
    assert np.array_equal(a.indices, b.indices)
    assert a.lanes == b.lanes
    assert a.nonfinite == b.nonfinite == ((8500, 170),)
    assert len(set(a.indices.tolist())) == len(a.lanes) == 40


def test_a_spike_a_shift_and_an_event_are_picked():
    series = walks(2, 640, 3000) * 0.05
    series[333, 17] += 8
    series[400:, 99] -= 9
    assert {17, 99} <= set(sample(series, 40).indices.tolist())


def test_memory_does_not_depend_on_the_number_of_rows(tmp_path):
    peaks = []
    with h5py.File(tmp_path / "s.h5", "w") as file:
        for rows in (1024, 8192):
            stored = file.create_dataset(str(rows), data=walks(3, rows, 2048), chunks=(64, 1024))
            tracemalloc.start()
            sample(stored, 20)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 + 1e6


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
@pytest.mark.parametrize(
    "series",
    [
        np.array([[1.7e308, -1.7e308, 5e-324]] * 3),
        np.full((3, 3), np.finfo(np.float32).max, np.float32) * np.array([[1, -1, 0]], np.float32),
        np.arange(40).reshape(2, 20),
        np.ones((1, 1)),
        np.linspace(-1, 1, 90).reshape(3, 30).astype(np.float16),
        np.full((5, 4), 5e-324),
    ],
)
def test_odd_numbers_give_a_sample(series, scale):
    made = sample(series, 8, scale=scale)
    assert len(made.indices) >= 1
    assert made.nonfinite == ()
    if series.shape[1] <= 8:
        assert sorted(made.indices.tolist()) == list(range(series.shape[1]))


def test_duplicates_need_one_line_and_nothing_needs_none():
    assert len(sample(np.zeros((9, 100)), 10).indices) == 1
    assert len(sample(np.full((9, 4), np.nan), 10).indices) == 0
    assert sample(np.full((9, 4), np.nan), 10).nonfinite == tuple((i, 0) for i in range(4))
    assert len(sample(np.zeros((4, 0)), 10).indices) == 0
    assert len(sample(np.zeros((0, 4)), 10).indices) == 0


def test_values_that_log_cannot_show_are_marked():
    series = np.abs(walks(4, 20, 6)) + 1
    series[3, 2] = 0
    assert sample(series, 6, scale="log").beyond == 1


@pytest.mark.parametrize(
    ("k", "options"),
    [(0, {}), (3, {"window": (5, 5)}), (3, {"window": (-1, 4)}), (3, {"window": (0, 21)}), (3, {"scale": "cubic"})],
)
def test_what_cannot_be_asked_is_said(k, options):
    with pytest.raises(UsageError, match=r"^[A-Z].*\.$"):
        sample(walks(0, 20, 6), k, **options)
