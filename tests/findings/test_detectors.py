import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.findings import DETECTORS, diagnose
from dgmtui.findings.causes.onset import left_its_past
from dgmtui.findings.registry import detector
from dgmtui.recording.model import Measure, Quantity

Make = Callable[..., Any]


def graph_json(operations: list[dict[str, Any]], calls: list[list[Any]]) -> str:
    meta = ["float32", [8, 4], [4, 1], "cpu", False]
    nodes = [{"outs": [meta], "call": -1, "source": 0} | operation for operation in operations]
    outside = [{"name": "input:x", "kind": "input", "meta": meta, "origin": "argument 0"}]
    return json.dumps(
        {
            "version": 1,
            "torch_version": "",
            "signature": "",
            "loss": {"n": len(nodes) - 1},
            "outside": outside,
            "calls": calls,
            "sources": [["train.py", 7, "forward", "y = torch.exp(-v)"]],
            "nodes": nodes,
        }
    )


def kinds(recording: Any) -> list[str]:
    return [finding.kind for finding in diagnose(recording)]


def falling(count: int) -> np.ndarray:
    return 2.0 * np.exp(-np.arange(count) / (count / 4))


def relu_network(make: Make, zeros: np.ndarray, losses: np.ndarray) -> Any:
    graph = graph_json(
        [{"op": "aten.mm.default", "args": [{"x": "input:x"}]}, {"op": "aten.relu.default", "args": [{"n": 0}]}],
        [
            ["lin", "Linear", 0, -1, [{"x": "input:x"}], [{"n": 0}], True, 0, 1],
            ["act", "ReLU", 0, -1, [{"n": 0}], [{"n": 1}], True, 1, 2],
        ],
    )
    units = zeros.shape[1]
    return make(
        {"lin": ("Linear", units), "act": ("ReLU", units)},
        losses,
        series={("act", Quantity.ACTIVATION, Measure.ZEROS): zeros},
        graph=graph,
    )


def test_dead_units_name_the_rectifier_its_feeder_the_share_and_since_when(synthetic: Make) -> None:
    zeros = np.zeros((50, 10))
    zeros[20:, 1:] = 1.0
    (finding,) = diagnose(relu_network(synthetic, zeros, falling(50)))
    assert (finding.kind, finding.severity, finding.module, finding.unit) == ("dead_units", "error", "act", 1)
    assert (finding.value, finding.onset, finding.data["fed_by"]) == (0.9, 20, "lin")
    assert "90%" in finding.message and "`lin`" in finding.message


def test_sparse_units_are_not_dead(synthetic: Make) -> None:
    """Each unit is zero for every sample now and then, none throughout."""
    zeros = (np.arange(50)[:, None] + np.arange(10)) % 3 > 0
    assert kinds(relu_network(synthetic, zeros.astype(float), falling(50))) == []


def test_a_loss_that_keeps_its_level_is_stuck_and_the_level_is_told(synthetic: Make) -> None:
    rng = np.random.default_rng(0)
    losses = np.concatenate([np.linspace(2.6, 2.0, 40), 2.0 + rng.normal(0, 0.01, 260)])
    (finding,) = diagnose(synthetic({"a": ("Linear", 3)}, losses))
    assert finding.kind == "loss_stuck"
    assert finding.value == pytest.approx(2.0, abs=0.01)
    assert finding.onset is not None and 20 <= finding.onset <= 60


