"""What losses alone tell: stuck, diverging, spiking; and what noise, schedules and games do without harm."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dgmtui.findings import DETECTORS, Finding
from dgmtui.findings.case import Case
from dgmtui.findings.thresholds import DEFAULT

Make = Callable[..., Any]
Losses = np.ndarray
NAMES = ("loss_stuck", "loss_diverging", "loss_spike")
RNG = np.random.default_rng(0)


@pytest.fixture
def found(synthetic: Make) -> Callable[[Losses], list[Finding]]:
    """What the three say of a run of these losses, looked at as it runs: nothing is replayed."""

    def look(losses: Losses) -> list[Finding]:
        case = Case(synthetic({"a": ("Linear", 3)}, losses), DEFAULT)
        return [finding for name in NAMES for finding in DETECTORS[name].detect(case)]

    return look


def noisy(level: Losses, share: float = 0.1) -> Losses:
    return level * np.exp(share * np.random.default_rng(1).standard_normal(len(level)))


def falling(count: int, rate: float = 5.0, floor: float = 0.02) -> Losses:
    return 2.3 * np.exp(-np.arange(count) * rate / count) + floor


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


@pytest.mark.parametrize("count", [60, 300, 4000])
def test_a_loss_that_never_moved_is_stuck_in_short_runs_and_in_long_ones(found: Any, count: int) -> None:
    (finding,) = found(noisy(np.full(count, 2.303), 0.02))
    assert finding.kind == "loss_stuck" and finding.onset == 0 and finding.value == pytest.approx(2.303, rel=0.01)


@pytest.mark.parametrize(
    "losses",
    [
        falling(60),
        falling(400, 8.0),
        noisy(falling(400, 3.0)),
        noisy(falling(400, 30.0, 0.4)),  # at its noise floor, far below where it began
        np.concatenate([np.full(200, 2.3), 2.3 * np.exp(-np.arange(200) / 60)]),  # a plateau that it has left
        2.3 - 0.002 * np.arange(300),  # slow, and moving
        noisy(np.full(60, 2.3), 0.8),  # nothing can be told
        np.random.default_rng(2).standard_normal(400),  # a policy's
    ],
)
def test_losses_that_are_not_stuck(found: Any, losses: Losses) -> None:
    assert kinds(found(losses)) == []


def test_a_loss_that_ends_far_above_where_it_began_diverges(found: Any) -> None:
    (finding,) = found(noisy(0.5 * np.exp(np.arange(200) / 30)))
    assert finding.kind == "loss_diverging" and finding.severity == "error"
    assert finding.onset is not None and finding.onset < 60
    assert "loss_diverging" in kinds(found(noisy(np.concatenate([np.linspace(2.3, 2.0, 20), np.full(180, 80.0)]))))


def test_swings_that_widen_diverge(found: Any) -> None:
    times = np.arange(300)
    (finding,) = found(1.0 + np.exp(times / 40) * (1 + np.sin(times)) / 2)
    assert finding.kind == "loss_diverging" and finding.severity == "error"


def test_a_loss_that_rises_again_is_a_warning(found: Any) -> None:
    losses = np.concatenate([2.3 * np.exp(-np.arange(150) / 30), np.linspace(0.02, 1.5, 150)])
    (finding,) = found(noisy(losses, 0.05))
    assert (finding.kind, finding.severity) == ("loss_diverging", "warning")
    assert finding.onset is not None and 100 <= finding.onset <= 200


@pytest.mark.parametrize(
    "losses",
    [
        noisy(np.concatenate([np.linspace(1.0, 1.8, 100), np.linspace(1.8, 1.2, 200)])),  # an annealed term
        noisy(falling(300, 20.0, 1e-4), 1.0),  # restless near zero
        np.concatenate([falling(150, 5.0), falling(150, 5.0)]),  # warm restarts
    ],
)
def test_losses_that_do_not_diverge(found: Any, losses: Losses) -> None:
    assert "loss_diverging" not in kinds(found(losses))


def test_a_spike_is_told_with_its_iteration_and_that_it_was_recovered_from(found: Any) -> None:
    losses = noisy(falling(400, 8.0))
    losses[250:254] = [40.0, 20.0, 8.0, 3.0]
    (finding,) = found(losses)
    assert (finding.kind, finding.severity, finding.iteration) == ("loss_spike", "warning", 250)
    assert finding.value == 40.0 and "back after 4 iterations" in finding.message


def test_a_spike_that_is_not_recovered_from_is_an_error(found: Any) -> None:
    losses = noisy(falling(400, 8.0))
    losses[250:] = noisy(np.linspace(4.0, 2.4, 150), 0.02)
    finding = next(each for each in found(losses) if each.kind == "loss_spike")
    assert (finding.severity, finding.iteration, finding.data["recovered"]) == ("error", 250, False)


@pytest.mark.parametrize("seed", range(6))
def test_small_batches_games_and_rewards_do_not_spike(found: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    heavy = 0.05 * rng.lognormal(0, 1.5, 600) + falling(600, 10.0, 0)
    rare = np.where(rng.random(600) < 0.03, rng.uniform(0, 2, 600), 1e-3) + falling(600, 20.0, 0)
    rewards = rng.standard_t(3, 600)
    game = 0.7 + 0.3 * np.sin(np.arange(600) / 9) + 0.1 * rng.standard_normal(600)
    for losses in (heavy, rare, rewards, game):
        assert "loss_spike" not in kinds(found(losses))


def test_the_blow_into_nan_is_no_spike(found: Any) -> None:
    losses = noisy(falling(200, 5.0))
    losses[190:] = [10.0, 1e3, 1e6, 1e12, 1e30, *[np.nan] * 5]
    assert found(losses) == []


def test_turns_are_left_to_those_who_know_the_game(synthetic: Make) -> None:
    """A balanced game's mean loss is flat; the recorder keeps each turn's loss as a scalar."""
    recording = synthetic({"a": ("Linear", 3)}, np.full(300, 1.386))
    case = Case(recording, DEFAULT)
    assert [f.kind for name in NAMES for f in DETECTORS[name].detect(case)] == ["loss_stuck"]

    class Turns:
        scalars = ("loss 1", "loss 2")

        def __getattr__(self, name: str) -> Any:
            return getattr(recording, name)

    case = Case(Turns(), DEFAULT)  # type: ignore[arg-type]
    assert [f for name in NAMES for f in DETECTORS[name].detect(case)] == []


@pytest.mark.parametrize("losses", [np.empty(0), np.array([1.0]), np.full(400, np.nan), np.zeros(400)])
def test_odd_runs_raise_nothing(found: Any, losses: Losses) -> None:
    assert found(losses) == []
