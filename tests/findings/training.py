"""Small trainings recorded in this process, and what is found in them."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import dgmtui
from dgmtui.findings.case import Case
from dgmtui.findings.model import Finding
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import SnapshotInfo, Verdict
from dgmtui.trace.loading import load_replay
from dgmtui.trace.replay import Replay

Step = Callable[[int, Callable[[], Tensor]], None]
"""Gets the iteration and what makes a loss of a batch."""


def data(count: int = 256) -> tuple[Tensor, Tensor]:
    """Ten numbers and a class that two of them decide."""
    made = torch.Generator().manual_seed(1)
    x = torch.randn(count, 10, generator=made)
    return x, (x[:, 0] + x[:, 1] > 0).long()


def network(*middle: nn.Module) -> nn.Sequential:
    """A small classifier of ``data``, the same each time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, 16), *middle, nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))


def recorded(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer | None, step: Step, *, iterations: int = 70
) -> Recording:
    """Record ``step`` so many times, with rows each hundredth iteration only."""
    x, y = data()
    batches = torch.Generator().manual_seed(2)
    with dgmtui.Recorder(path, model, optimizer, every=100, on_nonfinite="continue"):
        for iteration in range(iterations):
            rows = torch.randint(0, len(x), (32,), generator=batches)
            inputs, targets = x[rows], y[rows]
            step(iteration, lambda a=inputs, b=targets: nn.functional.cross_entropy(model(a), b))  # type: ignore[misc]
    return open_recording(path)


def usual(optimizer: torch.optim.Optimizer) -> Step:
    """Zero, back, step."""

    def step(iteration: int, loss: Callable[[], Tensor]) -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def found(recording: Recording, name: str) -> list[Finding]:
    """What one detector says, with replays."""

    def source(snapshot: SnapshotInfo) -> tuple[Replay, Verdict]:
        replay = load_replay(recording, snapshot)
        replay.forward()
        replay.backward()
        return replay, snapshot.verdict

    with recording:
        return list(DETECTORS[name].detect(Case(recording, DEFAULT, None, source)))
