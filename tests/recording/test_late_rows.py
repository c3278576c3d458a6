"""Rows of channels met late are staged as the others are, and no less safe for it."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.appending import Appender
from dgmtui.recording.check import check
from dgmtui.recording.compacting import compact
from dgmtui.recording.model import Channel, Measure, ModuleInfo, NonFinite, Quantity, RunInfo
from dgmtui.recording.tail import RowData
from dgmtui.recording.writer import RecordingWriter
from tests.waiting import follow_until

INFO = RunInfo("2026", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
ROOT = Path(__file__).parents[2]
UNITS = {"narrow": 3, "wide": 40}
KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from tests.recording.test_late_rows import a_writer, add
writer, late = a_writer(Path(sys.argv[1]), block_rows=64, flush_seconds=float(sys.argv[2]))
for i in range(10**9):
    add(writer, late, i)
    if i == 200:
        print("going", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def a_writer(
    path: Path, block_rows: int = 8, flush_seconds: float = 1e9, max_size: int | None = None
) -> tuple[RecordingWriter, list[int]]:
    """A writer and the ids of its late channels, of the weights of ``UNITS``."""
    writer = RecordingWriter(path, INFO, block_rows=block_rows, flush_seconds=flush_seconds, max_size=max_size)
    writer.begin([ModuleInfo("a", "Linear", None)], [Channel("a", Quantity.UPDATE, 2)])
    modules = [ModuleInfo(name, "Linear", None) for name in UNITS]
    return writer, writer.add_late_channels(modules, [Channel(n, Quantity.WEIGHT, u) for n, u in UNITS.items()])


def add(writer: RecordingWriter, late: list[int], iteration: int) -> None:
    """One iteration with a row of each late channel, and after them its own: so it is never without them."""
    writer.add_iteration(iteration, 1.0, 0.0)
    add_late(writer, late, iteration)
    writer.add_row(iteration, statistics(iteration)[None], {(0, Measure.NORM): np.full(2, iteration, np.float32)})


def add_late(writer: RecordingWriter, late: list[int], iteration: int) -> None:
    for channel, width in zip(late, UNITS.values(), strict=True):
        writer.add_late_row(iteration, channel, statistics(iteration), {Measure.NORM: norms(width, iteration)})


def statistics(iteration: int, nan: int = 0) -> NDArray[np.float64]:
    return np.r_[np.full(6, float(iteration)), nan, 0, 0]


def norms(width: int, iteration: int) -> NDArray[np.float32]:
    return np.arange(width, dtype=np.float32) + 100 * iteration


def assert_holds(recording: Recording, rows: int | None = None) -> None:
    """Every row has what was recorded of late channels, none another's."""
    assert rows is None or len(recording.rows) == rows
    for name, width in UNITS.items():
        channel = recording.channel(name, Quantity.WEIGHT)
        expected = np.arange(width) + 100 * recording.rows[:, None]
        np.testing.assert_array_equal(np.asarray(recording.series(channel)), expected)
        np.testing.assert_array_equal(recording.statistics(channel)[:, 0], recording.rows)


@contextmanager
def copied(path: Path) -> Iterator[Recording]:
    """The file as it is now: this process itself holds it open."""
    shutil.copy(path, path.with_suffix(".copy"))
    with open_recording(path.with_suffix(".copy")) as recording:
        yield recording


@pytest.mark.parametrize("refused", ["/late/series", "/late/statistics", "/late/rows"])
def test_what_the_disk_refuses_is_written_in_its_place_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    path = tmp_path / "run.h5"
    writer, late = a_writer(path)
    for iteration in range(3):
        add(writer, late, iteration)
    write = Appender.write

    def full(self: Appender, at: int, values: NDArray[np.float64]) -> None:
        if h5py.h5i.get_name(self._id) == refused.encode():
            raise OSError("no space left")
        write(self, at, values)

    monkeypatch.setattr(Appender, "write", full)
    for _ in range(2):
        with pytest.raises(RecordingError, match="no space left"):
            writer.flush()
    monkeypatch.undo()
    for iteration in range(3, 20):
        add(writer, late, iteration)
    writer.close(None)
    assert check(path).whole
    with open_recording(path) as recording:
        assert_holds(recording, 20)
        assert recording.source().whole[6] == 20 * sum(UNITS.values()), "nothing is left of what was refused"


