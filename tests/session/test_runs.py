"""The runs of a directory: how each is, its worst finding, and what reads them in a process of its own."""

import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dgmtui.errors import UsageError
from dgmtui.recording.reader import Recording
from dgmtui.session.runs.background import LOOK, READ, RunsReader, Wanted
from dgmtui.session.runs.files import find_runs
from dgmtui.session.runs.listing import list_runs
from dgmtui.session.runs.model import Run, RunFiles, Worst
from dgmtui.session.runs.process import RunsProcess
from dgmtui.session.runs.shown import RunList
from dgmtui.session.runs.updates import Begun, Listed, Update, from_line, to_line

RECORDINGS = Path(__file__).parents[2] / "recordings"
TRAINING = """
import sys, time
from pathlib import Path
from dgmtui.recording.model import *
from dgmtui.recording.writer import RecordingWriter
from dgmtui.recording.writers import WRITER, this_process
info = RunInfo("2026", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1, extra={WRITER: this_process()})
writer = RecordingWriter(Path(sys.argv[1]), info, flush_seconds=0.05)
writer.begin([ModuleInfo("", "Net", None)], [])
for iteration in range(10**9):
    writer.add_iteration(iteration, 1.0, 0.01)
    if iteration == 5:
        writer.flush()
        print("going", flush=True)
    time.sleep(float(sys.argv[2]) if iteration > 5 else 0.0)
"""


