"""Statistics, unit axes and layouts against plain definitions."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.trace import one_pass
from dgmtui.trace.statistics import merge_statistics, statistics_of
from dgmtui.trace.tensors import laid_out_as, meta_of
from dgmtui.trace.units import unit_axis


@pytest.fixture(autouse=True, scope="module", params=["in one pass", "operation by operation"])
def _way(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "operation by operation":
            patch.setattr(one_pass, "kernel", None)
        yield


values = st.lists(
    st.floats(-1e3, 1e3, width=32) | st.sampled_from([0.0, math.nan, math.inf, -math.inf]), min_size=1, max_size=30
)


def plain(numbers: list[float]) -> list[float]:
    a = np.array(numbers, np.float64)
    finite = a[np.isfinite(a)]
    of_finite = [math.nan] * 5
    if finite.size:
        of_finite = [finite.min(), finite.max(), finite.mean(), finite.std(), np.abs(finite).max()]
    return [*of_finite, (a == 0).mean(), np.isnan(a).sum(), np.isposinf(a).sum(), np.isneginf(a).sum()]


@given(values)
def test_statistics(numbers: list[float]) -> None:
    found = statistics_of(torch.tensor(numbers, dtype=torch.float32))
    np.testing.assert_allclose(found, plain([float(np.float32(v)) for v in numbers]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("mean", "deviation"), [(1e4, 1e-2), (0.0, 1.0), (1e30, 1e29), (-5.0, 0.0), (0.4, 0.6)])
def test_neither_cancellation_nor_overflow_spoils_the_deviation(mean: float, deviation: float) -> None:
    t = torch.tensor(mean, dtype=torch.float32) + deviation * torch.randn(64, 33)
    found, expected = statistics_of(t), plain(t.double().flatten().tolist())
    np.testing.assert_allclose(found[2:4], expected[2:4], rtol=1e-5, atol=1e-7)


@given(st.lists(values, min_size=1, max_size=4))
def test_merged_statistics_are_those_of_the_concatenation(parts: list[list[float]]) -> None:
    merged = merge_statistics([np.array(plain(part)) for part in parts], [len(part) for part in parts])
    np.testing.assert_allclose(merged, plain([v for part in parts for v in part]), rtol=1e-6, atol=1e-6)


def test_statistics_of_other_dtypes() -> None:
    assert statistics_of(torch.tensor([1, 0, 3]))[[0, 1, 5]].tolist() == [0, 3, pytest.approx(1 / 3)]
    assert statistics_of(torch.tensor([6e4, 6e4], dtype=torch.float16))[2] == pytest.approx(6e4, rel=1e-3)
    assert math.isnan(statistics_of(torch.empty(0))[0])
    assert statistics_of(torch.tensor([3e38, 3e38]))[[1, 6, 7]].tolist() == [pytest.approx(3e38), 0, 0]


@pytest.mark.parametrize(
    ("shape", "type_", "axis"),
    [
        ((8, 3), "Linear", 1),
        ((8, 7, 3), "Linear", 2),
        ((7, 8, 3), "LSTM", 2),
        ((8, 4, 5, 5), "Conv2d", 1),
        ((8, 4, 9), "Conv1d", 1),
        ((4, 5, 5), "Conv2d", 0),
        ((8, 4, 5, 5), "ReLU", 1),
        ((8, 5, 5, 4), "LayerNorm", 3),
        ((8, 4, 9), "BatchNorm1d", 1),
        ((8, 4), "BatchNorm1d", 1),
        ((8,), "Linear", None),
        ((), "", None),
    ],
)
def test_unit_axis(shape: tuple[int, ...], type_: str, axis: int | None) -> None:
    assert unit_axis(shape, type_) == axis


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        lambda: torch.randn(4, 3).t(),
        lambda: torch.randn(6, 6)[::2, 1::2],
        lambda: torch.randn(3, 1).expand(3, 5),
        lambda: torch.randn(()),
        lambda: torch.randn(0, 4),
    ],
    ids=["channels last", "transposed", "gaps", "expanded", "scalar", "empty"],
)
def test_copies_are_laid_out_alike(make: object) -> None:
    t = make()  # type: ignore[operator]
    copy = laid_out_as(t.contiguous(), meta_of(t))
    assert torch.equal(copy, t)
    assert copy.stride() == t.stride()
