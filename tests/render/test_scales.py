"""Heights on a chart, against the formulas."""

import math

import numpy as np
import pytest

from dgmtui.render.scales import Axis


def test_linear_is_the_share_of_the_range() -> None:
    values = np.array([-2.0, 0.0, 6.0])
    assert Axis.fit(values).position(values).tolist() == [0.0, 0.25, 1.0]


def test_log_is_linear_in_the_exponent_and_holds_what_is_not_positive_at_the_bottom() -> None:
    values = np.array([1e-3, 1.0, 1e3, 0.0, -5.0])
    assert np.allclose(Axis.fit(values, "log").position(values), [0, 0.5, 1, 0, 0])


def test_symlog_follows_its_formula() -> None:
    values = np.array([-100.0, -1.0, 0.0, 3.0, 50.0])
    bend = float(np.percentile([100, 1, 3, 50], 25))
    bent = [math.copysign(math.log1p(abs(v) / bend), v) for v in values]
    expected = [(b - bent[0]) / (bent[-1] - bent[0]) for b in bent]
    assert np.allclose(Axis.fit(values, "symlog").position(values), expected)


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_a_label_says_the_value_at_its_height(scale: str) -> None:
    axis = Axis.fit(np.array([0.5, 3.0, 700.0]), scale)
    for height in (0.0, 0.3, 1.0):
        assert float(axis.position(np.array([axis.value(height)]))[0]) == pytest.approx(height, abs=1e-6)


def test_constants_lie_in_the_middle() -> None:
    assert Axis.fit(np.full(4, 7.0)).position(np.full(4, 7.0)).tolist() == [0.5] * 4


def test_the_whole_range_of_doubles_does_not_overflow() -> None:
    most = np.finfo(np.float64).max
    assert Axis.fit(np.array([-most, most])).position(np.array([-most, 0.0, most])).tolist() == [0.0, 0.5, 1.0]
