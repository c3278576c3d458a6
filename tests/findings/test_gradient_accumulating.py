"""Gradients that are carried from one step to the next are told; accumulated on purpose they are not."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

import dgmtui.findings.detectors  # noqa: F401
from dgmtui.findings.model import Severity
from tests.findings.training import found, network, recorded, usual

NAME = "gradient_accumulating"


def test_never_zeroed(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        loss().backward()
        optimizer.step()

    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, step), NAME)
    assert finding.severity is Severity.ERROR and finding.onset == 1 and finding.iteration == 64
    assert "exactly what the backward pass before it had left" in finding.message
    assert (
        finding.data["earlier"] == sorted(finding.data["earlier"]) and finding.value is not None and finding.value > 3
    )


def test_zeroed_each_time_with_zeros_or_none(tmp_path: Path) -> None:
    for to_none in (True, False):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

        def step(
            iteration: int,
            loss: Callable[[], Tensor],
            optimizer: torch.optim.Optimizer = optimizer,
            to_none: bool = to_none,
        ) -> None:
            optimizer.zero_grad(set_to_none=to_none)
            loss().backward()
            optimizer.step()

        assert found(recorded(tmp_path / f"{to_none}.h5", model, optimizer, step), NAME) == []


def test_accumulated_over_four_batches_and_zeroed_after_the_step(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        (loss() / 4).backward()
        if iteration % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()

    assert found(recorded(tmp_path / "r.h5", model, optimizer, step, iterations=160), NAME) == []


def test_accumulated_over_four_batches_and_never_zeroed(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        (loss() / 4).backward()
        if iteration % 4 == 3:
            optimizer.step()

    (finding,) = found(recorded(tmp_path / "r.h5", model, optimizer, step, iterations=160), NAME)
    assert finding.severity is Severity.ERROR and finding.onset == 1


def test_zeroed_by_the_usual_order(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    assert found(recorded(tmp_path / "r.h5", model, optimizer, usual(optimizer)), NAME) == []
