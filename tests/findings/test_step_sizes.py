"""Steps that are too long or too short are told with the setting that makes them so; ordinary ones are not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import dgmtui.findings.detectors  # noqa: F401
from dgmtui.findings.model import Severity
from tests.findings.training import found, network, recorded, usual

LARGE, SMALL = "update_too_large", "update_too_small"
Make = Callable[[nn.Module], torch.optim.Optimizer]


def optimiser(kind: type[torch.optim.Optimizer], **settings: float) -> Make:
    return lambda model: kind(model.parameters(), **settings)


HEALTHY = [
    optimiser(torch.optim.SGD, lr=0.1),
    optimiser(torch.optim.SGD, lr=0.1, momentum=0.9),
    optimiser(torch.optim.Adam, lr=1e-2),
    optimiser(torch.optim.Adam, lr=1e-3),
    optimiser(torch.optim.AdamW, lr=1e-2, weight_decay=0.1),
    optimiser(torch.optim.RMSprop, lr=1e-3),
]


@pytest.mark.parametrize("make", HEALTHY)
def test_ordinary_steps_are_neither(tmp_path: Path, make: Make) -> None:
    model = network()
    optimizer = make(model)
    recording = recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer))
    assert found(recording, LARGE) == []
    model = network()
    optimizer = make(model)
    assert found(recorded(tmp_path / "s.h5", model, optimizer, usual(optimizer)), SMALL) == []


@pytest.mark.parametrize(
    "make",
    [
        optimiser(torch.optim.SGD, lr=30.0),
        optimiser(torch.optim.Adam, lr=1.0),
        optimiser(torch.optim.SGD, lr=3.0, momentum=0.99),
    ],
)
def test_a_learning_rate_far_too_high(tmp_path: Path, make: Make) -> None:
    model = network()
    optimizer = make(model)
    rate = optimizer.param_groups[0]["lr"]
    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), LARGE)
    assert finding.severity is Severity.ERROR and finding.data["lr"] == rate and f"rate of {rate:g}" in finding.message
    assert finding.onset is not None and finding.onset <= 8 and finding.data["overshooting"]
    if optimizer.param_groups[0].get("momentum"):
        assert "momentum of 0.99, which adds up about 100 gradients" in finding.message


def test_a_learning_rate_far_too_low(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), SMALL)
    assert finding.severity is Severity.ERROR and "rate of 1e-06" in finding.message
    assert float(finding.advice.split("about ")[1].split(",")[0]) > 1e-3


def test_gradients_clipped_to_nothing(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        optimizer.zero_grad()
        loss().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-5)
        optimizer.step()

    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, step), SMALL)
    assert "clipped" in finding.message and "Clip to a norm" in finding.advice


def test_an_epsilon_far_above_the_gradient(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e3)
    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), SMALL)
    assert "eps (1000)" in finding.message and "1e-8" in finding.advice


def test_a_learning_rate_that_ran_out(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    plain = usual(optimizer)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        plain(iteration, loss)
        schedule.step()

    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, step, iterations=140), SMALL)
    assert finding.severity is Severity.ERROR and "ran out" in finding.message and finding.onset == 32


def test_a_learning_rate_that_comes_down_to_nothing_at_the_end_is_usual(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 70)
    plain = usual(optimizer)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        plain(iteration, loss)
        schedule.step()

    assert found(recorded(tmp_path / "r.h5", model, optimizer, step), SMALL) == []
