"""A recording with a budget never takes more, and what is kept of it is what was recorded."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.recording.budget import parse_size, shown_size
from dgmtui.recording.check import check
from dgmtui.recording.model import (
    MEASURES,
    Channel,
    End,
    Event,
    Match,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
    StoredTensor,
    Verdict,
)
from dgmtui.recording.ranges import Ranges
from dgmtui.recording.schedule import aged, filled, near
from dgmtui.recording.writer import RecordingWriter
from dgmtui.session.session import Session

EVERY, UNITS = 2, 256
INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", EVERY)
CHANNELS = [Channel("a", Quantity.ACTIVATION, UNITS), Channel("b", Quantity.WEIGHT, 3)]
MODULES = [ModuleInfo("a", "Linear", None), ModuleInfo("b", "Linear", None)]
BAD, TOLD, JUMP, FAILED = 1000, 2000, 3001, 4000
"""Iterations at which something happens."""
LIMIT = 5 << 20


def loss_of(iteration: int) -> float:
    return 1 / (iteration + 1) + 1e-3 * np.sin(iteration) + (5.0 if iteration == JUMP else 0.0)


def row_of(iteration: int) -> tuple[np.ndarray, dict[Any, np.ndarray]]:
    rng = np.random.default_rng(iteration)
    statistics = rng.standard_normal((len(CHANNELS), 9))
    statistics[:, -3:] = 0
    series = {
        (i, measure): rng.standard_normal(channel.units).astype(np.float32)
        for i, channel in enumerate(CHANNELS)
        for measure in MEASURES[channel.quantity]
    }
    return statistics, series


def snapshot(writer: RecordingWriter, iteration: int, reason: str = "scheduled", size: int = 9000) -> None:
    bits = np.full(size, iteration % 251, np.uint8)
    writer.add_snapshot(
        iteration=iteration,
        turn="",
        reason=reason,
        trace=0,
        loss=0.0,
        verdict=Verdict(Match.NOT_MADE, Match.NOT_MADE, ""),
        tensors={"x": StoredTensor("uint8", (size,), bits), "none": StoredTensor("float32", (0,), bits[:0])},
    )


def begin(path: Path, limit: int | None, **how: Any) -> RecordingWriter:
    writer = RecordingWriter(path, INFO, max_size=limit, **how)
    writer.begin(MODULES, CHANNELS, ["lr"])
    writer.add_trace('{"nodes": [1]}')
    return writer


def add(writer: RecordingWriter, iteration: int) -> None:
    """One iteration with all that happens at it."""
    writer.add_iteration(iteration, loss_of(iteration), 0.5, {"lr": iteration / 7, "late": -float(iteration)})
    if iteration == 100:
        writer.add_late_channels([ModuleInfo("late", "Linear", None)], [Channel("late", Quantity.WEIGHT, 2)])
    if iteration % EVERY == 0:
        writer.add_row(iteration, *row_of(iteration))
        if iteration >= 100:
            norms = {MEASURES[Quantity.WEIGHT][0]: np.full(2, iteration, np.float32)}
            writer.add_late_row(iteration, 2, np.r_[np.full(6, iteration), 0, 0, 0], norms)
    if iteration & (iteration - 1) == 0:
        snapshot(writer, iteration)
    if iteration == BAD:
        writer.add_nonfinite(NonFinite(BAD, "b", Quantity.WEIGHT, 1, 1, 0, 0))
    if iteration == TOLD:
        writer.add_event(Event(TOLD, "note", "look here"))
    if iteration == FAILED:
        snapshot(writer, iteration, "failing")


def bit_equal(recording: Recording, iterations: int) -> None:
    """All that is there is what was recorded; what is not thinned is all there."""
    rows = recording.rows
    assert (np.diff(rows) > 0).all() and set(rows % EVERY) <= {0}
    a, b = (np.asarray(recording.series(recording.channel(m, q))) for m, q in (("a", "activation"), ("b", "weight")))
    late = np.asarray(recording.series(2)) if len(recording.channels) > 2 else None
    for place, iteration in enumerate(rows.tolist()):
        statistics, series = row_of(iteration)
        np.testing.assert_array_equal(recording.statistics_row(place)[: len(CHANNELS)], statistics)
        np.testing.assert_array_equal(a[place], series[0, MEASURES[Quantity.ACTIVATION][0]])
        np.testing.assert_array_equal(b[place], series[1, MEASURES[Quantity.WEIGHT][0]])
        if late is not None and 100 <= iteration < rows[-1]:  # the last may be under way
            np.testing.assert_array_equal(late[place], iteration)
            assert recording.statistics(2)[place, 0] == iteration
    count = recording.iteration_count
    assert iterations - 1 <= count <= iterations
    assert recording.losses().tolist() == [loss_of(i) for i in range(count)]
    assert recording.scalar("lr").tolist() == [i / 7 for i in range(count)]
    assert recording.scalar("late").tolist()[:-1] == [-float(i) for i in range(count - 1)]
    assert recording.trace(0) == '{"nodes": [1]}' and recording.trace_count == 1
    for taken in recording.snapshots:
        assert set(recording.tensor(taken.tensors["x"]).data) == {taken.iteration % 251}
        assert recording.tensor(taken.tensors["none"]).data.size == 0


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that was thinned many times; the sizes that its file ever had are beside it."""
    path = tmp_path_factory.mktemp("long") / "run.h5"
    writer, most, files = begin(path, LIMIT), 0, set()
    for iteration in range(6000):
        add(writer, iteration)
        most = max(most, path.stat().st_size)
        files.add(path.stat().st_ino)
        assert not path.with_name("run.h5.part").exists()
    writer.close(End("finished", 5999, ""))
    assert max(most, path.stat().st_size) <= LIMIT and len(files) > 1
    return path


