"""Iterations that do what none before did, and iterations of several batches."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import dgmtui
from dgmtui.commands import REGISTRY
from dgmtui.commands.findings_data import place_of
from dgmtui.errors import CreditError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session

BRANCHES = 5
"""The iteration at which a mask empties row 2, whose root has no derivative then."""


def train_with_a_branch(path: Path, **settings: Any) -> None:
    torch.manual_seed(1)
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    mask = torch.ones(6, 1)
    mask[2] = 0.0
    with dgmtui.Recorder(path, model, optimizer, **settings):
        for i in range(8):
            x = torch.randn(6, 4)
            scores = model(x)
            if i == BRANCHES:
                scores = scores * mask
            loss = scores.square().sum(1).sqrt().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def test_a_branch_taken_at_the_failure_is_said_to_be_one_and_what_to_do(tmp_path: Path) -> None:
    train_with_a_branch(tmp_path / "run.h5")
    with open_recording(tmp_path / "run.h5") as recording:
        session = Session(recording)
        (finding,) = session.results.findings()
        assert "not been replayed" not in finding.message and "the loss differs" in finding.message
        assert f"--snapshot {BRANCHES}" in finding.advice and "an `if`" in finding.advice
        with pytest.raises(CreditError, match="comes out otherwise"):
            REGISTRY.run(session, "credit nonfinite")


def test_the_iteration_that_is_asked_for_is_traced_itself(tmp_path: Path) -> None:
    train_with_a_branch(tmp_path / "run.h5", snapshots=[BRANCHES])
    with open_recording(tmp_path / "run.h5") as recording:
        finding = Session(recording).results.findings()[0]
    assert (finding.iteration, finding.op, finding.phase, finding.sample) == (BRANCHES, "aten.sqrt", "backward", 2)


def test_of_several_batches_an_iteration_the_one_that_failed_is_named(tmp_path: Path) -> None:
    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with dgmtui.Recorder(tmp_path / "run.h5", model, optimizer):
        for i in range(4):
            for batch in range(3):
                x = torch.randn(6, 4)
                if (i, batch) == (3, 1):
                    x[4] = 1e30
                (model(x).square().sum(1).mean() / 3).backward()
            optimizer.step()
            optimizer.zero_grad()
    with open_recording(tmp_path / "run.h5") as recording:
        session = Session(recording)
        finding = session.results.findings()[0]
        assert (finding.iteration, finding.turn, finding.sample) == (3, "2", 4)
        assert " · turn 2 · sample 4" in place_of(finding)


class Normalised(nn.Module):
    """Divides each column by its deviation; only the first goes on into a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.first = Deviation(), nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.norm(x)
        loss: torch.Tensor = self.first(z[:, :1]).square().mean() + z.square().mean()
        return loss


class Deviation(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - x.mean(0)) / x.std(0)


def test_where_there_is_no_backward_part_no_table_of_it_is_shown(tmp_path: Path) -> None:
    model = Normalised()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with dgmtui.Recorder(tmp_path / "run.h5", model, optimizer):
        for i in range(4):
            x = torch.randn(6, 4)
            if i == 3:
                x[:, 2] = 0.25
            optimizer.zero_grad()
            model(x).backward()
            optimizer.step()
    with open_recording(tmp_path / "run.h5") as recording:
        told = [
            getattr(block, "title", "") or getattr(block, "text", "")
            for block in REGISTRY.run(Session(recording), "credit nonfinite").blocks
        ]
    assert any(text.startswith("no backward part") for text in told)
    assert "what came in" in told and "what a unit makes of its gradient" not in told