@contextmanager
def training(path: Path, pause: float = 0.02) -> Iterator[subprocess.Popen[str]]:
    """A process that records six iterations, and one more each ``pause`` seconds."""
    command = [sys.executable, "-c", TRAINING, str(path), str(pause)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "going\n"
        try:
            yield process
        finally:
            process.kill()


def long_ago(path: Path, seconds: float = 600.0) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Two runs, and what is none: 0, 1000, 5000 and more seconds old."""
    (tmp_path / "cut.h5").write_bytes((RECORDINGS / "vae.h5").read_bytes()[:30000])
    (tmp_path / "notes.h5").write_text("no recording")
    (tmp_path / "empty.h5").touch()
    (tmp_path / "link.h5").symlink_to("nowhere")
    (tmp_path / "folder.h5").mkdir()
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "readme.txt").touch()
    for name in ("cut", "notes", "empty", "folder", "pipe"):
        long_ago(tmp_path / f"{name}.h5", 5000)
    os.utime(tmp_path / "link.h5", (time.time() - 5000,) * 2, follow_symlinks=False)
    for age, name in enumerate(("vae.h5", "cnn.h5")):
        shutil.copy(RECORDINGS / name, tmp_path)
        long_ago(tmp_path / name, age * 1000)
    return tmp_path


def by_name(runs: tuple[Run, ...]) -> dict[str, Run]:
    return {run.name: run for run in runs}


def test_each_tells_its_state_its_losses_and_its_worst_finding(directory: Path) -> None:
    found = list_runs(directory)
    assert [run.name for run in found[:2]] == ["vae.h5", "cnn.h5"], "the newest first"
    vae, cnn = found[:2]
    assert (vae.state, vae.iterations, vae.loss) == ("stopped", 2579, math.inf)
    assert len(vae.losses) == 64 and vae.losses[-1] == math.inf
    assert vae.worst is not None and cnn.worst is not None
    assert (vae.worst.severity, vae.worst.kind, vae.worst.iteration) == ("error", "nonfinite", 2578)
    assert (cnn.state, cnn.worst.kind, cnn.worst.iteration) == ("done", "dead_units", 595)


def test_torch_is_not_loaded_for_a_finding() -> None:
    code = (
        "import sys; from pathlib import Path; from dgmtui.session.runs.listing import list_runs\n"
        f"assert list_runs(Path({str(RECORDINGS)!r}))[0].looked; print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_what_can_not_be_read_says_why_and_hides_no_other(directory: Path) -> None:
    found = by_name(list_runs(directory))
    said = {name: run.detail for name, run in found.items() if run.state == "unreadable"}
    assert len(found) == 8 and sorted(said) == [f"{n}.h5" for n in ("cut", "empty", "folder", "link", "notes", "pipe")]
    assert "truncated" in said["cut.h5"] and said["empty.h5"].startswith("is empty")
    assert "is a directory" in said["folder.h5"] and "does not exist" in said["link.h5"]
    assert "is not an HDF5 file" in said["notes.h5"] and "no regular file" in said["pipe.h5"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_says_so(directory: Path) -> None:
    (directory / "vae.h5").chmod(0)
    assert "may not be read by you" in by_name(list_runs(directory))["vae.h5"].detail


def test_what_the_system_does_not_let_open_says_so(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refused(path: Path, *args: object, **options: object) -> object:
        if path.name == "vae.h5":
            raise PermissionError
        return opened(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    found = by_name(list_runs(directory))
    assert "may not be read by you" in found["vae.h5"].detail and found["cnn.h5"].state == "done"


def test_a_run_that_goes_on_is_running_and_one_whose_process_is_gone_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with training(path, pause=60.0) as process:
        (run,) = list_runs(tmp_path)
        assert (run.state, run.detail, run.iterations >= 5) == ("running", "", True)
        time.sleep(0.3)  # what it had staged is written
        long_ago(path)
        (run,) = list_runs(tmp_path)
        assert run.state == "silent" and f"process {process.pid} is there" in run.detail
        process.send_signal(signal.SIGKILL)
        process.wait()
        long_ago(path, 10)  # less than what silence takes to tell
        (run,) = list_runs(tmp_path)
        assert run.state == "killed" and run.detail.startswith("killed after iteration ")


def test_of_a_run_whose_process_can_not_be_seen_silence_tells(tmp_path: Path) -> None:
    code = TRAINING.replace("{WRITER: this_process()}", "{WRITER: this_process() | {'host': 'another'}}")
    path = tmp_path / "run.h5"
    with subprocess.Popen([sys.executable, "-c", code, str(path), "60"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        process.kill()
    long_ago(path, 30)
    assert list_runs(tmp_path)[0].state == "running"
    long_ago(path)
    (run,) = list_runs(tmp_path)
    assert (run.state, run.detail) == ("silent", "no iteration for 10 min: stopped or killed?")


def test_before_its_first_iteration_a_run_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "run.h5.part").touch()
    (run,) = list_runs(tmp_path)
    assert (run.state, run.detail, run.awaits_findings) == ("running", "in its first iteration", False)
    long_ago(tmp_path / "run.h5.part")
    assert list_runs(tmp_path)[0].state == "silent"


def test_ranks_are_one_run(a_run: Callable[..., object], tmp_path: Path) -> None:
    for rank in (0, 1):
        writing = a_run(f"run.rank{rank}.h5", rank=rank, ranks=2)
        writing.go_on(30, bad={"dec": {1: math.inf}} if rank else None)  # type: ignore[attr-defined]
        writing.close()  # type: ignore[attr-defined]
    a_run("alone.rank0.h5").close()  # type: ignore[attr-defined]
    runs = by_name(list_runs(tmp_path))
    assert sorted(runs) == ["alone.rank0.h5", "run.rank*.h5"]
    run = runs["run.rank*.h5"]
    assert [path.name for path in run.files.paths] == ["run.rank0.h5", "run.rank1.h5"]
    assert (run.state, run.iterations, run.detail) == ("done", 30, "2 ranks")
    assert run.worst is not None and run.worst.kind == "nonfinite", "of whichever rank"
    (tmp_path / "run.rank1.h5").write_bytes(b"x")
    run = by_name(list_runs(tmp_path))["run.rank*.h5"]
    assert run.state == "done" and "1 of them can't be read" in run.detail


def test_it_is_sorted_as_asked(directory: Path) -> None:
    shutil.copy(RECORDINGS / "cnn-batchnorm.h5", directory / "healthy.h5")
    found = [run.name for run in list_runs(directory, "finding")]
    assert found[:2] == ["vae.h5", "cnn.h5"] and found[-1] == "healthy.h5", "what can't be read comes before it"
    assert [run.name for run in list_runs(directory, "loss")][:3] == ["healthy.h5", "cnn.h5", "vae.h5"]
    assert [run.name for run in list_runs(directory, "name")][:2] == ["cnn.h5", "cut.h5"]
    assert next(run.state for run in list_runs(directory, "state")) == "unreadable"
    with pytest.raises(UsageError, match="sorted by time, finding"):
        list_runs(directory, "size")
    with pytest.raises(UsageError, match="can't be listed"):
        list_runs(directory / "vae.h5")


def test_what_is_open_is_not_opened_a_second_time(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def noting(path: Path) -> Recording:
        opened.append(path.name)
        return Recording(path)

    with Recording(directory / "vae.h5") as recording:
        monkeypatch.setattr("dgmtui.recording.reader.Recording", noting)
        found = by_name(list_runs(directory, opened=(recording,)))
        assert "vae.h5" not in opened and "cnn.h5" in opened
        assert found["vae.h5"].iterations == 2579 and found["vae.h5"].worst is not None
        assert len(recording.losses()) == 2579, "nor was it closed"


class Clock:
    """A reader's, which a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def worked(reader: RunsReader, wanted: Wanted, sent: list[Update]) -> list[str]:
    """What was sent until there is nothing to do: ``list``, ``vae.h5 read`` or ``vae.h5 looked``."""
    sent.clear()
    while reader.step(wanted) is None:
        pass
    runs = (each for each in sent if not isinstance(each, Begun))
    return [
        "list" if isinstance(each, Listed) else f"{each.name} {'looked' if each.looked else 'read'}" for each in runs
    ]


def test_the_newest_is_read_first_and_only_what_changed_again(directory: Path) -> None:
    for name in ("link", "pipe", "folder", "cut", "empty"):
        path = directory / f"{name}.h5"
        path.rmdir() if path.is_dir() else path.unlink()
    clock, wanted, sent = Clock(), Wanted(), []  # type: ignore[var-annotated]
    wanted.ask(READ)
    reader = RunsReader(directory, sent.append, clock=clock)
    assert worked(reader, wanted, sent) == ["list", "vae.h5 read", "cnn.h5 read", "notes.h5 read"]
    wanted.ask(LOOK)
    assert worked(reader, wanted, sent) == ["vae.h5 looked", "cnn.h5 looked"]
    clock.now += 10
    assert worked(reader, wanted, sent) == []
    shutil.copy(RECORDINGS / "vae-softplus.h5", directory / "cnn.h5")
    (directory / "notes.h5").unlink()
    clock.now += 10
    assert worked(reader, wanted, sent) == ["list", "cnn.h5 looked", "cnn.h5 looked"], "its finding stays meanwhile"
    wanted.ask(READ)
    shutil.copy(RECORDINGS / "vae.h5", directory / "new.h5")
    clock.now += 10
    assert worked(reader, wanted, sent) == ["list", "new.h5 read"]


def test_findings_that_are_not_wanted_any_more_are_given_up(directory: Path) -> None:
    wanted, sent = Wanted(), []  # type: ignore[var-annotated]
    wanted.ask(LOOK)

    def send(update: Update) -> None:
        sent.append(update)
        if isinstance(update, Begun) and any(isinstance(each, Run) and each.name == update.name for each in sent):
            wanted.ask(READ)  # the first look has begun

    reader = RunsReader(directory, send)
    while reader.step(wanted) is None:
        pass
    assert not any(run.looked for run in sent if isinstance(run, Run) and run.state == "stopped")


def received(process: RunsProcess, listing: RunList, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline and not process.ended, [run.state for run in listing.shown]
        listing.take(process.receive(1.0))


@contextmanager
def reading(directory: Path) -> Iterator[tuple[RunsProcess, RunList]]:
    process = RunsProcess(directory)
    process.ask(LOOK)
    try:
        yield process, RunList(directory)
    finally:
        process.close()


def test_what_the_process_tells_comes_through_as_lines_of_data() -> None:
    files = RunFiles(os.fsdecode(b"caf\xe9\n.h5"), (Path("/a b") / os.fsdecode(b"\xff.h5"),), 1.5, ((1, 2**62, 3),))
    run = Run(files, "exception", "why", 7, -math.inf, (1.0, math.inf), True, Worst("error", "nonfinite", 3, "exp", 2))
    for update in (run, Run(files), Listed((files, files)), Listed((), "gone"), Begun(files.name)):
        line = to_line(update)
        assert line.count(b"\n") == 1 and from_line(line.strip()) == update


@pytest.mark.parametrize(
    "line", [b"", b"HDF5: a warning", b"{}", b"[1]", b'{"is": "Run"}', b'{"is": "Listed", "files": 3}']
)
def test_another_line_is_none_of_them(line: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        from_line(line)


def test_a_process_fills_the_list_and_follows_what_comes_and_goes(directory: Path) -> None:
    with reading(directory) as (process, listing):
        received(process, listing, lambda: listing.count == 8 and not listing.waiting)
        assert listing.shown[0].worst is not None
        (directory / "vae.h5").unlink()
        with training(directory / "new.h5"):
            received(process, listing, lambda: "new.h5" in [run.name for run in listing.shown])
            received(process, listing, lambda: listing.shown[0].iterations > 5)
            before = listing.shown[0].iterations
            received(process, listing, lambda: listing.shown[0].iterations > before + 20)
            assert listing.shown[0].state == "running" and "vae.h5" not in [run.name for run in listing.shown]


def test_a_directory_that_is_gone_is_said_and_what_was_there_stays(directory: Path) -> None:
    with reading(directory) as (process, listing):
        received(process, listing, lambda: listing.count == 8 and not listing.waiting)
        shutil.rmtree(directory)
        received(process, listing, lambda: "can't be listed" in listing.error)
        assert listing.count == 8


def test_a_file_that_breaks_the_process_is_a_row_that_says_so(
    directory: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "h5py.py").write_text("import os; os.abort()")
    monkeypatch.syspath_prepend(folder)
    with reading(directory) as (process, listing):
        names = {files.name for files in find_runs(directory)}
        received(process, listing, lambda: {r.name for r in listing.shown if r.state == "unreadable"} == names)
        assert "broke the process" in listing.shown[0].detail


def test_what_lies_where_a_person_trains_is_not_imported(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "random.py").write_text("raise SystemExit")
    monkeypatch.chdir(directory)
    with reading(directory) as (process, listing):
        received(process, listing, lambda: listing.count == 8 and not listing.waiting)


def test_where_no_process_can_be_started_that_is_said(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(directory / "python"))
    with pytest.raises(UsageError, match="no process can be started to read the runs"):
        RunsProcess(directory)


def test_the_process_ends_when_nobody_reads_it_any_more(directory: Path) -> None:
    process = RunsProcess(directory)
    worker = process._process
    assert worker.stdin is not None
    worker.stdin.close()  # as when the list was killed
    assert worker.wait(20) == 0
    process.close()


def test_the_list_is_narrowed_by_name_state_and_finding(directory: Path) -> None:
    listing = RunList(directory, find_runs(directory))
    assert [run.state for run in listing.shown] == ["unread"] * 8 and listing.waiting == 8
    listing.take(list_runs(directory))
    for text, names in (("VAE", ["vae.h5"]), ("done", ["cnn.h5"]), ("dead", ["cnn.h5"]), ("error st", ["vae.h5"])):
        listing.seek(text, typing=True)
        assert [run.name for run in listing.shown] == names, text
    listing.seek("", typing=False)
    assert len(listing.shown) == 8


def test_the_selection_stays_with_its_run(directory: Path) -> None:
    listing = RunList(directory, find_runs(directory))
    listing.take(list_runs(directory))
    first = listing.selected
    listing.sort_next()
    assert first is not None and listing.place == 0, "nothing was selected: the first is"
    listing.select(1)
    chosen = listing.selected
    assert chosen is not None and chosen.name == "cnn.h5"
    listing.sort_next()
    assert listing.order_words == "by name" and listing.place == 0 and listing.selected is chosen
    listing.seek("vae", typing=True)
    assert listing.selected is first, "it is hidden"
    listing.seek("", typing=False)
    assert listing.selected is chosen


def test_a_selected_run_stays_so_when_its_first_iteration_is_whole(tmp_path: Path) -> None:
    for name in ("a.h5.part", "b.h5"):
        (tmp_path / name).touch()
    listing = RunList(tmp_path, find_runs(tmp_path))
    listing.select(next(place for place, run in enumerate(listing.shown) if run.name == "a.h5.part"))
    (tmp_path / "a.h5.part").rename(tmp_path / "a.h5")
    listing.take([Listed(find_runs(tmp_path))])
    assert listing.selected is not None and listing.selected.name == "a.h5"
