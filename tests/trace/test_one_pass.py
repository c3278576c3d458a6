"""The kernel in C against NumPy in float64, and what it refuses."""

import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dgmtui.trace import one_pass

pytestmark = pytest.mark.skipif(one_pass.kernel is None, reason="no compiler was there when dgmtui was installed")

SHAPES = [(1,), (5,), (16,), (1000,), (128, 512), (7, 3), (3, 33), (40, 48), (2, 3, 5), (9, 17, 2), (64, 8, 7, 7)]
SHAPES += [(3, 2, 400, 11), (300, 20), (2, 100_000), (70, 3, 14, 14), (2, 300, 40), (9, 3, 1100), (133, 1111)]


def expected(values: Tensor, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Statistics ``[9]`` and series ``[3, U]``, element by element in float64."""
    numbers = values.double().numpy()
    by_unit = np.moveaxis(numbers, axis, 0).reshape(numbers.shape[axis], -1)
    statistics = [numbers.min(), numbers.max(), numbers.mean(), numbers.std(), np.abs(numbers).max()]
    series = [by_unit.mean(1), np.sqrt((by_unit**2).mean(1)), (by_unit == 0).mean(1)]
    return np.array([*statistics, (numbers == 0).mean(), 0, 0, 0]), np.array(series)


def a_tensor(shape: tuple[int, ...], dtype: torch.dtype, seed: int = 3) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).relu() - 0.25


def test_it_is_built_where_there_is_a_compiler() -> None:
    assert one_pass.kernel is not None or shutil.which("cc") is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("shape", "axis"), [(shape, axis) for shape in SHAPES for axis in range(len(shape))])
def test_it_measures_what_numpy_does(shape: tuple[int, ...], axis: int, dtype: torch.dtype) -> None:
    values = torch.where(a_tensor(shape, dtype) == -0.25, 0.0, a_tensor(shape, dtype))
    measured = one_pass.measure(values, axis)
    assert measured is not None
    statistics, series = expected(values, axis)
    rounding = 1e-5 * statistics[4]
    np.testing.assert_allclose(measured.statistics, statistics, rtol=1e-6, atol=rounding)
    np.testing.assert_array_equal(np.delete(measured.statistics, [2, 3]), np.delete(statistics, [2, 3]))
    np.testing.assert_allclose(measured.series, series, rtol=1e-5, atol=rounding)
    np.testing.assert_array_equal(measured.series[2], series[2].astype(np.float32))
    norms = one_pass.measure(values, axis, norms=True)
    assert norms is not None
    np.testing.assert_allclose(norms.series[0], np.sqrt(values.numel() / shape[axis]) * series[1], rtol=1e-5)


@given(
    rows=st.integers(1, 40),
    units=st.integers(1, 40),
    inside=st.integers(1, 40),
    numbers=st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-3, 250.0, -7.5]), min_size=1, max_size=9),
)
@settings(max_examples=60)
def test_whatever_the_shape_nothing_is_counted_twice(rows: int, units: int, inside: int, numbers: list[float]) -> None:
    values = torch.tensor(numbers).repeat(rows * units * inside)[: rows * units * inside].reshape(rows, units, inside)
    measured = one_pass.measure(values, 1)
    assert measured is not None
    statistics, series = expected(values, 1)
    np.testing.assert_allclose(measured.statistics, statistics, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(measured.series, series, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("place", [0, 15, 16, 99, 1023])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_found_and_left_to_others(dtype: torch.dtype, place: int, bad: float) -> None:
    values = torch.ones(1024, dtype=dtype)
    assert one_pass.is_finite(values) is True
    values[place] = bad
    assert one_pass.is_finite(values) is False
    assert one_pass.measure(values.reshape(32, 32), 1) is None


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_squares_beyond_the_range_are_left_to_others(scale: float) -> None:
    values = torch.ones(4, 40) * scale
    assert one_pass.is_finite(values) is True
    assert one_pass.measure(values, 1) is None


def test_a_difference_is_measured_and_what_was_subtracted_renewed() -> None:
    before, now = a_tensor((24, 35), torch.float32, 1), a_tensor((24, 35), torch.float32, 2)
    statistics, series = expected(now - before, 0)
    kept = before.clone()
    measured = one_pass.measure(now, 0, less=before)
    assert measured is not None
    np.testing.assert_allclose(measured.statistics, statistics, rtol=1e-6, atol=1e-6)
    assert torch.equal(before, kept)
    again = one_pass.measure(now, 0, less=before, renew=True, norms=True)
    assert again is not None and torch.equal(before, now)
    np.testing.assert_allclose(again.series[0], series[1] * 35**0.5, rtol=1e-5)
    assert again.bits_sum == one_pass.bits_sum(now)


def test_what_is_refused_renews_nothing() -> None:
    before, now = torch.zeros(5, 5), torch.full((5, 5), float("nan"))
    assert one_pass.measure(now, 0, less=before, renew=True) is None
    assert torch.equal(before, torch.zeros(5, 5))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_sum_of_bits_is_that_of_the_integers(dtype: torch.dtype) -> None:
    values = a_tensor((77, 13), dtype)
    values[0, 0] = float("nan")
    bits = values.numpy().view(np.uint32 if dtype == torch.float32 else np.uint64)
    assert one_pass.bits_sum(values) == int(bits.sum(dtype=bits.dtype))


def test_channels_that_lie_last_are_units_too() -> None:
    values = a_tensor((4, 20, 6, 5), torch.float32).to(memory_format=torch.channels_last)
    measured = one_pass.measure(values, 1)
    assert measured is not None
    statistics, series = expected(values, 1)
    np.testing.assert_allclose(measured.statistics, statistics, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(measured.series, series, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        lambda: torch.ones(3, dtype=torch.float16),
        lambda: torch.ones(3, dtype=torch.int64),
        lambda: torch.ones(3, dtype=torch.complex64),
        lambda: torch.empty(0),
        lambda: torch.ones(4, 4).t()[:, :3],
        lambda: torch.ones(3, device="meta"),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.ones(3, dtype=torch.complex64).conj().imag,
    ],
)
def test_what_it_can_not_take_it_leaves_to_others(other: Callable[[], Tensor]) -> None:
    assert one_pass.measure(other(), 0) is None
    assert one_pass.is_finite(other()) is None
    assert one_pass.bits_sum(other()) is None
