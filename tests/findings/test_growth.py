"""Whose growth leads: the rule against its slow reading, and planted growth found at its iteration."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dgmtui.findings.causes.onset import left_its_past, rows_where_left
from dgmtui.findings.layers.growth import growth_of
from dgmtui.recording.model import Measure, Quantity

ROWS = arrays.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.integers(0, 40))


@given(values=ROWS, least=st.integers(1, 4), holes=st.sets(st.integers(0, 47)))
def test_many_series_at_once_as_one_by_one(values: np.ndarray, least: int, holes: set[int]) -> None:
    for hole in holes:
        values.reshape(-1)[hole % values.size] = [math.nan, math.inf][hole % 2]
    found = rows_where_left(values, 2.0, least)
    for unit, row in enumerate(found.tolist()):
        assert (None if row < 0 else row) == left_its_past(values[:, unit], 2.0, least)


@given(values=ROWS)
def test_a_margin_is_kept_from_the_row_on(values: np.ndarray) -> None:
    plain, found = rows_where_left(values, 2.0, 3), rows_where_left(values, 2.0, 3, 1.1)
    for unit, row in enumerate(found.tolist()):
        assert (row < 0) == (plain[unit] < 0)
        if row >= 0:
            was = values[: plain[unit], unit].max()
            assert (
                row >= plain[unit]
                and (values[row:, unit] > 1.1 * was).all()
                and values[row - 1 :, unit].min() <= 1.1 * was
            )


def recording_of(synthetic: Any, activation: np.ndarray, weight: np.ndarray) -> Any:
    units = activation.shape[2]
    types = {f"l{i}": ("Linear", units) for i in range(len(activation))}
    series = {(f"l{i}", Quantity.ACTIVATION, Measure.RMS): activation[i] for i in range(len(activation))}
    series |= {(f"l{i}", Quantity.WEIGHT, Measure.NORM): weight[i] for i in range(len(weight))}
    return synthetic(
        types, np.ones(activation.shape[1]), series=series, quantities=(Quantity.ACTIVATION, Quantity.WEIGHT)
    )


@pytest.fixture
def planted(synthetic: Any) -> Any:
    """Weight l1[2] grows by 5 % a row from row 60, its activation from 64, l2[0]'s activation from 70 by 8 %."""
    noise = np.random.default_rng(0)
    activation = 1 + 0.05 * noise.standard_normal((3, 120, 4))
    weight = 1 + 0.01 * noise.standard_normal((3, 120, 4))
    weight[1, 60:, 2] *= 1.05 ** np.arange(1, 61)
    activation[1, 64:, 2] *= 1.05 ** np.arange(1, 57)
    activation[2, 70:, 0] *= 1.08 ** np.arange(1, 51)
    return recording_of(synthetic, activation, weight)


def test_the_leader_is_what_left_its_past_first(planted: Any) -> None:
    found = growth_of(planted, 119)
    assert [(g.module, g.quantity, g.unit) for g in found.growing] == [
        ("l1", Quantity.WEIGHT, 2), ("l1", Quantity.ACTIVATION, 2), ("l2", Quantity.ACTIVATION, 0),
    ]  # fmt: skip
    leader = found.growing[0]
    assert 60 <= leader.onset <= 63 and leader.doubling == pytest.approx(math.log(2) / math.log(1.05), rel=0.15)
    assert found.looked_at == 24
    assert growth_of(planted, 59).growing == ()


def test_of_those_that_left_together_weights_come_first_then_the_steepest(synthetic: Any) -> None:
    activation, weight = np.ones((2, 60, 3)), np.ones((2, 60, 3))
    rise = np.arange(1, 31)
    activation[0, 30:, 1] *= 1.5**rise
    weight[1, 30:, 0] *= 1.2**rise
    weight[1, 30:, 2] *= 1.3**rise
    found = growth_of(recording_of(synthetic, activation, weight), 59)
    assert [(g.module, g.quantity, g.unit) for g in found.growing] == [
        ("l1", Quantity.WEIGHT, 2), ("l1", Quantity.WEIGHT, 0), ("l0", Quantity.ACTIVATION, 1),
    ]  # fmt: skip


def test_what_became_nonfinite_counts_by_its_last_finite_value(synthetic: Any) -> None:
    activation, weight = np.ones((1, 40, 2)), np.ones((1, 40, 2))
    activation[0, 20:, 1] = 10.0 ** np.arange(1, 21)
    activation[0, 39, 1] = math.inf
    activation[0, :, 0] = math.nan
    found = growth_of(recording_of(synthetic, activation, weight), 39)
    assert [(g.unit, g.onset, g.last) for g in found.growing] == [(1, 20, 38)]
    assert found.growing[0].now == pytest.approx(1e19, rel=1e-6)
