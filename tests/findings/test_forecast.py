"""Forecasts hold as often as they promise on trends that are simulated, and nothing is forecast where none is."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dgmtui.findings.forecast import forecast_arrival, forecasts
from dgmtui.findings.forecast.arrival import least_held
from dgmtui.findings.forecast.trend import lines
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording.model import Quantity

Series = Callable[[np.random.Generator, int], np.ndarray]


def noise(random: np.random.Generator, rows: int, memory: float = 0.0) -> np.ndarray:
    values = random.standard_normal(rows)
    for row in range(1, rows):
        values[row] += memory * values[row - 1]
    return values


TRENDS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Series, bool]] = {
    "a line": (lambda t: 10 + 0.3 * t, lambda random, rows: 2 * noise(random, rows), False),
    "a line, AR(0.7)": (lambda t: 10 + 0.3 * t, lambda random, rows: noise(random, rows, 0.7), False),
    "exponential": (lambda t: 0.03 * t, lambda random, rows: 0.1 * noise(random, rows), True),
    "exponential, AR(0.7)": (lambda t: 0.03 * t, lambda random, rows: 0.05 * noise(random, rows, 0.7), True),
    "a square root": (lambda t: 5 * np.sqrt(t), noise, False),
    "a falling line": (lambda t: 400 - 0.3 * t, lambda random, rows: 2 * noise(random, rows), False),
}
"""What it goes along, the noise around it, and whether its logarithm does."""
NOWHERE: dict[str, Series] = {
    "white": lambda random, rows: 50 + 2 * noise(random, rows),
    "AR(0.9)": lambda random, rows: 50 + 2 * noise(random, rows, 0.9),
    "random walk": lambda random, rows: 50 + np.cumsum(noise(random, rows)),
    "saturating": lambda random, rows: 80 * (1 - np.exp(-np.arange(rows) / 40)) + 0.5 * noise(random, rows),
    "saturating without noise": lambda random, rows: 80 * (1 - np.exp(-np.arange(rows) / 40)),
    "one jump": lambda random, rows: np.where(np.arange(rows) < rows - 3, 5.0, 40.0) + noise(random, rows),
}


def fared(name: str, seed: int) -> bool | None:
    """Whether the interval held when the trend's own level of some rows on was reached; None: nothing was forecast."""
    along, around, exponential = TRENDS[name]
    known, at = (100, 200)[seed % 2], np.arange(500)
    values = along(at.astype(float)) + around(np.random.default_rng(seed), 500)
    level = float(along(np.array([known * 1.125]))[0])
    if exponential:
        values, level = np.exp(values), math.exp(level)
    found = forecast_arrival(10 * at[:known], values[:known], level, DEFAULT)
    if found is None:
        return None
    later = values[known:]
    reached = later <= level if along(at)[-1] < along(at)[0] else later >= level
    return bool(found.earliest <= 10 * (known + int(reached.argmax())) <= found.latest)


def test_intervals_hold_as_often_as_they_promise() -> None:
    told = {name: [fared(name, seed) for seed in range(30)] for name in TRENDS}
    for name, each in told.items():
        assert sum(held is not None for held in each) >= 15, name
    judged = [held for each in told.values() for held in each if held is not None]
    assert sum(judged) / len(judged) >= DEFAULT.forecast_nominal - 0.05


@pytest.mark.parametrize("name", NOWHERE)
def test_nothing_is_forecast_where_nothing_arrives(name: str) -> None:
    found = []
    for seed in range(12):
        values = NOWHERE[name](np.random.default_rng(seed), 150)
        found.append(forecast_arrival(np.arange(150), values, float(values.max()) + 6, DEFAULT))
    assert sum(each is not None for each in found) <= (1 if name == "random walk" else 0)


def test_no_forecast_of_few_rows_or_of_what_is_not_finite() -> None:
    rising = np.linspace(1.0, 50.0, 23)
    assert forecast_arrival(np.arange(23), rising, 60.0, DEFAULT) is None
    assert forecast_arrival(np.arange(60), np.full(60, math.nan), 60.0, DEFAULT) is None
    assert forecast_arrival(np.arange(0), np.zeros(0), 60.0, DEFAULT) is None
    assert forecast_arrival(np.arange(60), np.linspace(1, 50, 60), math.inf, DEFAULT) is None


def test_the_forecast_tells_its_test_and_its_doubling() -> None:
    at, random = np.arange(200), np.random.default_rng(0)
    found = forecast_arrival(at, np.exp(0.02 * at + 0.02 * random.standard_normal(200)), math.exp(4.4), DEFAULT)
    assert found is not None and found.scale == "log"
    assert found.doubling == pytest.approx(math.log(2) / 0.02, rel=0.1)
    assert found.earliest <= 220 <= found.latest
    assert f"of {found.made} such forecasts made earlier in this run {found.held} held" in found.words


def test_slopes_are_medians_over_all_pairs() -> None:
    at, values = np.arange(12.0), np.random.default_rng(0).standard_normal(12)
    pairs = [(values[j] - values[i]) / (j - i) for i in range(12) for j in range(i + 1, 12)]
    fitted = lines(at, values, 12, np.array([11]), 1.96)
    assert fitted.slope[0] == pytest.approx(np.median(pairs))
    assert fitted.least[0] < fitted.slope[0] < fitted.most[0]


def test_a_share_that_chance_would_hardly_explain_does_not_stand() -> None:
    assert least_held(10, 0.9) in (8, 9) and least_held(24, 0.9) in (20, 21)
    assert least_held(100, 0.9) > 84


def growing(make: Any, plain: Any, greatest: np.ndarray) -> Any:
    def statistics(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(absmax=greatest[row]) if path == "a" and quantity == Quantity.WEIGHT_GRADIENT else None

    return make({"a": ("Linear", 4), "b": ("Linear", 4)}, np.exp(-np.arange(len(greatest)) / 50), statistics)


def test_a_gradient_that_grows_exponentially_is_on_its_way_to_overflow(synthetic: Any, plain: Any) -> None:
    noisy = 0.1 * np.random.default_rng(0).standard_normal(120)
    (found,) = forecasts(growing(synthetic, plain, np.exp(0.68 * np.arange(120) + noisy)))
    assert (found.kind, found.module, found.quantity) == ("divergence", "a", "weight_gradient")
    assert found.arrival.earliest <= math.log(3.4028e38) / 0.68 <= found.arrival.latest
    assert "doubling every 1 iterations" in found.sentence


def test_plain_noise_has_no_forecast(synthetic: Any, plain: Any) -> None:
    assert forecasts(growing(synthetic, plain, np.exp(np.random.default_rng(0).standard_normal(120)))) == ()


def test_a_shrinking_output_is_on_its_way_to_collapse(synthetic: Any, plain: Any) -> None:
    noisy = 0.05 * np.random.default_rng(0).standard_normal(120)
    spread = np.exp(-0.03 * np.arange(120) + noisy)

    def statistics(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(std=spread[row]) if quantity == Quantity.ACTIVATION else None

    (found,) = forecasts(synthetic({"g": ("Linear", 4)}, np.ones(120), statistics))
    assert (found.kind, found.module, found.what) == ("collapse", "g", "standard deviation")
    assert found.arrival.earliest <= math.log(100) / 0.03 <= found.arrival.latest + 10
