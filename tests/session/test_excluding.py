"""Exclusions on a recording whose only failure is known: exp in the root overflows at iteration 30."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session


@pytest.fixture
def session(small_recording: Path) -> Iterator[Session]:
    with open_recording(small_recording) as recording:
        yield Session(recording, thorough=True)


def run(session: Session, line: str) -> dict[str, Any]:
    return dict(REGISTRY.run(session, line).data)


def kinds(session: Session) -> list[str]:
    return [each["kind"] for each in run(session, "findings")["findings"]]


@pytest.mark.parametrize("pattern", ["aten.exp$", "^root$", "node:2$", "train.py:12", "e.p"])
def test_what_names_the_birth_leaves_out_all_that_comes_of_it(session: Session, pattern: str) -> None:
    assert "nonfinite" in kinds(session)
    told = run(session, f"exclude {pattern}")
    assert told["patterns"] == [pattern]
    assert "nonfinite" not in kinds(session)
    with pytest.raises(UsageError, match="but for those excluded"):
        run(session, "next-nonfinite")
    assert run(session, "replay")["births"] == []
    assert run(session, "break nonfinite")["hits"] == 0
    run(session, f"include {pattern}")
    assert "nonfinite" in kinds(session)
    assert run(session, "first-nonfinite")["iteration"] == 30
    assert run(session, "breaks")["breakpoints"][0]["hits"] == 1


@pytest.mark.parametrize("pattern", ["^enc$", "aten.log", "node:1$"])
def test_what_names_something_else_leaves_it(session: Session, pattern: str) -> None:
    run(session, f"exclude {pattern}")
    assert "nonfinite" in kinds(session)
    assert run(session, "n")["iteration"] == 30


def test_without_a_replay_the_module_of_a_value_decides(session: Session) -> None:
    run(session, "exclude ^root$")
    found = session.landmarks.first_nonfinite()
    assert found is not None and found.iteration == 30  # the loss is not finite, and nothing says yet why
    assert session.landmarks.nonfinite_iterations().tolist() == [30]
    session.results.findings()
    assert session.landmarks.first_nonfinite() is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("exclude (", "no regular expression"),
        ("exclude .*", "every name"),
        ("include exp", "nothing is excluded"),
        ("include", "needs PATTERN"),
    ],
)
def test_what_is_refused_says_why(session: Session, line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        run(session, line)


def test_they_are_listed_and_saved(session: Session, tmp_path: Path) -> None:
    run(session, r"exclude aten\.exp$")
    run(session, "exclude ^dec")
    assert run(session, "exclude")["patterns"] == [r"aten\.exp$", "^dec"]
    run(session, f"save {tmp_path / 's.dgm'}")
    other = Session(session.recording, thorough=True)
    REGISTRY.run(other, f"source {tmp_path / 's.dgm'}")
    assert other.ranks.exclusions.patterns == (r"aten\.exp$", "^dec")
    assert run(other, "include all")["patterns"] == []