def test_all_that_is_kept_is_as_it_was_recorded(long: Path) -> None:
    report = check(long)
    assert report.exit_code == 0, report.lines
    assert "old ones were thinned" in report.lines[0]
    with open_recording(long) as recording:
        bit_equal(recording, 6000)
        assert [event.kind for event in recording.events()].count("thinned") == 1
        assert recording.thinned is not None and shown_size(LIMIT) in recording.thinned.message
        assert len(recording.rows) < 1500, "rows were thinned at all"
        first = recording.first_nonfinite()
        assert first is not None and (first.iteration, first.module, first.unit) == (BAD, "b", 1)
        assert recording.next_nonfinite(-1) == first and recording.end is not None


def test_the_neighbourhood_of_what_happened_is_whole_and_so_is_the_end(long: Path) -> None:
    with open_recording(long) as recording:
        rows = set(recording.rows.tolist())
        for mark in (BAD, TOLD, JUMP, FAILED):
            at = mark - mark % EVERY
            assert rows >= set(range(at - 10 * EVERY + EVERY, at + 10 * EVERY + 1, EVERY)), mark
        assert rows >= set(range(6000 - 64 * EVERY, 6000, EVERY)) and 0 in rows
        apart = np.diff([row for row in recording.rows.tolist() if min(abs(row - m) for m in (JUMP, FAILED)) > 20])
        assert apart[: len(apart) // 2].mean() > 2 * apart[len(apart) // 2 :].mean(), "the older the fewer"


def test_the_first_the_newest_and_the_failing_snapshot_stay(long: Path) -> None:
    with open_recording(long) as recording:
        taken = {each.iteration: each.reason for each in recording.snapshots}
    assert taken[0] == "scheduled" and taken[FAILED] == "failing" and 4096 in taken


@pytest.mark.parametrize("size", [20_000, 100_000, 300_000])
def test_large_snapshots_are_thinned_too(tmp_path: Path, size: int) -> None:
    path, limit = tmp_path / "run.h5", 4 << 20
    writer = begin(path, limit)
    for iteration in range(600):
        add(writer, iteration)
        if iteration % 10 == 3:
            snapshot(writer, iteration, size=size)
            assert path.stat().st_size <= limit
    writer.close(None)
    with open_recording(path) as recording:
        bit_equal(recording, 600)
        taken = [each.iteration for each in recording.snapshots]
        assert {0, 593} <= set(taken) and taken == sorted(taken)


@settings(max_examples=4)
@given(
    limit=st.integers(3 << 20, 6 << 20),
    marks=st.lists(st.integers(0, 1400), max_size=12),
    flushes=st.lists(st.integers(0, 1400), max_size=6),
)
def test_the_budget_holds_whatever_happens(tmp_path: Path, limit: int, marks: list[int], flushes: list[int]) -> None:
    path = tmp_path / "run.h5"
    writer = begin(path, limit)
    for iteration in range(1400):
        add(writer, iteration)
        if iteration in marks:
            writer.add_event(Event(iteration, "skipped", "the scaler skipped this step"))
        if iteration in flushes:
            writer.flush()
        assert path.stat().st_size <= limit
    writer.close(End("finished", 1399, ""))
    assert path.stat().st_size <= limit
    assert check(path).exit_code == 0
    with open_recording(path) as recording:
        bit_equal(recording, 1400)


def test_a_budget_that_holds_everything_changes_nothing(tmp_path: Path) -> None:
    for name, limit in (("with.h5", 64 << 20), ("without.h5", None)):
        writer = begin(tmp_path / name, limit)
        for iteration in range(300):
            add(writer, iteration)
        writer.close(None)
    assert (tmp_path / "with.h5").read_bytes() == (tmp_path / "without.h5").read_bytes()


def test_a_budget_too_small_for_the_network_is_said_at_its_beginning(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run.h5", INFO, max_size=1 << 20)
    wide = [Channel(str(i), Quantity.ACTIVATION, 5000) for i in range(3)]
    with pytest.raises(RecordingError, match="can't be kept under --max-size 1.0M.*allow it at least"):
        writer.begin([ModuleInfo(str(i), "Linear", None) for i in range(3)], wide)
    assert not list(tmp_path.iterdir())


def test_what_can_not_be_thinned_ends_the_recording_within_the_budget(tmp_path: Path) -> None:
    path, limit = tmp_path / "run.h5", 3 << 20
    writer = begin(path, limit)
    with pytest.raises(RecordingError, match="can't be kept under --max-size 3.0M"):
        for iteration in range(2000):
            add(writer, iteration)
            snapshot(writer, iteration, "onset", 100_000)
    writer.close(End("abandoned", 0, ""))
    assert path.stat().st_size <= limit and check(path).exit_code == 0
    with open_recording(path) as recording:
        assert recording.end is not None and recording.end.reason == "abandoned" and len(recording.snapshots) > 8


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import test_thinning as t
from pathlib import Path
from dgmtui.recording import rewriting, thinning
from h5py import File
path, moment = Path(sys.argv[1]), sys.argv[3]
calls = 0
def die(original, at):
    def counted(*args, **kwargs):
        global calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **kwargs)
    return counted
if moment == "copying":
    rewriting.Rewriter._blocks = die(rewriting.Rewriter._blocks, 40)
elif moment == "before the name":
    Path.replace = die(Path.replace, 3)
else:
    File.close = die(File.close, 2)
writer = t.begin(path, t.LIMIT)
for i in range(6000):
    t.add(writer, i)
print("never thinned")
"""


@pytest.mark.parametrize("moment", ["copying", "before the name", "after the name"])
def test_killed_while_thinning_one_whole_file_is_left(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "run.h5"
    command = [sys.executable, "-c", KILLED, str(path), str(Path(__file__).parent), moment]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended
    report = check(path)
    assert report.exit_code == 0 and report.last_iteration is not None and report.last_iteration > 100, report.lines
    part = path.with_name("run.h5.part")
    assert part.exists() == (moment != "after the name")
    with open_recording(path) as recording:
        assert recording.live
        bit_equal(recording, recording.iteration_count)
    writer = begin(path, None)  # the next of that name
    writer.close(None)
    assert not part.exists() and check(path).exit_code == 0


def test_an_interrupt_while_thinning_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C comes at any moment, also between the file's new name and its use."""
    from dgmtui.recording import rewriting
    from dgmtui.recording import written_file as writing

    path, interrupts = tmp_path / "run.h5", []

    def interrupting(original: Any, after: bool) -> Any:
        def act(*args: Any) -> Any:
            if len(interrupts) < 4 and interrupts.count(after) < 2:
                if after:
                    original(*args)
                interrupts.append(after)
                raise KeyboardInterrupt
            return original(*args)

        return act

    writer = begin(path, LIMIT, flush_seconds=1e9)
    monkeypatch.setattr(writing, "take_over", interrupting(writing.take_over, True))
    monkeypatch.setattr(rewriting.Rewriter, "_log", interrupting(rewriting.Rewriter._log, False))
    for iteration in range(2500):
        row = iteration % EVERY == 0
        try:
            add(writer, iteration)
        except KeyboardInterrupt:
            with suppress(KeyboardInterrupt):
                writer.flush()
            if row and writer._rows.last < iteration:
                writer.add_row(iteration, *row_of(iteration))
    assert interrupts.count(True) == 2 and interrupts.count(False) == 2
    writer.close(None)
    assert check(path).exit_code == 0
    with open_recording(path) as recording:
        assert recording.rows[-1] == 2498
        a = np.asarray(recording.series(0))
        for place, iteration in enumerate(recording.rows.tolist()):
            np.testing.assert_array_equal(a[place], row_of(iteration)[1][0, MEASURES[Quantity.ACTIVATION][0]])


RUN = """
import sys
sys.path.insert(0, sys.argv[2])
import test_thinning as t
from pathlib import Path
writer = t.begin(Path(sys.argv[1]), t.LIMIT, flush_seconds=0.02)
t.add(writer, 0)
writer.flush()
print("going", flush=True)
for i in range(1, 4000):
    t.add(writer, i)
    if i % 100 == 0:
        sys.stdin.readline()
writer.close(t.End("finished", 3999, ""))
"""


@contextmanager
def a_run(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that records, each hundred iterations when it is told to."""
    command = [sys.executable, "-c", RUN, str(path), str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "going\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_session_in_another_process_keeps_its_cursor_over_a_thinning(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with a_run(path) as process, open_recording(path) as recording:
        session = Session(recording)
        session.follow()
        first, held = row_of(0)[1][0, MEASURES[Quantity.ACTIVATION][0]], recording.series(0)
        assert process.stdin is not None
        for told in range(40):
            process.stdin.write("\n")
            process.stdin.flush()
            session.refresh()
            np.testing.assert_array_equal(recording.series(0)[0], first)
            if told % 12 == 5:
                bit_equal(recording, recording.iteration_count)
            if told == 20:
                session.go_to(7)
        process.stdin.close()
        process.wait()
        session.refresh()
        assert session.iteration == 7 and not session.running
        assert recording.generation >= 1 and recording.thinned is not None
        bit_equal(recording, 4000)
        np.testing.assert_array_equal(held[0], first)


def test_another_run_under_the_same_name_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = begin(path, None)
    for iteration in range(10):
        add(writer, iteration)
    writer.close(None)
    with open_recording(path) as recording:
        other = RecordingWriter(path, RunInfo("2027", *[getattr(INFO, f) for f in list(INFO.__dict__)[1:11]]))
        other.begin([], [])
        other.close(None)
        recording.refresh()
        bit_equal(recording, 10)
        assert recording.generation == 0
        path.unlink()
        recording.refresh()
        bit_equal(recording, 10)


def test_sizes_are_read_as_people_write_them() -> None:
    sizes = {"500M": 500 << 20, "2G": 2 << 30, "2GiB": 2 << 30, "2gb": 2 * 10**9, "1.5m": 3 << 19, "2000000": 2000000}
    for text, size in sizes.items():
        assert parse_size(text) == size
    assert parse_size(5_000_000) == 5_000_000
    for text in ("", "G", "2X", "-1M", "2i", "2GI", "many", "1k", "0"):
        with pytest.raises(UsageError):
            parse_size(text)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 40)), max_size=12))
def test_ranges_move_what_they_keep(parts: list[tuple[int, int]]) -> None:
    data = np.arange(400)
    ranges = Ranges(parts)
    kept = np.concatenate([np.empty(0, int), *ranges.blocks(data, 7)])  # type: ignore[arg-type]
    assert len(kept) == ranges.total == len(np.unique(np.concatenate([np.arange(a, a + n) for a, n in parts] or [[]])))
    for offset, length in parts:
        if length:
            at = ranges.moved(offset)
            np.testing.assert_array_equal(kept[at : at + length], data[offset : offset + length])


@given(
    st.integers(1, 2000), st.integers(1, 20), st.integers(1, 300), st.integers(-12, 12), st.lists(st.integers(0, 40000))
)
def test_schedules(count: int, every: int, newest: int, bias: int, marks: list[int]) -> None:
    rows = np.arange(count) * every
    kept = aged(rows, every, newest, bias)
    assert kept[0] and kept[-newest:].all()
    assert (kept >= aged(rows, every, newest, bias + 1)).all(), "coarser is a part of finer"
    close = near(rows, np.unique(marks).astype(np.int64), 5 * every)
    slow = [any(abs(int(row) - mark) <= 5 * every for mark in marks) for row in rows]
    assert close.tolist() == slow
    whole = filled(kept, 0, 64)
    assert (whole >= kept).all() and (whole.all() or whole.sum() % 64 == 0)
