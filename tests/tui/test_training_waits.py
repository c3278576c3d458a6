"""A training opens the screen in its own terminal, waits, and goes on (or stops) as one says on leaving."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from tests.terminal import Terminal, terminal

SCRIPT = """
import sys
import torch
from torch import nn
torch.manual_seed(5)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
where, out = sys.argv[1], open(sys.argv[2], "w", buffering=1)
for i in range(30):
    made = model(torch.randn(16, 8))
    if i == 13 and where == "forward":
        breakpoint()
    loss = torch.exp(made.abs()).mean()
    if i in (9, 19) and where == "fails":
        loss = loss * float("inf")
    optimizer.zero_grad()
    loss.backward()
    for p in model.parameters():
        p.grad.nan_to_num_(0, 0, 0)
    if i == 13 and where == "step":
        breakpoint()
    optimizer.step()
    if i == 13 and where == "after":
        breakpoint()
    print(loss.item().hex(), file=out)
"""


@contextmanager
def recorded(tmp_path: Path, where: str, *options: str) -> Iterator[Terminal]:
    (tmp_path / "train.py").write_text(SCRIPT)
    record = [sys.executable, "-m", "dgmtui", "record", *options, "-o", "run.h5", "train.py", where, "told"]
    environment = {"PYTHONBREAKPOINT": "dgmtui.set_trace"}
    with terminal(record, environment=environment, directory=tmp_path, controlling=False) as shown:
        yield shown


def losses_alone(tmp_path: Path, where: str) -> list[str]:
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONBREAKPOINT": "0"}
    subprocess.run([sys.executable, "train.py", where, "alone"], cwd=tmp_path, env=environment, check=True)
    return (tmp_path / "alone").read_text().split()


def test_a_training_that_failed_goes_on_as_alone_and_the_next_failure_opens_it_again(tmp_path: Path) -> None:
    with recorded(tmp_path, "fails", "--on-nonfinite", "debug") as terminal:
        terminal.wait_for("iteration 9 is not finite: the training waits")
        assert len((tmp_path / "told").read_text().split()) == 9, "it waits before the step"
        terminal.press("q")
        terminal.wait_for("q again stops it")
        terminal.press("g")
        terminal.wait_for("iteration 19 is not finite: the training waits")
        terminal.press(":resume-training --for-good\r")
        assert terminal.wait() == 0
    assert (tmp_path / "told").read_text().split() == losses_alone(tmp_path, "fails")
    with open_recording(tmp_path / "run.h5") as recording:
        failing = [snapshot.iteration for snapshot in recording.snapshots if snapshot.reason == "failing"]
        assert failing == [9, 19] and recording.iteration_count == 30
        assert len(set(recording.rows.tolist())) == len(recording.rows)
        assert recording.end is not None and recording.end.reason == "finished"


@pytest.mark.parametrize("where", ["forward", "step", "after"])
def test_set_trace_opens_the_screen_on_the_present_iteration(tmp_path: Path, where: str) -> None:
    with recorded(tmp_path, where) as terminal:
        terminal.wait_for("iteration 13: the training waits")
        done = 14 if where == "after" else 13
        assert len((tmp_path / "told").read_text().split()) == done - (where == "after")
        terminal.press("q")
        terminal.wait_for("q again stops it")
        terminal.press("q" if where == "step" else "g")
        assert terminal.wait() == (where == "step")
    told, alone = (tmp_path / "told").read_text().split(), losses_alone(tmp_path, where)
    assert told == (alone[:13] if where == "step" else alone)
    with open_recording(tmp_path / "run.h5") as recording:
        assert (recording.snapshot(13) is not None) == (where == "forward")
        assert recording.end is not None
        assert recording.end.reason == ("interrupted" if where == "step" else "finished")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to find the screen's process")
def test_the_screen_of_a_training_that_is_killed_ends(tmp_path: Path) -> None:
    with recorded(tmp_path, "after") as terminal:
        terminal.wait_for("iteration 13: the training waits")
        training = terminal.process.pid
        (screen,) = [int(pid) for pid in Path(f"/proc/{training}/task/{training}/children").read_text().split()]
        terminal.process.kill()
        deadline = time.monotonic() + 30
        while is_running(screen):
            assert time.monotonic() < deadline, "it goes on, and takes keys that are the shell's"
            time.sleep(0.1)


def is_running(pid: int) -> bool:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_without_a_terminal_a_failure_stops_and_set_trace_goes_on(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    record = [sys.executable, "-m", "dgmtui", "record", "--on-nonfinite", "debug", "-o", "run.h5", "train.py"]
    environment = {**os.environ, "PYTHONBREAKPOINT": "dgmtui.set_trace"}
    for where, code, said in (("fails", 1, "the training stops"), ("after", 0, "the training goes on")):
        done = subprocess.run(
            [*record, where, "told"], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code and "no terminal" in done.stderr
        assert said in done.stderr


def test_set_trace_where_nothing_is_recorded_says_so_once_and_the_training_goes_on() -> None:
    code = "import dgmtui\nfor _ in range(3): dgmtui.set_trace()\nprint('trained')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "trained\n"
    assert done.stderr.count("dgmtui record SCRIPT") == 1
