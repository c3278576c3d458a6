"""A session on disk as it goes: what is left of it when its process is gone, and what of the lines typed before."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.journal import Journal, broken_off
from dgmtui.session.session import Session
from dgmtui.session.standing import standing_of
from dgmtui.session.typed_lines import KEPT, TypedLines

WORK = """
import sys, time
from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.journal import Journal
from dgmtui.session.session import Session
recording = open_recording(sys.argv[1])
session = Session(recording)
session.start()
session.diary.journal = Journal(recording)
for line in ("goto 16", "step", "step 2", "module enc", "unit 2", "dynamics -k 3 --scale log", "note odd"):
    REGISTRY.run(session, line)
print("done", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_killed_session_is_taken_up_where_it_was(small_recording: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", WORK, str(small_recording)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "done\n"
    with open_recording(small_recording) as recording:
        assert broken_off(recording) is None  # it still lives
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        found = broken_off(recording)
        assert found is not None and found.words.endswith("broke off after 7 commands")
        session = Session(recording)
        session.diary.journal = Journal(recording)
        REGISTRY.run(session, "resume")
        there = standing_of(session)
        assert (there.iteration, there.module, there.unit) == (19, "enc", 2)
        assert (session.drawn.k, session.drawn.scale) == (3, "log")
        assert [note.text for note in session.bookmarks.notes] == ["odd"]
        assert broken_off(recording) is None
        with pytest.raises(UsageError, match="nothing to take up"):
            REGISTRY.run(session, "resume")


def test_a_session_that_was_left_is_not_offered(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        session.diary.journal = journal = Journal(recording)
        for line in ("goto 16", "step"):
            REGISTRY.run(session, line)
        journal.end()
        REGISTRY.run(session, "step")
        assert broken_off(recording) is None


def test_a_folder_that_can_not_be_written_costs_nothing_else(
    small_recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a_file"))
    with open_recording(small_recording) as recording:
        session = Session(recording)
        session.diary.journal = Journal(recording)
        REGISTRY.run(session, "goto 3")
        session.diary.journal.end()
        assert session.history == ["goto 3"] and broken_off(recording) is None
    typed = TypedLines(tmp_path / "a_file" / "typed")
    typed.load()
    assert typed.remember("goto 3")
    typed.write("goto 3")
    assert list(typed.lines) == ["goto 3"]


def test_typed_lines_last_and_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "typed"
    typed = TypedLines(file)
    for number in range(2 * KEPT + 10):
        assert typed.remember(f"goto {number}")
        typed.write(f"goto {number}")
    assert not typed.remember(f"goto {2 * KEPT + 9}")
    assert len(file.read_text().splitlines()) < 2 * KEPT
    again = TypedLines(file)
    again.load()
    assert again.lines[-1] == f"goto {2 * KEPT + 9}" and len(again.lines) == KEPT
    place = again.before("goto 20", len(again.lines))
    assert place is not None and again.lines[place] == f"goto {2 * KEPT + 9}"
    assert again.before("step", len(again.lines)) is None
