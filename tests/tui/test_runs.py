"""A directory of recordings: the list as text and on the screen, whatever lies there."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from dgmtui.cli import main
from dgmtui.errors import UsageError
from dgmtui.recording.reader import Recording
from dgmtui.session.runs import Runs
from dgmtui.tui.runs import RunsApp
from dgmtui.tui.widgets.pane import RowsPane

RECORDINGS = Path(__file__).parents[2] / "recordings"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for age, name in enumerate(("vae.h5", "cnn.h5")):
        shutil.copy(RECORDINGS / name, tmp_path)
        os.utime(tmp_path / name, (time.time() - age * 1000,) * 2)
    (tmp_path / "cut.h5").write_bytes((RECORDINGS / "vae.h5").read_bytes()[:30000])
    (tmp_path / "notes.h5").write_text("no recording")
    for age, name in enumerate(("cut.h5", "notes.h5")):
        os.utime(tmp_path / name, (time.time() - 5000 - age,) * 2)
    (tmp_path / "readme.txt").touch()
    return tmp_path


def test_the_newest_comes_first_and_a_bad_file_hides_no_other(directory: Path) -> None:
    found = Runs(directory).read()
    assert [run.path.name for run in found] == ["vae.h5", "cnn.h5", "cut.h5", "notes.h5"]
    assert [run.state for run in found] == ["failed", "ended", "unreadable", "unreadable"]
    assert found[0].iterations == 2579 and found[0].loss == float("inf") and len(found[0].losses) == 64
    assert found[0].losses[-1] == float("inf") and "is not an HDF5 file" in found[3].detail


def test_it_is_sorted_as_asked(directory: Path) -> None:
    runs = Runs(directory)
    assert [run.path.name for run in runs.read("loss")][0] == "cnn.h5", "the least finite loss"
    assert [run.path.name for run in runs.read("state")][0] == "vae.h5", "what needs a person"
    with pytest.raises(UsageError, match="sorted by time, loss"):
        runs.read("size")


def test_only_what_changed_is_read_again(directory: Path) -> None:
    runs = Runs(directory)
    before = {run.path.name: run for run in runs.read()}
    shutil.copy(RECORDINGS / "cnn-batchnorm.h5", directory / "vae.h5")
    (directory / "cut.h5").unlink()
    after = {run.path.name: run for run in runs.read()}
    assert after["cnn.h5"] is before["cnn.h5"] and after["vae.h5"].state == "ended" and "cut.h5" not in after


def test_batch_prints_a_table_and_json(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(directory), "--batch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and "vae.h5" in lines[1] and "nonfinite at iteration 2578" in lines[1]
    assert main([str(directory), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["command"] == "runs" and [run["state"] for run in said["runs"]][:2] == ["failed", "ended"]
    assert main([str(directory), "-c", "findings", "--batch"]) == 2
    assert "is a directory" in capsys.readouterr().err


async def test_enter_opens_the_selected_one(directory: Path) -> None:
    app = RunsApp(Runs(directory))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.pause()
        pane = app.query_one(RowsPane)
        assert "vae.h5" in pane.render_line(3).text and "failed" in pane.render_line(3).text
        await pilot.press("down", "down", "enter")
        assert app.is_running and "can't be opened" in pane.render_line(1).text, "what can't be read says why"
        await pilot.press("up", "enter")
    assert app.return_value == directory / "cnn.h5"


async def test_a_run_that_appears_is_listed_and_the_selection_stays(directory: Path) -> None:
    app = RunsApp(Runs(directory))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.workers.wait_for_complete()
        await pilot.press("down")
        shutil.copy(RECORDINGS / "cnn-batchnorm.h5", directory / "new.h5")
        app._read()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "new.h5" in app.query_one(RowsPane).render_line(3).text
        await pilot.press("enter")
    assert app.return_value == directory / "cnn.h5"


def test_what_is_open_is_not_opened_a_second_time(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def noting(path: Path) -> Recording:
        opened.append(path.name)
        return Recording(path)

    with Recording(directory / "vae.h5") as recording:
        monkeypatch.setattr("dgmtui.session.runs.Recording", noting)
        listed = {run.path.name: run for run in Runs(directory, (recording,)).read()}
        assert "vae.h5" not in opened and "cnn.h5" in opened
        assert listed["vae.h5"].iterations == 2579 and len(recording.losses()) == 2579, "nor was it closed"
