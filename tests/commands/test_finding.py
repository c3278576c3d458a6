"""One finding is chosen, stood on, explained and shown."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.render.json import to_json
from dgmtui.session.session import Session

SHIPPED = Path(__file__).parents[2] / "recordings"


@pytest.fixture
def session() -> Iterator[Session]:
    """Two findings that need no replay: dead units at the last iteration, and a jump of the loss at 1,132."""
    with open_recording(SHIPPED / "vae-softplus.h5") as recording:
        yield Session(recording)


def run(session: Session, line: str) -> dict[str, Any]:
    return dict(REGISTRY.run(session, line).data)


def test_a_number_stands_on_the_finding(session: Session) -> None:
    dead, spike = session.ranks.findings(quick=True)[:2]
    told = run(session, "finding 2")
    assert (told["number"], told["iteration"]) == (2, spike.iteration)
    told = run(session, "finding 1")
    assert (told["number"], told["iteration"], told["module"]) == (1, dead.iteration, dead.module)
    assert session.view().finding == 1


def test_next_and_previous_go_round(session: Session) -> None:
    count = len(session.ranks.findings(quick=True))
    assert [run(session, "finding next")["number"] for _ in range(count + 1)] == [*range(1, count + 1), 1]
    assert run(session, "finding prev")["number"] == count


def test_the_chosen_one_is_explained(session: Session) -> None:
    run(session, "finding 2")
    assert run(session, "explain")["number"] == 2
    assert run(session, "explain 1")["number"] == 1


def test_its_evidence_runs_one_after_another(session: Session) -> None:
    run(session, "finding 1")
    listed = [item.command for item in session.ranks.findings(quick=True)[0].evidence]
    told = [run(session, "evidence")["line"] for _ in range(len(listed) + 1)]
    assert told == [*listed, listed[0]]
    assert session.history[-1] == listed[0]  # what ran is what is saved
    assert session.module == "enc.1"
    with pytest.raises(UsageError, match=f"it has 1 to {len(listed)}"):
        run(session, "evidence 40")


def test_what_is_not_there_is_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="no finding 40; there are 1 to"):
        run(session, "finding 40")
    assert session.view().finding is None


def test_a_nonfinite_one_is_stood_on_as_the_jump_to_it_does() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session, other = Session(recording, thorough=True), Session(recording, thorough=True)
        run(other, "first-nonfinite")
        run(session, "goto 0")
        run(session, "finding 1")
        assert (session.iteration, session.place, session.phase) == (other.iteration, other.place, other.phase)


def test_it_stays_chosen_when_a_replay_tells_more_of_it() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        run(session, "finding 1")
        assert session.ranks.findings(quick=True)[0].op is None
        assert run(session, "findings")["findings"][0]["op"] == "aten.exp"
        assert session.view().finding == 1


def test_without_a_finding_it_says_what_was_looked_for() -> None:
    with open_recording(SHIPPED / "cnn-batchnorm.h5") as recording:
        session = Session(recording)
        assert not session.ranks.findings(quick=True)
        assert "dead units" in session.view().looked_for and "nonfinite" in session.view().looked_for
        with pytest.raises(UsageError, match="no finding 1; there are none"):
            run(session, "finding 1")
        with pytest.raises(UsageError, match="there is no finding"):
            run(session, "evidence")


def test_the_answer_of_evidence_holds_that_of_its_command(session: Session) -> None:
    run(session, "finding 1")
    told = json.loads(to_json(REGISTRY.run(session, "evidence 1")))
    assert told["command"] == "evidence" and (told["number"], told["line"]) == (1, "module enc.1")
    assert told["result"]["command"] == "module" and told["result"]["module"] == "enc.1"
