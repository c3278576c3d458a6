"""A run that goes on is watched: two real processes, what one records appears on the other's screen."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dgmtui.commands import REGISTRY
from dgmtui.errors import RecordingError
from dgmtui.recording.waiting import opened_when_there
from dgmtui.session.session import Session
from dgmtui.session.view import View
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.screen import MainScreen
from tests.tui.seen import until_holds
from tests.waiting import PATIENCE, wait_until

SLOW = """
import sys, time
import torch
from torch import nn
torch.manual_seed(5)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
for i in range(100_000):
    x = torch.randn(16, 8)
    if i == int(sys.argv[1]):
        x[3] *= 1e4
    loss = torch.exp(model(x).abs()).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(i, flush=True)
    time.sleep(0.1)
"""


@contextmanager
def a_run(tmp_path: Path, fails_at: int) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    script, path, told = tmp_path / "slow.py", tmp_path / "run.h5", tmp_path / "told"
    script.write_text(SLOW)
    command = [sys.executable, "-m", "dgmtui", "record", "--every", "2", "-o", path, script, str(fails_at)]
    with told.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, text=True)
    try:
        wait_until(lambda: process.poll() is not None or path.exists() or path.with_name("run.h5.part").exists())
        assert process.poll() is None
        yield process, told
    finally:
        process.kill()
        process.wait()


def newest(told: Path) -> int:
    """The last iteration that has ended, but for the one that may still be logged to."""
    return told.read_text().count("\n") - 2


async def until(pilot: Pilot[int], holds: Callable[[View], object]) -> View:
    """Until there is a view of which it holds, and that view."""
    screen = pilot.app.screen
    assert isinstance(screen, MainScreen)
    await until_holds(pilot, lambda: screen.view is not None and holds(screen.view))
    assert screen.view is not None
    return screen.view


async def test_what_a_run_records_appears_while_it_goes_on(tmp_path: Path) -> None:
    with a_run(tmp_path, 10**6) as (process, told), opened_when_there(tmp_path / "run.h5") as recording:
        session = Session(recording)
        session.follow()
        app = DgmtuiApp(session, REGISTRY)
        async with app.run_test(size=(100, 30)) as pilot:
            view = await until(pilot, lambda view: view.iterations > 5)
            for _ in range(5):
                ended = newest(told)
                view = await until(pilot, lambda view, ended=ended: view.iterations > ended)
            assert view.live == "following" and view.cursor == view.iterations - 1
            await pilot.press("h")
            pinned = await until(pilot, lambda view: view.live == "pinned")
            view = await until(pilot, lambda view: view.iterations > pinned.iterations + 5)
            assert view.cursor == pinned.cursor
            await pilot.press("F")
            await until(pilot, lambda view: view.cursor == view.iterations - 1)
        assert process.poll() is None, "the reader never disturbs the writer"


async def test_a_failure_of_a_run_that_is_watched_is_looked_into(tmp_path: Path) -> None:
    with a_run(tmp_path, 40) as (process, _), opened_when_there(tmp_path / "run.h5") as recording:
        session = Session(recording)
        session.follow()
        app = DgmtuiApp(session, REGISTRY)
        async with app.run_test(size=(100, 30)) as pilot:
            view = await until(pilot, lambda view: view.findings and view.findings_complete)
            assert "aten.exp" in view.findings[0].message
            await until(pilot, lambda view: view.live == "ended")
        assert process.wait(PATIENCE) == 1


def test_what_is_neither_there_nor_coming_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        opened_when_there(tmp_path / "none.h5")
