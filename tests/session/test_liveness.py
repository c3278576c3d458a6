"""A run that is watched: its pace, its silence, a pause, and what rings the bell."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.liveness import Liveness
from dgmtui.session.session import Session
from dgmtui.session.view import FindingRow
from dgmtui.tui.alarm import alarm

WRITER = """
import sys
from pathlib import Path
import numpy as np
from dgmtui.recording.model import Channel, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter
info = RunInfo("2026-01-01T00:00:00+00:00", "0", "2", "3", "train.py", (), "/", "cpu", 1, "AVX2", 1)
writer, done = RecordingWriter(Path(sys.argv[1]), info), 0
writer.begin([ModuleInfo("", "Linear", None)], [Channel("", Quantity.ACTIVATION, 0)])
for line in sys.stdin:
    for done in range(done, int(line)):
        writer.add_iteration(done, 1.0, 0.1)
        writer.add_row(done, np.zeros((1, 9)), {})
    done = int(line)
    writer.flush()
    print("flushed", flush=True)
"""


class Run:
    """A process that records as many iterations as it is told."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def reach(self, iterations: int) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{iterations}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "flushed\n"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    writer = Run(tmp_path / "run.h5")
    writer.reach(20)
    yield writer
    writer.process.kill()
    writer.process.communicate()


def test_pace_silence_and_another_run_of_that_name(tmp_path: Path, run: Run) -> None:
    path, now = tmp_path / "run.h5", [time.time()]
    with open_recording(path) as recording:
        live = Liveness(lambda: now[0])
        assert live.look(recording) and live.words == "10 it/s"
        assert not live.look(recording)
        now[0] += 100
        assert live.look(recording) and live.words.startswith("no iteration for 1") and live.words.endswith("killed?")
        shutil.copy(path, tmp_path / "other.h5")
        (tmp_path / "other.h5").replace(path)
        assert live.look(recording) and live.words.startswith("another run has this name")


def test_paused_nothing_is_taken_in_until_one_follows(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "run.h5"
    with open_recording(path) as recording:
        session = Session(recording)
        with pytest.raises(UsageError, match="no run is watched"):
            REGISTRY.run(session, "pause")
        REGISTRY.run(session, "follow")
        REGISTRY.run(session, "pause")
        run.reach(50)
        assert session.refresh() and session.view().iterations == 20
        assert session.view().pace == "paused, 30 iterations behind"
        REGISTRY.run(session, "follow")
        assert session.view().iterations == 50 and session.iteration == 49 and session.view().live == "following"


def test_the_bell_rings_once_for_what_is_new() -> None:
    with open_recording(Path(__file__).parents[2] / "recordings" / "vae.h5") as recording:
        view = replace(Session(recording).view(), live="following", findings=())
    bad = FindingRow(9, "error", "nonfinite", "exp overflows", "dec")
    worse = replace(view, findings=(bad, FindingRow(3, "warning", "loss_spike", "a spike", None)))
    assert alarm(view, worse) == "iteration 9: exp overflows" and not alarm(worse, worse)
    assert not alarm(view, replace(view, findings=worse.findings[1:])), "a warning rings no bell"
    assert alarm(worse, replace(worse, live="ended")).startswith("the run has ended after 2,579")
    silent = replace(view, pace="no iteration for 70 s: stopped or killed?")
    assert alarm(view, silent) == silent.pace and not alarm(silent, silent)
    assert not alarm(replace(view, live=""), replace(worse, live="")), "nobody watches"
