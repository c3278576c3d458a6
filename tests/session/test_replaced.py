"""What becomes of an open file under the tool is told, once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from dgmtui.session.session import Session


@pytest.fixture
def opened(small_recording: Path, tmp_path: Path) -> Iterator[tuple[Path, Session]]:
    path = tmp_path / "victim.h5"
    shutil.copy(small_recording, path)
    with open_recording(path) as recording:
        yield path, Session(recording)


def test_nothing_happened(opened: tuple[Path, Session]) -> None:
    assert opened[1].files.news() == ""


def test_deleted_and_told_once(opened: tuple[Path, Session]) -> None:
    path, session = opened
    path.unlink()
    assert session.files.news() == "victim.h5 was deleted; this is what it held"
    assert session.files.news() == ""


def test_replaced(opened: tuple[Path, Session], small_recording: Path) -> None:
    path, session = opened
    other = path.with_name("other.h5")
    shutil.copy(small_recording, other)
    other.replace(path)
    assert session.files.news() == "victim.h5 was replaced; this is the old one: `quit`, then open it again"


def test_cut_short(opened: tuple[Path, Session]) -> None:
    path, session = opened
    os.truncate(path, 3000)
    assert session.files.news().startswith("victim.h5 was cut short; what is read now may be wrong")


def test_written_to_after_its_run_had_ended(opened: tuple[Path, Session]) -> None:
    path, session = opened
    with path.open("r+b") as file:
        file.write(os.urandom(2000))
    os.utime(path, ns=(0, 0))  # in case the clock has not ticked since
    assert session.files.news().startswith("victim.h5 was written to; what is read now may be wrong")


def test_what_may_be_wrong_is_marked_as_long_as_it_is_open(opened: tuple[Path, Session]) -> None:
    path, session = opened
    assert session.files.harm == ""
    os.truncate(path, path.stat().st_size - 1)
    session.files.news()
    assert session.view().verdict == session.view().verdict == "was cut short: may be wrong"


def test_a_file_of_which_the_name_alone_is_gone_is_read_right(opened: tuple[Path, Session]) -> None:
    path, session = opened
    path.unlink()
    assert session.files.harm == "" and session.view().verdict == "not replayed"
