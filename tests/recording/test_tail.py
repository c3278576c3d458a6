"""Rows that come between others: in their order, in a file that is whole whenever the run is killed, and followed."""

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from dgmtui.recording.model import MEASURES, Channel, End, ModuleInfo, NonFinite, Quantity, RunInfo
from dgmtui.recording.reader import Recording
from dgmtui.recording.tail import RowData
from dgmtui.recording.writer import RecordingWriter
from dgmtui.session.session import Session

INFO = RunInfo("2026", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 10)
MODULES = [ModuleInfo("", "Net", None), ModuleInfo("a", "Linear", "")]
CHANNELS = [Channel("a", Quantity.ACTIVATION, 3), Channel("", Quantity.GRADIENT, 0)]
FOLLOWED = """
import sys
from pathlib import Path
from tests_of_tail import a_writer, row
from dgmtui.recording.model import End
from dgmtui.recording.writer import RecordingWriter

def stop(what):
    print(what, flush=True)
    sys.stdin.readline()

put_back = RecordingWriter._put_back
def slowly(self, rows):
    stop("taken back")
    put_back(self, rows)
RecordingWriter._put_back = slowly

writer = a_writer(Path(sys.argv[1]), 4)
for i in range(0, 200, 10):
    writer.add_iteration(i, float(i), 0.1)
    writer.add_row(i, row(i).statistics, row(i).series)
writer.flush()
stop("written")
writer.insert_rows([row(i) for i in range(161, 200) if i % 10])
stop("between")
writer.close(End("exception", 199, ""))
"""


def row(iteration: int, nonfinite: bool = False) -> RowData:
    """Different in every place, with a NaN in channel 0 where asked for."""
    statistics = np.arange(18, dtype=float).reshape(2, 9) + iteration / 3
    statistics[:, 6:] = 0
    statistics[0, 6] = nonfinite
    series = {(0, m): np.arange(3, dtype=np.float32) + iteration for m in MEASURES[Quantity.ACTIVATION]}
    return RowData(iteration, statistics, series)


def a_writer(path: Path, block_rows: int = 4) -> RecordingWriter:
    writer = RecordingWriter(path, INFO, block_rows=block_rows, flush_seconds=1e9)
    writer.begin(MODULES, CHANNELS)
    return writer


def add(writer: RecordingWriter, *iterations: int, nonfinite: bool = False) -> None:
    for iteration in iterations:
        one = row(iteration, nonfinite)
        writer.add_iteration(iteration, 1.0, 0.1)
        writer.add_row(iteration, one.statistics, one.series)


def assert_holds(recording: Recording, iterations: list[int]) -> None:
    assert recording.rows.tolist() == iterations
    assert recording.statistics(0)[:, 0].tolist() == [i / 3 for i in iterations]
    assert recording.statistics(1)[:, 5].tolist() == [14 + i / 3 for i in iterations]
    for measure in MEASURES[Quantity.ACTIVATION]:
        assert recording.series(0, measure)[:, 2].tolist() == [2 + i for i in iterations]


@settings(max_examples=60)
@given(
    before=st.sets(st.integers(0, 40)),
    between=st.sets(st.integers(0, 40), min_size=1),
    after=st.lists(st.booleans(), max_size=12),
    again=st.sets(st.integers(41, 60)),
    block=st.integers(1, 9),
    flushed=st.booleans(),
    bad=st.sets(st.integers(0, 40)),
)
def test_rows_come_between_any_others(
    tmp_path: Path, before: set[int], between: set[int], after: list[bool], again: set[int], block: int,
    flushed: bool, bad: set[int],
) -> None:  # fmt: skip
    path = tmp_path / f"{uuid.uuid4()}.h5"
    writer = a_writer(path, block)
    for i in sorted(before):
        add(writer, i, nonfinite=i in bad)
    if flushed:
        writer.flush()
    new = sorted(between - before)
    if new:
        dense = writer.insert_rows([row(i, i in bad) for i in new])
        assert dense == (new[0] - 1 if new[0] - 1 in before else new[0])
    later = [61 + 2 * i for i, taken in enumerate(after) if taken]
    add(writer, *later)
    more = sorted(again)
    if more:
        writer.insert_rows([row(i) for i in more])
    add(writer, 100)
    writer.close(End("finished", 100, ""))
    report = check(path)
    assert report.whole, report.lines
    with open_recording(path) as recording:
        held = sorted(before | between)
        assert_holds(recording, [*held, *more, *later, 100])
        assert recording.index.table[:, 0].tolist() == [i for i in held if i in bad], "each once"


