"""What is looked at where nobody has chosen: what the first finding concerns, and after its replay what caused it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.recording import Quantity, open_recording
from dgmtui.session.session import Session

SHIPPED = Path(__file__).parents[2] / "recordings"


@pytest.fixture
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording)


def looked_at(session: Session) -> tuple[str, int | None, int | None]:
    return session.module, session.unit, session.sample


def test_it_follows_the_replay_from_where_it_was_seen_to_what_caused_it(session: Session) -> None:
    REGISTRY.run(session, "next-nonfinite")
    assert looked_at(session)[:2] == ("", 1)
    session.results.findings()
    assert session.settle()
    assert (looked_at(session), session.phase, session.quantity) == (("enc", 1, 2), "forward", Quantity.ACTIVATION)
    assert session.target == "nonfinite"
    assert not session.settle()


@pytest.mark.parametrize("line", ["module enc", "unit 0", "sample 1", "quantity activation"])
def test_a_choice_stays_when_the_replay_is_done(session: Session, line: str) -> None:
    session.start()
    REGISTRY.run(session, line)
    before = looked_at(session)
    session.results.findings()
    assert not session.settle()
    assert looked_at(session) == before


def test_who_has_moved_on_is_shown_the_unit_but_no_sample_of_another_iteration(session: Session) -> None:
    session.start()
    REGISTRY.run(session, "goto 5")
    session.results.findings()
    session.settle()
    assert (session.iteration, *looked_at(session)) == (5, "enc", 1, None)
    assert session.target == "enc[1]"


def test_a_birth_outside_every_module_is_looked_at_where_its_operand_comes_from(vae: Session) -> None:
    vae.start()
    assert vae.view().dynamics is not None, "the root has no series: another module is shown until the replay is done"
    REGISTRY.run(vae, "next-nonfinite")
    vae.results.findings()
    vae.settle()
    finding = vae.results.finding_at(vae.iteration)
    assert finding is not None and finding.module == ""
    assert looked_at(vae) == ("xv", finding.unit, finding.sample)
    view = vae.view()
    assert view.dynamics is not None
    assert [line.kind for line in view.dynamics.lines if line.unit == finding.unit] == ["selected"]
    assert [row.op for row in view.operations if row.born] == ["aten.exp"]


def test_thorough_sessions_stand_on_the_cause_at_once() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording, thorough=True)
        REGISTRY.run(session, "next-nonfinite")
        assert looked_at(session) == ("xv", 16, 15)


@pytest.mark.parametrize("name", ["cnn", "vae-softplus"])
def test_a_run_that_went_on_starts_where_there_is_something_to_see(name: str) -> None:
    with open_recording(SHIPPED / f"{name}.h5") as recording:
        session = Session(recording)
        session.start()
        found = session.results.findings(quick=True)
        assert session.view().dynamics is not None
        assert not found or found[0].module == session.module
        assert session.focus is None


def test_without_findings_it_starts_at_the_first_leaf(make_recording: Callable[..., Path]) -> None:
    with open_recording(make_recording(fails=False)) as recording:
        session = Session(recording)
        session.start()
        assert looked_at(session) == ("enc", None, None)
