"""The tour as a command: its steps by the names of the recording, and what becomes of the offer of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.touring import offer
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session import touring
from dgmtui.session.session import Session

SHIPPED = Path(__file__).parents[2] / "recordings"


class Front:
    """A screen, as far as the tour asks."""

    theme, open_part = "none", "answer"


@pytest.fixture
def session(small_recording: Path) -> Iterator[Session]:
    with open_recording(small_recording) as recording:
        made = Session(recording)
        made.front = Front()  # type: ignore[assignment]
        made.start()
        yield made


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_it_works_on_another_recording_with_its_names(session: Session) -> None:
    steps = REGISTRY.run(session, "tour").data["steps"]
    assert [step["line"].split()[0] for step in steps] == [
        "next-nonfinite", "explain", "credit", "chain", "quantity", "set", "findings", "save",
    ]  # fmt: skip
    for step in steps[:-1]:
        before = session.tour.number
        REGISTRY.run(session, "where")
        assert session.tour.number == before
        REGISTRY.run(session, step["line"])
        assert session.tour.words, step["line"]
        assert session.tour.number == (before or 0) + 1, step["line"]


def test_its_words_fit_two_lines_of_a_narrow_screen(session: Session) -> None:
    import textwrap

    for step in REGISTRY.run(session, "tour").data["steps"]:
        assert len(textwrap.wrap(f"tour 1/8  {step['words']}", 78)) <= 2, step["words"]


def test_what_did_not_fail_says_which_recording_it_is_made_for() -> None:
    with open_recording(SHIPPED / "cnn.h5") as recording:
        session = Session(recording)
        with pytest.raises(UsageError, match=r"`dgmtui demo` records one .* `dgmtui recordings/vae.h5`"):
            REGISTRY.run(session, "tour")


def test_without_a_screen_the_steps_are_listed(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        result = REGISTRY.run(session, "tour")
        assert (result.data["step"], len(result.data["steps"])) == (None, 8)
        assert session.tour.number is None


def test_it_is_no_part_of_a_saved_session(session: Session) -> None:
    for line in ("tour", "next-nonfinite", "tour stop"):
        REGISTRY.run(session, line)
    assert [line.split()[0] for line in session.diary.lines] == ["next-nonfinite"]
    with pytest.raises(UsageError, match="no tour is under way"):
        REGISTRY.run(session, "tour stop")


@pytest.mark.usefixtures("newcomer")
def test_it_is_offered_once_and_with_a_demo_until_it_is_taken_or_declined(session: Session) -> None:
    assert touring.is_to_be_offered(always=False)
    assert not touring.is_to_be_offered(always=False)
    assert touring.is_to_be_offered(always=True)
    offer(session)
    assert "Press T" in session.view().tour
    REGISTRY.run(session, "where")
    assert not session.view().tour
    for lines in (("tour",), ("tour stop",)):
        touring.note(touring.OFFERED)
        offer(session)
        for line in lines:
            REGISTRY.run(session, line)
        assert not touring.is_to_be_offered(always=True)
        session.tour.stop()


def test_what_can_not_be_noted_is_not_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a_file"))
    assert not touring.is_to_be_offered(always=True)
