"""``torch.compile`` with its own backend, applied to the model, the loss or the whole step."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import dgmtui
from dgmtui.recording import open_recording
from dgmtui.recording.model import Match
from dgmtui.session.session import Session

pytestmark = [
    pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a compiler"),
    pytest.mark.filterwarnings("error:Using `torch.compile"),
]
FAILS = 12
Step = Callable[[nn.Module, torch.optim.Optimizer], Callable[[Tensor], Tensor]]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 32), nn.Linear(32, 8)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.second(torch.relu(self.first(x)))
        return hidden


def stepping(loss_of: Callable[[Tensor], Tensor], optimizer: torch.optim.Optimizer) -> Callable[[Tensor], Tensor]:
    def step(x: Tensor) -> Tensor:
        loss = loss_of(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def compiled_module(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[Tensor], Tensor]:
    compiled = torch.compile(model)
    return stepping(lambda x: torch.exp(compiled(x)).mean(), optimizer)


def compiled_in_place(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[Tensor], Tensor]:
    model.compile()
    return stepping(lambda x: torch.exp(model(x)).mean(), optimizer)


def compiled_loss(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[Tensor], Tensor]:
    return stepping(torch.compile(lambda x: torch.exp(model(x)).mean()), optimizer)


def compiled_step(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[Tensor], Tensor]:
    return torch.compile(stepping(lambda x: torch.exp(model(x)).mean(), optimizer))  # type: ignore[no-any-return]


def train(how: Step, path: Path | None = None) -> list[float]:
    torch._dynamo.reset()
    torch.manual_seed(5)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    losses: list[float] = []

    def loop() -> None:
        step = how(model, optimizer)
        for i in range(FAILS + 1):
            x = torch.randn(16, 8)
            if i == FAILS:
                x[3] *= 1e4
            losses.append(float(step(x)))

    if path is None:
        loop()
        return losses[:FAILS]
    with dgmtui.Recorder(path, model, optimizer, every=2), warnings.catch_warnings():
        loop()
    return losses


@pytest.mark.parametrize("how", [compiled_module, compiled_in_place, compiled_loss, compiled_step])
def test_a_compiled_training_goes_on_and_its_failure_is_found(
    how: Step, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch._dynamo.utils.counters.clear()
    alone = train(how)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0, "something was compiled"
    recorded = train(how, tmp_path / "r.h5")
    assert capsys.readouterr().err.count("torch.compile is at work") == 1
    if how is compiled_loss:  # one kernel of exp and mean, where what is traced runs an operation at a time
        np.testing.assert_allclose(recorded, alone, rtol=1e-5)
    else:
        assert recorded == alone
    with open_recording(tmp_path / "r.h5") as recording:
        assert recording.losses().tolist() == [*recorded, np.inf]
        assert [event.kind for event in recording.events() if event.kind in ("compiled", "nonfinite")] == [
            "compiled",
            "nonfinite",
        ]
        first = "_orig_mod.first" if how is compiled_module else "first"
        updates = np.asarray(recording.series(recording.channel(first, "update")))
        assert np.isfinite(updates[:-1][recording.rows[:-1] % 2 == 0]).all()
        finding = Session(recording).results.findings()[0]
        assert (finding.kind, finding.iteration, finding.phase) == ("nonfinite", FAILS, "forward")
        snapshot = recording.snapshot(FAILS)
        assert snapshot is not None
        if how is compiled_step:
            assert snapshot.missing, "says why it can't be replayed"
            return
        assert snapshot.verdict.forward is Match.MATCHES and (finding.op, finding.sample) == ("aten.exp", 3)
        assert np.isfinite(recording.series(recording.channel("", "activation"))[:-1]).all() or how is compiled_loss


def test_a_training_that_compiles_nothing_is_not_taken_for_one_that_does(run: Callable[..., Any]) -> None:
    source = """
import torch
from torch import nn
from dgmtui.recorder.compiled import was_used

model = nn.Linear(4, 1)
optimizer = torch.optim.Adam(model.parameters())
for _ in range(3):
    loss = model(torch.randn(2, 4)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(was_used())
torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1))
print(was_used())
"""
    assert run(source).out.splitlines() == ["False", "True"]