def test_the_first_nonfinite_value_in_a_late_row_reaches_the_file_at_once(tmp_path: Path) -> None:
    writer, late = a_writer(tmp_path / "run.h5")
    add(writer, late, 0)
    norm = np.array([1, np.nan, 2], np.float32)
    writer.add_late_row(1, late[0], statistics(1, nan=1), {Measure.NORM: norm})
    with copied(tmp_path / "run.h5") as recording:
        expected = NonFinite(1, "narrow", Quantity.WEIGHT, 1, 1, 0, 0)
        assert recording.first_nonfinite() == expected == recording.first_nonfinite("narrow")
    writer.close(None)
    assert check(tmp_path / "run.h5").whole


def test_late_rows_of_iterations_passed_over_come_between_and_are_in_the_index_once(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer, late = a_writer(path)
    for iteration in (0, 10, 20, 30):
        add(writer, late, iteration)
    writer.add_nonfinite(NonFinite(17, "wide", Quantity.WEIGHT, None, 1, 0, 0))
    writer.flush()
    between = [i for i in range(11, 30) if i % 10]
    for iteration in between:
        nan = int(iteration in (17, 18))
        writer.add_late_row(iteration, late[0], statistics(iteration), {Measure.NORM: norms(3, iteration)})
        writer.add_late_row(iteration, late[1], statistics(iteration, nan), {Measure.NORM: norms(40, iteration)})
    writer.insert_rows([RowData(i, statistics(i)[None], {}) for i in between])
    add(writer, late, 40)
    writer.close(None)
    assert check(path).whole
    with open_recording(path) as recording:
        assert recording.rows.tolist() == [0, 10, *range(11, 31), 40]
        assert_holds(recording)
        assert recording.index.table[:, :2].tolist() == [[17, late[1]], [18, late[1]]]


def test_a_full_block_brings_late_rows_into_the_file(tmp_path: Path) -> None:
    """With the rows whose block is full; what readers are told of is again a matter of a flush."""
    writer, late = a_writer(tmp_path / "run.h5", block_rows=8)
    for iteration in range(8):
        add(writer, late, iteration)
    writer.add_nonfinite(NonFinite(7, "wide", Quantity.WEIGHT, None, 1, 0, 0))  # says how much is whole
    with copied(tmp_path / "run.h5") as recording:
        assert_holds(recording, 8)
    writer.close(None)


def test_thinned_and_compacted_they_stay_with_their_rows(tmp_path: Path) -> None:
    path, limit = tmp_path / "run.h5", 2 << 20
    writer, late = a_writer(path, max_size=limit)
    largest = 0
    for iteration in range(6000):
        add(writer, late, iteration)
        largest = max(largest, path.stat().st_size)
    writer.close(None)
    assert largest <= limit and check(path).whole
    with open_recording(path) as recording:
        assert recording.thinned is not None
        assert_holds(recording)
        rows = len(recording.rows)
    assert compact(path).rows == (rows, rows)
    assert check(path).whole
    with open_recording(path) as recording:
        assert_holds(recording, rows)


@contextmanager
def a_run(directory: Path, flush_seconds: float, pause: float) -> Iterator[Path]:
    """A process that records late rows until it is killed, 200 iterations at least, and some of them in the file."""
    path = directory / "run.h5"
    command = [sys.executable, "-c", KILLED, str(path), str(flush_seconds), str(pause), str(ROOT)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "going\n"
        with open_recording(path) as recording:
            follow_until(recording, lambda: len(recording.rows) > 0)
        yield path
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("attempt", range(3))
def test_killed_between_blocks_every_row_has_its_late_rows(tmp_path: Path, attempt: int) -> None:
    with a_run(tmp_path, flush_seconds=0.05, pause=0.0) as path:
        time.sleep(0.07 * attempt)
    assert check(path).whole
    with open_recording(path) as recording:
        assert recording.live and len(recording.rows) > 0
        assert_holds(recording)


def test_a_follower_sees_late_rows_while_they_are_written(tmp_path: Path) -> None:
    with a_run(tmp_path, flush_seconds=1.0, pause=0.002) as path, open_recording(path) as recording:
        for _ in range(3):
            before = recording.last_iteration
            follow_until(recording, lambda before=before: recording.last_iteration > before)
            assert_holds(recording)
