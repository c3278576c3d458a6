"""A run that goes on is watched: two real processes, what one records appears on the other's screen."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import RecordingError
from dgmtui.recording.waiting import opened_when_there
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.screen import MainScreen

SLOW = """
import sys, time
import torch
from torch import nn
torch.manual_seed(5)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(400):
    x = torch.randn(16, 8)
    if i == int(sys.argv[1]):
        x[3] *= 1e4
    loss = torch.exp(model(x).abs()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(i, time.monotonic(), flush=True)
    time.sleep(0.1)
"""
SOON = 2.0
"""Seconds until what is recorded is on the screen."""


@contextmanager
def a_run(tmp_path: Path, fails_at: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    script, path, told = tmp_path / "slow.py", tmp_path / "run.h5", tmp_path / "told"
    script.write_text(SLOW)
    command = [sys.executable, "-m", "dgmtui", "record", "--every", "2", "-o", path, script, str(fails_at)]
    with told.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, text=True)
    try:
        while not (path.exists() or path.with_name("run.h5.part").exists()):
            time.sleep(0.05)
            assert process.poll() is None
        yield process, told
    finally:
        process.kill()
        process.wait()


def newest(told: Path, before: float) -> int:
    """The last iteration that ended before that time, but for the one that may still be logged to."""
    pairs = [line.split() for line in told.read_text().splitlines() if line.count(" ") == 1]
    ended = [int(i) for i, moment in pairs if float(moment) < before]
    return max(ended, default=0) - 1


async def until(pilot: Any, holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        await pilot.pause(0.05)


async def test_what_a_run_records_appears_within_two_seconds(tmp_path: Path) -> None:
    with a_run(tmp_path, 10**6) as (process, told), opened_when_there(tmp_path / "run.h5") as recording:
        session = Session(recording)
        session.follow()
        app = DgmtuiApp(session, REGISTRY)
        async with app.run_test(size=(100, 30)) as pilot:
            screen = app.screen
            assert isinstance(screen, MainScreen)
            await until(pilot, lambda: screen.view is not None and screen.view.iterations > 5)
            for _ in range(20):
                await pilot.pause(0.1)
                assert screen.view is not None
                seen, now = screen.view.iterations, time.monotonic()
                assert seen > newest(told, now - SOON), "iterations that ended two seconds ago are there"
            assert screen.view.live == "following" and screen.view.cursor == screen.view.iterations - 1
            await pilot.press("h")
            await until(pilot, lambda: screen.view is not None and screen.view.live == "pinned")
            pinned, seen = screen.view.cursor, screen.view.iterations
            await until(pilot, lambda: screen.view is not None and screen.view.iterations > seen + 5)
            assert screen.view.cursor == pinned
            await pilot.press("F")
            await until(pilot, lambda: screen.view is not None and screen.view.cursor == screen.view.iterations - 1)
        assert process.poll() is None, "the reader never disturbs the writer"


async def test_a_failure_of_a_run_that_is_watched_is_looked_into(tmp_path: Path) -> None:
    with a_run(tmp_path, 40) as (process, _), opened_when_there(tmp_path / "run.h5") as recording:
        session = Session(recording)
        session.follow()
        app = DgmtuiApp(session, REGISTRY)
        async with app.run_test(size=(100, 30)) as pilot:
            screen = app.screen
            assert isinstance(screen, MainScreen)
            await until(pilot, lambda: bool(screen.view and screen.view.findings and screen.view.findings_complete))
            assert screen.view is not None and "aten.exp" in screen.view.findings[0].message
            await until(pilot, lambda: screen.view is not None and screen.view.live == "ended")
        assert process.wait(30) == 1


def test_what_is_neither_there_nor_coming_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        opened_when_there(tmp_path / "none.h5")