def test_a_silent_layer_makes_a_stuck_loss_an_error(synthetic: Make, plain: Make) -> None:
    def statistics(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        silent = path == "a" and quantity == Quantity.WEIGHT_GRADIENT
        return plain(min=0.0, max=0.0, absmax=0.0, zeros=1.0) if silent else None

    (finding,) = diagnose(synthetic({"a": ("Linear", 3), "b": ("Linear", 3)}, np.full(200, 2.0), statistics))
    assert (finding.severity, finding.data["without_gradient"]) == ("error", ["a"])


def test_a_converged_loss_is_not_stuck(synthetic: Make) -> None:
    losses = 0.05 + 2.0 * np.exp(-np.arange(400) / 20)
    assert kinds(synthetic({"a": ("Linear", 3)}, losses)) == []


def test_overflow_ahead_follows_the_sign_and_scale_before_the_exponential(synthetic: Make, plain: Make) -> None:
    """exp(-0.5 v) overflows where v falls below −177.4, not where it rises."""
    graph = graph_json(
        [
            {"op": "aten.mm.default", "args": [{"x": "input:x"}]},
            {"op": "aten.mul.Tensor", "args": [{"n": 0}, -0.5]},
            {"op": "aten.exp.default", "args": [{"n": 1}]},
        ],
        [["v", "Linear", 0, -1, [{"x": "input:x"}], [{"n": 0}], True, 0, 1]],
    )

    def sinking(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(min=-3.0 * row) if quantity == Quantity.ACTIVATION else None

    def rising(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(max=3.0 * row) if quantity == Quantity.ACTIVATION else None

    (finding,) = diagnose(synthetic({"v": ("Linear", 4)}, falling(40), sinking, graph=graph))
    assert (finding.kind, finding.op, finding.source) == ("overflow_ahead", "aten.exp", "train.py:7")
    assert finding.data["limit"] == pytest.approx(-177.446, abs=0.01)
    assert finding.onset == 30
    assert kinds(synthetic({"v": ("Linear", 4)}, falling(40), rising, graph=graph)) == []


def test_a_nonfinite_loss_alone_is_told_without_a_replay(synthetic: Make) -> None:
    losses = falling(30)
    losses[25:] = np.nan
    (finding,) = diagnose(synthetic({"a": ("Linear", 3)}, losses))
    assert (finding.kind, finding.phase, finding.iteration) == ("nonfinite", "forward", 25)


def test_detectors_are_declared_once_and_explained() -> None:
    assert {"nonfinite", "overflow_ahead", "dead_units", "loss_stuck"} <= DETECTORS.keys()
    assert all(d.summary.endswith(".") for d in DETECTORS.values())
    with pytest.raises(ValueError, match="two detectors"):
        detector("nonfinite")(lambda case: ())


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=60), st.integers(1, 6))
def test_onset_agrees_with_its_definition(values: list[float], least: int) -> None:
    row = left_its_past(np.array(values), 2.0, least)
    rows = [r for r in range(least, len(values)) if max(values[:r]) > 0 and min(values[r:]) > max(values[:r])]
    expected = rows[0] if rows and values[-1] >= 2.0 * max(values[: rows[0]]) else None
    assert row == expected


def exponential_of(make: Make, plain: Make, greatest: np.ndarray) -> Any:
    graph = graph_json(
        [
            {"op": "aten.mm.default", "args": [{"x": "input:x"}]},
            {"op": "aten.exp.default", "args": [{"n": 0}]},
        ],
        [["v", "Linear", 0, -1, [{"x": "input:x"}], [{"n": 0}], True, 0, 1]],
    )

    def statistics(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(max=greatest[row]) if quantity == Quantity.ACTIVATION else None

    return make({"v": ("Linear", 4)}, falling(len(greatest)), statistics, graph=graph)


@pytest.mark.parametrize("seed", range(8))
def test_a_noisy_plateau_is_not_on_its_way_to_overflow(synthetic: Make, plain: Make, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 2, 60)
    assert kinds(exponential_of(synthetic, plain, 55 + noise)) == []


def test_noise_does_not_hide_a_rise_to_overflow(synthetic: Make, plain: Make) -> None:
    noise = np.random.default_rng(0).normal(0, 2, 60)
    assert kinds(exponential_of(synthetic, plain, np.linspace(10, 80, 60) + noise)) == ["overflow_ahead"]


def test_overflow_ahead_says_when_where_such_forecasts_have_held(synthetic: Make, plain: Make) -> None:
    noise = np.random.default_rng(0).normal(0, 1, 120)
    (finding,) = diagnose(exponential_of(synthetic, plain, np.linspace(10, 80, 120) + noise))
    told = finding.data["forecast"]
    assert told["earliest"] <= 132 <= told["latest"] and told["held"] <= told["made"]
    assert f"it reaches 88.72 at about iteration {told['arrival']}" in finding.message


def test_overflow_ahead_says_no_iteration_where_the_rise_is_a_jump(synthetic: Make, plain: Make) -> None:
    greatest = np.concatenate([np.full(100, 20.0), np.linspace(21, 80, 12)])
    greatest += np.random.default_rng(0).normal(0, 1, 112)
    (finding,) = diagnose(exponential_of(synthetic, plain, greatest))
    assert finding.kind == "overflow_ahead" and "forecast" not in finding.data and "reaches" not in finding.message


def functional_network(make: Make, plain: Make, silent: np.ndarray, greatest: float) -> Any:
    """``lin`` and a ``relu`` that is no module; ``silent``: ``[R, U]``, units whose outputs get no gradient."""
    graph = graph_json(
        [{"op": "aten.mm.default", "args": [{"x": "input:x"}]}, {"op": "aten.relu.default", "args": [{"n": 0}]}],
        [["lin", "Linear", 0, -1, [{"x": "input:x"}], [{"n": 0}], True, 0, 1]],
    )

    def statistics(path: str, quantity: Quantity, row: int) -> np.ndarray | None:
        return plain(max=greatest) if quantity == Quantity.ACTIVATION else None

    return make(
        {"lin": ("Linear", silent.shape[1])},
        falling(len(silent)),
        statistics,
        {("lin", Quantity.GRADIENT, Measure.ZEROS): silent.astype(float)},
        graph,
        quantities=(Quantity.ACTIVATION, Quantity.GRADIENT),
    )


def test_units_that_a_relu_function_silences_are_dead(synthetic: Make, plain: Make) -> None:
    silent = np.zeros((50, 10))
    silent[30:, :7] = 1
    (finding,) = diagnose(functional_network(synthetic, plain, silent, 1.0))
    assert (finding.kind, finding.severity, finding.module, finding.op) == ("dead_units", "warning", "", "aten.relu")
    assert (finding.value, finding.onset, finding.data["fed_by"]) == (0.7, 30, "lin")
    assert finding.source == "train.py:7"


def test_a_gradient_that_stops_further_on_is_not_blamed_on_the_relu(synthetic: Make, plain: Make) -> None:
    silent = np.ones((50, 10))
    assert kinds(functional_network(synthetic, plain, silent, 1.0)) == []
    (finding,) = diagnose(functional_network(synthetic, plain, silent, -0.5))
    assert finding.value == 1.0 and "-0.5" in finding.message


def test_a_few_samples_are_too_few_to_call_a_unit_dead(synthetic: Make) -> None:
    assert kinds(relu_network(synthetic, np.ones((12, 10)), falling(12))) == []
