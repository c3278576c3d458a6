"""Whatever was done in a session, and whatever the screen did by itself: the saved script leads to the same state."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dgmtui.commands import REGISTRY
from dgmtui.errors import DgmtuiError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.session.standing import standing_of

SHIPPED = Path(__file__).parents[2] / "recordings"
BY_ITSELF = ("<start>", "<settle>", "<look>")
"""No commands: what a screen does before the first one, and in the background."""
QUICK = (
    "goto 3", "goto 16", "goto -1", "goto -40", "step", "step 4", "step -2", "back", "back 9", "first-nonfinite",
    "next-nonfinite", "prev-nonfinite", "next-snapshot", "prev-snapshot", "module enc", "module .", "module dec",
    "unit 1", "unit 2", "unit all", "sample 2", "sample all", "quantity activation rms", "quantity gradient",
    "quantity weight", "quantity activation", "dynamics -k 3", "dynamics --scale next", "dynamics --overlay next",
    "dynamics --of below", "dynamics --limits -1 2", "dynamics --fit", "zoom in", "zoom out", "zoom left", "zoom all",
    "pick next", "pick previous", "pick take", "pick none", "thresholds dead_share_warning 0.7", "thresholds default",
    "follow", "where", "bookmark", "note odd", "goto b1", "nonsense", *BY_ITSELF,
)  # fmt: skip
REPLAYED = (
    *QUICK, "replay", "replay --dtype float64", "credit", "credit nonfinite", "credit enc[1]", "against 0",
    "against off", "up", "down", "chain", "set input[0][2] = input[0][1]", "set param:enc.weight *= 0.5",
    "clamp enc -2 2", "scale enc 0.5", "drop sample 1", "undo", "redo", "edits --clear", "explain", "clusters enc",
)  # fmt: skip


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scripts") / "session.dgm"


def do(session: Session, lines: Sequence[str]) -> None:
    for line in lines:
        if line == "<start>":
            session.start()
        elif line == "<settle>":
            session.settle()
        elif line == "<look>":
            session.ranks.findings()
            session.settle()
        else:
            with suppress(DgmtuiError):
                REGISTRY.run(session, line)


def state(session: Session) -> dict[str, Any]:
    """All of it that a person could notice, apart from what has been looked into in the background."""
    session.ranks.findings()
    session.view()
    session.refine_chart()
    edits = {s.iteration: [e.text for e in session.results.edits.of(s)] for s in session.recording.snapshots}
    return {
        "standing": standing_of(session),
        "following": session.following,
        "drawn": session.drawn,
        "against": session.against,
        "target": session.target,
        "thresholds": session.ranks.thresholds,
        "bookmarks": (dict(session.bookmarks.places), list(session.bookmarks.notes)),
        "edits": edits,
        "view": plain(
            asdict(replace(session.view(), operations=(), verdict="", picked=None, dynamics=None, readings=()))
        ),
        "chart": chart(session),
    }


def chart(session: Session) -> Any:
    """Without the lines of which others would do: which are drawn depends on those that were drawn before."""
    shown = session.view().dynamics
    if shown is None:
        return None
    certain = sorted((line.module, line.unit, line.rank) for line in shown.lines if line.kind == "selected")
    bad = sorted((line.module, line.unit) for line in shown.lines if line.kind == "nonfinite")
    drawn = (shown.module, shown.quantity, shown.measure, shown.scale, shown.total, shown.nonfinite)
    return certain, bad, drawn, (shown.iterations[0], shown.iterations[-1]), shown.backdrop is None


def plain(value: Any) -> Any:
    """With lists for arrays, and a word for NaN, so that ``==`` compares all of it."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return "nan" if isinstance(value, float) and value != value else value


def assert_saved(recording: Path, lines: Sequence[str], scratch: Path, *, thorough: bool = False) -> None:
    copy = scratch.parent / "again" / recording.name  # HDF5 misreads a file that one process has open twice
    copy.parent.mkdir(exist_ok=True)
    shutil.copyfile(recording, copy)
    with open_recording(recording) as first, open_recording(copy) as second:
        session = Session(first, thorough=thorough)
        do(session, lines)
        REGISTRY.run(session, f'save "{scratch}"')
        again = Session(second)
        again.start()  # as a screen does, which a script must not depend on
        REGISTRY.run(again, f'source "{scratch}"')
        assert state(again) == state(session), scratch.read_text()


def sequences(words: Sequence[str], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(words), max_size=most)


@settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))
@given(lines=sequences(QUICK, 12), thorough=st.booleans())
def test_what_was_looked_at(small_recording: Path, scratch: Path, lines: list[str], thorough: bool) -> None:
    assert_saved(small_recording, lines, scratch, thorough=thorough)


@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(lines=sequences(REPLAYED, 10))
def test_what_was_replayed_and_edited(small_recording: Path, scratch: Path, lines: list[str]) -> None:
    assert_saved(small_recording, lines, scratch)


@pytest.fixture
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        yield Session(recording)


@pytest.mark.parametrize(
    "lines",
    [
        ["<start>", "next-nonfinite", "<look>", "credit", "up", "step -3", "quantity gradient"],
        ["<start>", "next-nonfinite", "unit 3", "<look>", "replace exp at xv with softplus + 0.01", "replay"],
        ["<start>", "<look>", "module enc.0", "zoom in", "pick next", "pick next", "dynamics --of below", "pick next"],
    ],
)
def test_the_shipped_failure(lines: list[str], scratch: Path) -> None:
    assert_saved(SHIPPED / "vae.h5", lines, scratch)
