"""Recording from within a notebook's cells: code without a file, cells run again, stopped in the middle."""

import atexit
import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from dgmtui.errors import UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.model import Match
from dgmtui.session.session import Session

Run = Callable[..., BaseException | None]

FIRST = """
import torch, dgmtui, torch.nn.functional as F
from torch import nn
torch.manual_seed(1)
X = torch.randn(64, 5); Y = (X.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def loss_of(idx):
    return torch.exp(F.cross_entropy(model(X[idx]), Y[idx]))
"""
LOOP = """
with dgmtui.Recorder(PATH, model, optimizer, every=2) as rec:
    for i in range(10):
        idx = torch.arange(i, i + 9)
        loss = loss_of(idx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rec.log(i=i)
        {}
"""


@pytest.fixture
def cell(tmp_path: Path) -> Iterator[Run]:
    """``cell(source)``: run it and give what it raised."""
    hooks = sys.excepthook, sys.displayhook
    shell: Any = InteractiveShell(config=Config(HistoryManager={"enabled": False}), ipython_dir=str(tmp_path))
    shell.user_ns["PATH"] = str(tmp_path / "run.h5")

    def run(source: str) -> BaseException | None:
        result = shell.run_cell(source, store_history=True)
        raised: BaseException | None = result.error_in_exec
        return raised

    run.variables = shell.user_ns  # type: ignore[attr-defined]
    assert run(FIRST) is None
    yield run
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    sys.excepthook, sys.displayhook = hooks


def recorded(tmp_path: Path, reason: str, iterations: int) -> Recording:
    recording = open_recording(tmp_path / "run.h5")
    assert recording.end is not None
    assert (recording.end.reason, recording.end.iteration + 1, recording.iteration_count) == (
        reason, iterations, iterations,
    )  # fmt: skip
    assert all(s.verdict.forward is Match.MATCHES for s in recording.snapshots)
    return recording


def test_a_cell_is_recorded_with_its_lines_and_again_when_it_is_run_again(cell: Run, tmp_path: Path) -> None:
    for _ in range(2):
        assert cell(LOOP.format("")) is None
        with recorded(tmp_path, "finished", 10) as recording:
            assert recording.scalar("i").tolist() == list(range(10))
            assert "torch.exp(F.cross_entropy(model(X[idx]), Y[idx]))" in recording.trace(0)
            assert "input:Y[idx]" in recording.snapshots[-1].tensors


@pytest.mark.parametrize(
    ("line", "reason"), [("raise KeyboardInterrupt", "interrupted"), ("raise ValueError(3)", "exception")]
)
def test_a_cell_that_is_stopped_closes_its_recording_and_the_next_one_records(
    cell: Run, tmp_path: Path, line: str, reason: str
) -> None:
    assert cell(LOOP.format(f"if i == 5: {line}")) is not None
    with recorded(tmp_path, reason, 6):
        pass
    assert cell(LOOP.format("")) is None
    with recorded(tmp_path, "finished", 10):
        pass


def test_a_failure_ends_the_block_and_the_cell_goes_on(cell: Run, tmp_path: Path) -> None:
    assert cell(LOOP.format("if i == 5: X[12] = float('nan')") + "\nstopped = rec.stopped_at") is None
    assert cell.variables["stopped"] == 6  # type: ignore[attr-defined]
    with recorded(tmp_path, "nonfinite", 7) as recording:
        finding = Session(recording).results.findings()[0]
        assert (finding.iteration, finding.sample, finding.dataset_index) == (6, 6, 12)


def test_a_recorder_that_was_left_open_is_named_and_closed_by_hand(cell: Run, tmp_path: Path) -> None:
    opened = LOOP.format("").replace("with dgmtui.Recorder(PATH, model, optimizer, every=2) as rec:", "if OPEN:")
    start = "rec = dgmtui.Recorder(PATH, model, optimizer); rec.__enter__()"
    assert cell(f"{start}\nOPEN = True\n{opened}") is None
    again = cell(f"other = dgmtui.{start.removeprefix('rec = dgmtui.')}")
    assert isinstance(again, UsageError) and "close that recording" in str(again)
    assert cell("rec.close()") is None
    with recorded(tmp_path, "finished", 10):
        pass
    assert cell(LOOP.format("")) is None


def test_what_a_cell_deletes_is_freed(cell: Run) -> None:
    assert cell(LOOP.format("")) is None
    model = weakref.ref(cell.variables["model"])  # type: ignore[attr-defined]
    assert cell("del model, optimizer, loss, rec") is None
    gc.collect()
    assert model() is None and torch.autograd.backward.__module__ == "torch.autograd"
