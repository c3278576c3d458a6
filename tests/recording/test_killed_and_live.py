"""A run that is killed leaves a recording that opens; a run that goes on can be followed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import Channel, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter
from tests.waiting import PATIENCE

WRITER = """
import sys, time
import numpy as np
from pathlib import Path
from dgmtui.recording.model import *
from dgmtui.recording.writer import RecordingWriter
path, pause, begin = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "begin"
info = RunInfo("2026", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
writer = RecordingWriter(path, info, flush_seconds=0.05)
print("created", flush=True)
if not begin:
    time.sleep(60)
units = 300
channels = [Channel(str(i), Quantity.ACTIVATION, units) for i in range(8)]
channels.append(Channel("8", Quantity.WEIGHT, 0, units, (20, 30)))
writer.begin([ModuleInfo(str(i), "Linear", None) for i in range(9)], channels)
for i in range(10**9):
    writer.add_iteration(i, float(i), 0.0, {"late": float(i)})
    statistics = np.full((9, 9), float(i)); statistics[:, 6:] = 0
    series = {(c, m): np.full(units, i, np.float32) for c in range(9) for m in channels[c].measures}
    writer.add_row(i, statistics, series)
    if i % 50 == 3:
        writer.add_snapshot(iteration=i, turn="", reason="scheduled", trace=-1, loss=0.0,
            verdict=Verdict(Match.NOT_MADE, Match.NOT_MADE, ""),
            tensors={"x": StoredTensor("uint8", (5000,), np.full(5000, i % 256, np.uint8))})
    if i == 5:
        writer.add_nonfinite(NonFinite(5, "3", Quantity.ACTIVATION, 7, 1, 0, 0))
        print("going", flush=True)
    time.sleep(pause)
"""


@contextmanager
def a_run(path: Path, pause: float = 0.0, begin: str = "begin") -> Iterator[subprocess.Popen[str]]:
    """A process that records until it is killed."""
    command = [sys.executable, "-c", WRITER, str(path), str(pause), begin]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "created\n"
        if begin == "begin":
            assert process.stdout.readline() == "going\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_killed_in_mid_write_it_is_whole_until_then(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for attempt in range(5):
        path = tmp_path / f"{attempt}.h5"
        with a_run(path):
            time.sleep(rng.uniform(0.05, 0.6))
        report = check(path)
        assert report.whole and report.exit_code == 0, report.lines
        assert f"whole until iteration {report.last_iteration}" in report.lines[0] and "killed" in report.lines[0]
        with open_recording(path) as recording:
            count = len(recording.rows)
            assert count > 0 and recording.live
            np.testing.assert_array_equal(recording.losses()[:count], np.arange(count))
            np.testing.assert_array_equal(recording.series(7, "zeros")[:, 299], np.arange(count))
            np.testing.assert_array_equal(recording.series(8, "element")[:, 299], np.arange(count))
            np.testing.assert_array_equal(recording.statistics(4)[:, 2], np.arange(count))
            first = recording.first_nonfinite()
            assert first is not None and (first.iteration, first.module, first.unit) == (5, "3", 7)
            for snapshot in recording.snapshots:
                assert set(recording.tensor(snapshot.tensors["x"]).data) == {snapshot.iteration % 256}


def test_killed_before_the_first_iteration(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with a_run(path, begin="wait"), pytest.raises(RecordingError, match="has not finished its first iteration"):
        open_recording(path)
    with pytest.raises(RecordingError, match="had not finished its first iteration"):
        open_recording(tmp_path / "a.h5.part")
    assert check(path).exit_code == check(tmp_path / "a.h5.part").exit_code == 3


def test_a_run_going_on_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with a_run(path, pause=0.005), open_recording(path) as recording:
        before, held = recording.iteration_count, recording.rows
        deadline = time.monotonic() + PATIENCE
        while recording.iteration_count < before + 100 and time.monotonic() < deadline:
            recording.refresh()
            count = len(recording.rows)
            np.testing.assert_array_equal(recording.series(0)[:, 5], np.arange(count))
            np.testing.assert_array_equal(recording.series(8, "element")[:, 5], np.arange(count))
            np.testing.assert_array_equal(recording.statistics(0)[:, 0], np.arange(count))
            np.testing.assert_array_equal(recording.scalar("late"), np.arange(recording.iteration_count))
        assert recording.iteration_count >= before + 100
        assert len(held) < len(recording.rows)
        assert recording.channels[0] == Channel("0", Quantity.ACTIVATION, 300)


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="asks Linux who has the file open")
def test_a_recording_that_is_being_written_is_not_replaced(tmp_path: Path) -> None:
    path, info = tmp_path / "run.h5", RunInfo("2026", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
    writer = RecordingWriter(path, info)
    with pytest.raises(UsageError, match="can't be written"):
        RecordingWriter(path, info)
    writer.begin([ModuleInfo("", "Linear", None)], [Channel("", Quantity.ACTIVATION, 2)])
    writer.add_iteration(0, 1.0, 0.1)
    writer.flush()
    with pytest.raises(UsageError, match=f"process {os.getpid()} is recording"):
        RecordingWriter(path, info)
    writer.close(None)
    RecordingWriter(path, info).discard()
    with open_recording(path) as recording:
        assert recording.iteration_count == 1, "a new recording takes its place once its first iteration is whole"
