"""The rasteriser against a slow one written from its definition."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from dgmtui.render.braille import rasterise
from dgmtui.render.scales import SCALES, Axis

BITS = {(0, 0): 0x01, (1, 0): 0x02, (2, 0): 0x04, (3, 0): 0x40, (0, 1): 0x08, (1, 1): 0x10, (2, 1): 0x20, (3, 1): 0x80}


def slow_raster(
    heights: NDArray[np.floating], positions: NDArray[np.floating], width: int, height: int
) -> NDArray[np.uint8]:
    """Every dot from the lowest to the highest point of each polyline within each column, one column at a time."""
    cells = np.zeros((height, width), np.uint8)
    x = [float(p) * (width * 2 - 1) for p in positions]
    for line in heights.astype(float).tolist():
        for column in range(width * 2):
            reached = points_within(x, line, column - 0.5, column + 0.5)
            if not reached:
                continue
            first, last = (round((1 - y) * (height * 4 - 1)) for y in (max(reached), min(reached)))
            for dot in range(first, last + 1):
                cells[dot // 4, column // 2] |= BITS[dot % 4, column % 2]
    return cells


def points_within(x: list[float], y: list[float], start: float, stop: float) -> list[float]:
    """The extremes of a polyline between two places: its points there, and where its segments enter and leave."""
    found = [b for a, b in zip(x, y, strict=True) if start <= a < stop and math.isfinite(b)]
    for i in range(len(x) - 1):
        if not (math.isfinite(y[i]) and math.isfinite(y[i + 1])) or x[i] == x[i + 1]:
            continue
        for edge in (start, stop):
            if x[i] < edge <= x[i + 1]:
                share = (edge - x[i]) / (x[i + 1] - x[i])
                found.append(y[i] * (1 - share) + y[i + 1] * share)
    return found


def even(count: int) -> NDArray[np.float64]:
    return np.arange(count) / max(1, count - 1)


def dots(cells: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """``[height * 4, width * 2]``: the dots that a picture sets."""
    picture = np.zeros((cells.shape[0] * 4, cells.shape[1] * 2), bool)
    for (y, x), bit in BITS.items():
        picture[y::4, x::2] = cells & bit > 0
    return picture


def off_by_rounding(ours: NDArray[np.uint8], slow: NDArray[np.uint8]) -> bool:
    """Dots that differ, if any, are next to one that agrees: float32 and float64 may round a half differently."""
    a, b = dots(ours), dots(slow)
    grown = [np.pad(p, ((1, 1), (0, 0))) for p in (a, b)]
    near = [p[:-2] | p[1:-1] | p[2:] for p in grown]
    return bool((~a | near[1]).all() and (~b | near[0]).all())


@pytest.mark.parametrize("points", [1, 2, 7, 40, 41, 333])
def test_equals_the_slow_rasteriser(points: int) -> None:
    random = np.random.default_rng(points)
    heights = random.random((5, points)).astype(np.float32)
    heights[random.random((5, points)) < 0.05] = np.nan
    ours = rasterise(heights, even(points), 20, 6)
    assert off_by_rounding(ours.cells, slow_raster(heights, even(points), 20, 6))


@given(
    arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 30)),
        elements=st.floats(0, 1, width=32) | st.just(np.float32("nan")),
    ),
    st.integers(1, 12),
    st.integers(1, 5),
)
def test_equals_the_slow_rasteriser_on_anything(heights: NDArray[np.float32], width: int, height: int) -> None:
    positions = even(heights.shape[1])
    ours = rasterise(heights, positions, width, height)
    assert off_by_rounding(ours.cells, slow_raster(heights, positions, width, height))


@given(
    arrays.arrays(
        np.float64,
        st.tuples(st.integers(0, 4), st.integers(1, 40)),
        elements=st.floats(allow_nan=True, allow_infinity=True),
    ),
    st.sampled_from(SCALES),
)
def test_no_value_raises_or_warns(values: NDArray[np.float64], scale: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heights = Axis.fit(values, scale).position(values)
        raster = rasterise(heights, even(values.shape[1]), 10, 4)
    finite = np.isfinite(values)
    assert (np.isnan(heights) == ~finite).all()
    assert ((heights[finite] >= 0) & (heights[finite] <= 1)).all()
    assert (raster.cells > 0).any() == finite.any()


def test_a_line_is_connected_from_column_to_column() -> None:
    heights = np.array([[0.0, 1.0, 0.0, 1.0]], np.float32)
    picture = dots(rasterise(heights, even(4), 15, 8).cells)
    for left, right in zip(picture.T[:-1], picture.T[1:], strict=True):
        touching = np.pad(left, 1)[:-2] | np.pad(left, 1)[1:-1] | np.pad(left, 1)[2:]
        assert (touching & right).any()


def test_of_the_kinds_in_a_cell_the_greatest_shows() -> None:
    heights = np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 1.0]], np.float32)
    raster = rasterise(heights, even(2), 4, 3, np.array([3, 1, 2], np.uint8))
    assert set(raster.kinds[0]) == {2} and set(raster.kinds[1]) == {3} and set(raster.kinds[2]) == {0}


def test_an_empty_cell_is_a_space() -> None:
    raster = rasterise(np.array([[0.0, 0.0]], np.float32), even(2), 3, 2)
    assert raster.row(0) == "   "
    assert raster.row(1) == "⣀⣀⣀"


def test_a_segment_to_a_non_finite_value_is_not_drawn() -> None:
    heights = np.array([[0.0, 0.0, np.nan]], np.float32)
    picture = dots(rasterise(heights, even(3), 10, 1).cells)
    assert picture[3, :10].all() and not picture[:, 11:].any()
