"""The backdrop of all series against counting them one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.sampling import Part, Sketch, bands, density, scale_for
from dgmtui.sampling.backdrop import BAND_SERIES


def columns_of(series):
    part = Part(series, np.arange(len(series), dtype=np.int64))
    made = Sketch([part], 0, len(series))
    made.read([part])
    return made.columns()


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(1, 120),
    count=st.integers(1, 30),
    kind=st.sampled_from(["linear", "log", "symlog"]),
    limited=st.booleans(),
)
def test_density_counts_the_series_that_pass_each_height(seed, rows, count, kind, limited):
    random = np.random.default_rng(seed)
    series = random.standard_normal((rows, count)).astype(np.float32) * 10
    series[random.random(series.shape) < 0.001] = np.inf
    made = columns_of(series)
    scale = scale_for(made, kind, (0.5, 9.0) if limited else None)
    if scale is None:
        return
    columns = len(made.edges) - 1
    expected = np.zeros((columns, 200), np.uint32)
    for unit in np.flatnonzero(made.usable):
        for column in range(columns):
            low, high = made.extremes[column, unit], made.extremes[columns + column, unit]
            if low <= scale.high and high >= scale.low:
                ends = scale.dots(np.array([low, high], np.float32))
                first, last = (min(int(end), 199) for end in ends)
                expected[column, first : last + 1] += 1
    np.testing.assert_array_equal(density(made, scale), expected)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 120), count=st.integers(1, 30))
def test_bands_are_percentiles_of_the_middles(seed, rows, count):
    series = np.random.default_rng(seed).standard_normal((rows, count)).astype(np.float32)
    series[0, 0] = np.nan
    made = columns_of(series)
    columns = len(made.edges) - 1
    found = bands(made)
    if count == 1:
        assert np.isnan(found).all()
        return
    middles = (made.extremes[:columns, 1:].astype(np.float64) + made.extremes[columns:, 1:]) / 2
    for column in range(columns):
        expected = np.percentile(middles[column], [5, 25, 50, 75, 95])
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-5, atol=1e-6)


def test_bands_of_very_many_series_are_those_of_some():
    series = np.random.default_rng(0).standard_normal((4, 3 * BAND_SERIES + 1)).astype(np.float32)
    np.testing.assert_allclose(
        bands(columns_of(series))[:, 0], np.percentile(series[0], [5, 25, 50, 75, 95]), atol=0.05
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 5e-324, 1.7e308, -1.7e308])
@pytest.mark.parametrize("kind", ["linear", "log", "symlog"])
def test_odd_numbers_have_a_backdrop(value, kind):
    made = columns_of(np.full((3, 2), value))
    scale = scale_for(made, kind)
    assert scale is not None
    assert density(made, scale).shape == (3, 200) and bands(made).shape == (5, 3)
