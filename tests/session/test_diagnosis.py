"""Findings of a run that goes on: looked at again when rows come, replayed again only when there is something new."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.findings import registry
from dgmtui.findings.case import Case
from dgmtui.findings.model import Finding, Severity
from dgmtui.recording import open_recording
from dgmtui.recording.model import SnapshotInfo
from dgmtui.session.diagnosis import Diagnosis
from dgmtui.session.session import Session
from dgmtui.trace.progress import Cancelled

CNN = Path(__file__).parents[2] / "recordings" / "cnn.h5"


@pytest.fixture
def runs() -> Iterator[list[str]]:
    """What two detectors of one test were asked for: one that replays and one that does not."""
    asked: list[str] = []

    @registry.detector("test_replaying")
    def replaying(case: Case) -> Iterator[Finding]:
        """It has an iteration run again."""
        asked.append("replaying")
        if case.replay(case.snapshots[0]) is not None:
            yield Finding("input_ignored", Severity.WARNING, 3, "It needs a replay.", "")

    @registry.detector("test_reading")
    def reading(case: Case) -> Iterator[Finding]:
        """It reads the recording only."""
        asked.append("reading")
        yield Finding("sample_outlier", Severity.WARNING, 5, "It does not.", "")

    yield asked
    del registry.DETECTORS["test_replaying"], registry.DETECTORS["test_reading"]


def test_what_a_replay_told_stays_while_rows_come(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with open_recording(CNN) as recording:
        session = Session(recording)
        made: list[SnapshotInfo] = []
        kept = Diagnosis._replay

        def counted(self: Diagnosis, snapshot: SnapshotInfo) -> Any:
            made.append(snapshot)
            return kept(self, snapshot)

        monkeypatch.setattr(Diagnosis, "_replay", counted)
        assert not session.results.findings_complete
        assert not any("needs a replay" in f.message for f in session.ranks.findings(quick=True))
        assert any("needs a replay" in f.message for f in session.ranks.findings())
        assert session.results.findings_complete
        count = len(made)
        runs.clear()
        extent = Diagnosis._extent
        monkeypatch.setattr(Diagnosis, "_extent", lambda self: (extent(self)[0] + 10, *extent(self)[1:]))
        for quick in (True, True, False):
            told = [f.message for f in session.ranks.findings(quick=quick)]
            assert any("needs a replay" in text for text in told) and any("does not" in text for text in told)
        assert (runs, len(made)) == (["reading"], count), "looked at once, and nothing is run again"
        monkeypatch.setattr(Diagnosis, "_due", lambda self: ("another onset",))
        assert not session.results.findings_complete
        session.ranks.findings()
        assert len(made) > count


def test_a_look_that_was_cancelled_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_recording(CNN) as recording:
        session = Session(recording)
        run: list[tuple[int, str]] = []
        told: list[float] = []
        kept = Diagnosis._replay

        def counted(self: Diagnosis, snapshot: SnapshotInfo) -> Any:
            run.append((snapshot.iteration, snapshot.turn))
            made = kept(self, snapshot)
            told.append(session.under_way[0])
            if len(run) == 3:
                session.cancel()  # it is between two replays that it comes
            return made

        monkeypatch.setattr(Diagnosis, "_replay", counted)
        with pytest.raises(Cancelled):
            session.results.findings()
        assert len(run) == 3
        found = session.results.findings()
        assert told == sorted(told) and len(told) > 4, "how far it is is of all snapshots"
        in_two = len(run)
    with open_recording(CNN) as recording:
        assert [f.message for f in Session(recording).results.findings()] == [f.message for f in found]
    assert in_two <= len(run) - in_two + 1, "what was seen before it was cancelled is not run again"


def test_what_came_since_the_last_command_is_marked(runs: list[str]) -> None:
    with open_recording(CNN) as recording:
        session = Session(recording)
        assert not any(row.new for row in session.view().findings)
        session.follow()
        assert not any(row.new for row in session.view().findings)
        session.ranks.findings()
        assert [row.kind for row in session.view().findings if row.new] == ["input_ignored"]
        REGISTRY.run(session, "where")
        assert not any(row.new for row in session.view().findings)
