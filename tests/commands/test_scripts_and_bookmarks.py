"""Scripts that have a name, bookmarks and notes."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.render.json import to_json
from dgmtui.session.session import Session


@pytest.fixture(autouse=True)
def _data_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def run(session: Session, *lines: str) -> dict[str, Any]:
    """The object of the last line."""
    said = [json.loads(to_json(REGISTRY.run(session, line))) for line in lines]
    last: dict[str, Any] = said[-1]
    return last


def test_what_is_done_between_start_and_stop_is_a_script_for_any_place(session: Session) -> None:
    run(session, "goto 3", "step", "script start closer", "step", "step 2", "dynamics -k 5")
    session.start()  # as a screen moves by itself
    assert run(session, "scripts")["recording"] == "closer"
    assert run(session, "script stop")["name"] == "closer"
    assert [item["name"] for item in run(session, "scripts")["scripts"]] == ["closer"]
    run(session, "goto 20", "script run closer")
    assert (session.iteration, session.drawn.k) == (23, 5)
    assert session.history[-2:] == ["step 3", "dynamics -k 5"]
    run(session, "script delete closer")
    assert run(session, "scripts")["scripts"] == []


def test_leaving_keeps_a_script_that_is_being_recorded(session: Session) -> None:
    run(session, "script start half", "goto 3", "quit")
    assert run(session, "scripts")["scripts"][0]["first"] == "goto 3"


def test_an_editor_is_for_the_front_end(session: Session) -> None:
    run(session, "script start a", "goto 3", "script stop")
    answer = REGISTRY.run(session, "script edit a")
    assert answer.edit is not None and answer.edit.read_text().endswith("goto 3\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("script stop", "no script is being recorded"),
        ("script start", "needs a name"),
        ("script start ../a", "a script's name has letters"),
        ("script run none", "no script 'none'; there are: none"),
        ("script walk a", "takes start, stop, run"),
        ("bookmark 7", "is an iteration"),
        ("goto b9", "takes an integer or first-nonfinite, not 'b9'"),
        ("note", "it needs"),
    ],
)
def test_what_can_not_be_done_is_said(session: Session, line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        REGISTRY.run(session, line)


def test_a_bookmark_leads_back_to_all_that_was_looked_at(session: Session) -> None:
    run(session, "goto 16", "module enc", "unit 1", "bookmark odd", "goto 2", "module .")
    assert run(session, "goto odd")["iteration"] == 16
    assert (session.module, session.unit) == ("enc", 1)
    assert run(session, "bookmark")["name"] == "b1"
    assert [item["name"] for item in run(session, "bookmarks")["bookmarks"]] == ["odd", "b1"]


def test_both_are_kept_in_the_script_and_told_in_the_report(
    session: Session, small_recording: Path, tmp_path: Path
) -> None:
    run(session, "goto 16", "bookmark odd", "note it 'grows' here", f"save {tmp_path / 'a.dgm'}")
    with open_recording(small_recording) as recording:
        again = Session(recording)
        run(again, f"source {tmp_path / 'a.dgm'}")
        assert again.bookmarks.places == session.bookmarks.places
        assert [(note.iteration, note.text) for note in again.bookmarks.notes] == [(16, "it 'grows' here")]
        run(again, f"export {tmp_path / 'report.md'}")
    report = (tmp_path / "report.md").read_text()
    assert "## Bookmarks and notes" in report and "it 'grows' here" in report and "odd" in report
