"""A training recorded under a budget goes on whatever the budget does, and is explained as without one."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dgmtui
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.check import check


def train(path: Path, width: int, iterations: int, max_size: str | int | None, bad: int = -1) -> list[float]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 2))
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    with dgmtui.Recorder(path, model, optimizer, every=1, max_size=max_size):
        for i in range(iterations):
            x = torch.randn(16, 8)
            if i == bad:
                x[3, 2] = torch.inf
            loss = F.cross_entropy(model(x), torch.arange(16) % 2)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


def test_the_rows_of_a_thinned_recording_are_those_of_the_whole_one(tmp_path: Path) -> None:
    losses = [train(tmp_path / name, 64, 1100, size, bad=1090) for name, size in (("a.h5", None), ("b.h5", "4M"))]
    assert losses[0] == losses[1] and len(losses[0]) == 1090
    assert (tmp_path / "b.h5").stat().st_size <= 4 << 20 < (tmp_path / "a.h5").stat().st_size
    assert check(tmp_path / "b.h5").exit_code == 0
    with open_recording(tmp_path / "a.h5") as whole, open_recording(tmp_path / "b.h5") as thin:
        assert thin.thinned is not None and thin.channels == whole.channels
        assert thin.first_nonfinite() == whole.first_nonfinite() and whole.first_nonfinite() is not None
        rows = whole.rows.searchsorted(thin.rows)
        assert 64 < len(rows) < len(whole.rows) and thin.rows[-1] == 1090
        for channel in range(len(whole.channels)):
            ours, theirs = thin.series(channel)[:], whole.series(channel)[:][rows]
            assert ours.tobytes() == theirs.tobytes()
        failing = thin.snapshot(1090)
        assert failing is not None and failing.reason == "failing"
        for name, spec in failing.tensors.items():
            other = whole.snapshot(1090)
            assert other is not None
            assert (thin.tensor(spec).data == whole.tensor(other.tensors[name]).data).all(), name


def test_a_budget_that_can_not_be_kept_ends_the_recording_and_not_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = train(tmp_path / "r.h5", 3000, 5, "1M")
    assert losses == train(tmp_path / "whole.h5", 3000, 5, None)
    said = capsys.readouterr().err
    assert said.count("can't be kept under --max-size 1.0M") == 1 and "the training goes on" in said
    assert not (tmp_path / "r.h5.part").exists()


def test_a_size_that_is_none_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for size in ("much", "10k", 5):
        with pytest.raises(UsageError):
            train(tmp_path / "r.h5", 4, 1, size)
    assert not list(tmp_path.iterdir())