def test_what_the_index_was_told_before_is_not_told_again(tmp_path: Path) -> None:
    writer = a_writer(tmp_path / "run.h5")
    add(writer, 0, 10)
    writer.add_nonfinite(NonFinite(7, "a", Quantity.ACTIVATION, None, 1, 0, 0))
    add(writer, 20, nonfinite=True)
    writer.insert_rows([row(7, True), row(8), row(15, True)])
    writer.close(None)
    assert check(tmp_path / "run.h5").whole
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.index.table[:, 0].tolist() == [7, 15, 20]


def test_killed_at_any_moment_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a flush has brought into the file is looked at, as a kill would leave it."""
    path, states = tmp_path / "run.h5", []

    def kept(method: Any) -> Any:
        def keep(self: RecordingWriter, *arguments: Any) -> Any:
            result = method(self, *arguments)
            states.append(path.read_bytes())
            return result

        return keep

    writer = a_writer(path, 4)
    add(writer, *range(0, 100, 10))
    for name in ("_commit", "add_row"):
        monkeypatch.setattr(RecordingWriter, name, kept(getattr(RecordingWriter, name)))
    writer.insert_rows([row(i) for i in range(51, 99) if i % 10])
    monkeypatch.undo()
    lengths = set()
    for number, state in enumerate(states):
        killed = tmp_path / f"{number}.h5"
        killed.write_bytes(state)
        report = check(killed)
        assert report.whole, report.lines
        with open_recording(killed) as recording:
            lengths.add(len(recording.rows))
            assert_holds(recording, [*range(0, 51, 10), *range(51, 99)][: len(recording.rows)] if number else
                         [*range(0, 100, 10)])  # fmt: skip
    assert lengths == {10, 6, 54}, "before, taken back, and after"
    writer.close(None)


def test_an_interrupt_loses_at_most_the_row_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = a_writer(tmp_path / "run.h5")
    add(writer, *range(0, 100, 10))
    add_row = RecordingWriter.add_row

    def interrupted(self: RecordingWriter, iteration: int, *rest: Any) -> None:
        if iteration == 62:
            monkeypatch.setattr(RecordingWriter, "add_row", add_row)
            raise KeyboardInterrupt
        add_row(self, iteration, *rest)

    monkeypatch.setattr(RecordingWriter, "add_row", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writer.insert_rows([row(i) for i in range(51, 99) if i % 10])
    writer.close(None)
    with open_recording(tmp_path / "run.h5") as recording:
        assert_holds(recording, [*range(0, 51, 10), *(i for i in range(51, 99) if i != 62)])


class Run:
    """A process that records and waits at some places to be told to go on."""

    def __init__(self, directory: Path) -> None:
        (directory / "tests_of_tail.py").write_text(Path(__file__).read_text())
        (directory / "followed.py").write_text(FOLLOWED)
        self.path = directory / "run.h5"
        command = [sys.executable, str(directory / "followed.py"), str(self.path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def reach(self, place: str) -> None:
        """Go on to the next place."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if place != "written":
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        assert self._process.stdout.readline() == f"{place}\n"

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize("looks_between", [False, True])
def test_a_follower_takes_in_rows_that_came_between(tmp_path: Path, looks_between: bool) -> None:
    """Also one that looks while the rows after them are taken back."""
    with Run(tmp_path) as run:
        run.reach("written")
        with open_recording(run.path) as recording:
            session = Session(recording)
            session.select_module("a")
            held = recording.rows
            assert_holds(recording, list(range(0, 200, 10)))
            assert drawn(session, 170, 180) == {170: [170.0, 171.0, 172.0]}
            run.reach("taken back")
            if looks_between:
                assert session.refresh() and drawn(session, 170, 180) == {}
                assert_holds(recording, list(range(0, 161, 10)))
            run.reach("between")
            assert session.refresh() and recording.generation == 1 and not session.refresh()
            assert_holds(recording, [*range(0, 161, 10), *range(161, 200)])
            assert held.tolist() == list(range(0, 200, 10)), "what was handed out stays as it was"
            assert drawn(session, 161, 162) == {161: [161.0, 162.0, 163.0]}, "170 was in this place among the rows"
            assert [line.path for line in session.view().tree] == ["", "a"]


def test_killed_between_the_two_it_has_the_rows_before(tmp_path: Path) -> None:
    with Run(tmp_path) as run:
        run.reach("written")
        run.reach("taken back")
    report = check(run.path)  # by SIGKILL
    assert report.whole and report.end is None, report.lines
    with open_recording(run.path) as recording:
        assert_holds(recording, list(range(0, 161, 10)))
        assert recording.iteration_count == 191, "the losses are not touched"


def drawn(session: Session, start: int, stop: int) -> dict[int, list[float]]:
    """What the chart shows of a window: the units' values by iteration."""
    session.show_window((start, stop))
    chart = session.view().dynamics
    if chart is None:
        return {}
    return {
        int(i): [float(line.values[at]) for line in sorted(chart.lines, key=lambda one: one.unit)]
        for at, i in enumerate(chart.iterations)
    }
