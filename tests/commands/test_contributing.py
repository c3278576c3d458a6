"""Looking through the table of contributions: sorted, filtered, a row picked, gone into and back out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.session.view import CreditView
from tests.answers import run

VAE = Path(__file__).parents[2] / "recordings" / "vae.h5"


@pytest.fixture(scope="module")
def recorded() -> Iterator[Session]:
    with open_recording(VAE) as recording:
        yield Session(recording)


@pytest.fixture
def session(recorded: Session) -> Iterator[Session]:
    """Stands on the healthy snapshot 2,048 with a table of one unit; replays are kept from test to test."""
    for line in ("goto 2048", "against off", "sort forward", "filter", "credit mu[5]@15", "row none"):
        REGISTRY.run(recorded, line)
    yield recorded


def shown(session: Session) -> CreditView:
    view = session.view().credit
    assert view is not None
    return view


def test_rows_are_sorted_by_what_was_chosen_and_later_tables_too(session: Session) -> None:
    assert shown(session).sort == "forward" and shown(session).grouped
    assert run(session, "sort value")["by"] == "value"
    for line in ("credit mu[5]@15", "credit xv[3]@0"):
        run(session, line)
        sizes = [abs(row.value) for row in shown(session).rows]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) > 100 and not shown(session).grouped
    run(session, "sort backward")
    parts = [abs(row.backward or 0.0) for row in shown(session).rows]
    assert parts == sorted(parts, reverse=True) and parts[0] > 0
    run(session, "sort module")
    modules = list(dict.fromkeys(row.module for row in shown(session).rows))
    assert modules.index("enc.0") < modules.index("mu") < modules.index("dec.0") and modules[0].startswith("input:")


def test_next_goes_through_all_that_can_be_sorted_by(session: Session) -> None:
    assert [run(session, "sort next")["by"] for _ in range(4)] == ["backward", "value", "module", "forward"]
    with pytest.raises(UsageError, match="type `against` first"):
        REGISTRY.run(session, "sort difference")
    run(session, "against 1024")
    assert [run(session, "sort next")["by"] for _ in range(3)] == ["backward", "value", "difference"]
    upstream = [row for row in shown(session).rows if row.forward is not None]
    moved = [abs(row.difference) for row in upstream if row.difference is not None]
    assert moved == sorted(moved, reverse=True) and upstream[0].rank == 1 and shown(session).grouped
    run(session, "against off")
    assert shown(session).sort == "forward"


def test_one_table_may_be_sorted_otherwise(session: Session) -> None:
    run(session, "credit mu[5]@15 --sort module")
    assert shown(session).sort == "module"
    run(session, "credit mu[5]@15")
    assert shown(session).sort == "forward"


def test_a_filter_leaves_what_matches_and_stays(session: Session) -> None:
    everything = len(shown(session).rows)
    said = run(session, "filter ^enc.0$")
    assert {row.module for row in shown(session).rows} == {"enc.0"}
    assert said["left_out"] == shown(session).left_out > 0 and everything > len(shown(session).rows)
    found = run(session, "credit mu[5]@15 --top 0")
    assert {row["module"] for row in found["rows"]} == {"enc.0"} and found["only"] == "^enc.0$"
    assert found["inputs"] == [] and found["conserved"]["inputs"] != 0
    run(session, r"filter enc.0\[25\]")
    assert [(row.module, row.unit) for row in shown(session).rows] == [("enc.0", 25)]
    assert run(session, "filter")["pattern"] is None
    assert len(shown(session).rows) == everything and shown(session).left_out == 0


def test_a_pattern_that_is_none_is_a_sentence_and_changes_nothing(session: Session) -> None:
    run(session, "filter enc")
    for line in ("filter [", "credit --only ["):
        with pytest.raises(UsageError, match="no regular expression"):
            REGISTRY.run(session, line)
    assert shown(session).only == "enc"


def test_a_filter_that_leaves_nothing_has_no_rows_to_pick(session: Session) -> None:
    run(session, "filter nothing")
    assert shown(session).rows == () and shown(session).left_out > 0
    assert run(session, "row next") == {
        "command": "row", "number": None, "target": None, "row": None, "note": "the table has no rows",
    }  # fmt: skip


def test_a_picked_row_stays_while_the_table_is_rearranged(session: Session) -> None:
    run(session, "filter enc")
    assert run(session, "row")["number"] == 1
    said = run(session, "row next")
    assert said["number"] == 2 and shown(session).picked == 1
    picked = said["target"]
    run(session, "filter")
    for line in ("sort module", "filter enc", "against 1024", "credit mu[5]@15", "goto 2047"):
        run(session, line)
        place = shown(session).picked
        assert place is not None
        row = shown(session).rows[place]
        assert picked == f"{row.module}[{row.unit}]@15"
    run(session, "filter dec")
    assert shown(session).picked is None
    run(session, "filter")
    assert shown(session).picked is not None


def test_rows_end(session: Session) -> None:
    assert run(session, "row previous")["number"] == len(shown(session).rows)
    assert run(session, "row next")["note"] == "this is the last row"
    assert run(session, "row first")["number"] == 1
    assert run(session, "row previous")["note"] == "this is the first row"
    with pytest.raises(UsageError, match="rows 1 to "):
        REGISTRY.run(session, "row 1000")


def test_into_a_contributor_and_back_out(session: Session) -> None:
    run(session, "sort value")
    run(session, "filter enc.0|mu")
    first = run(session, "row 2")["target"]
    assert run(session, "into")["target"]["name"] == first == session.target
    assert shown(session).trail == ("mu[5]@15",) and shown(session).sort == "value"
    second = run(session, "into 1")["target"]["name"]
    assert session.trail() == (second, first, "mu[5]@15")
    assert session.module == second.partition("[")[0]
    assert run(session, "out")["target"]["name"] == first and shown(session).picked == 0
    assert run(session, "out")["target"]["name"] == "mu[5]@15" and shown(session).picked == 1
    with pytest.raises(UsageError, match="nothing further out"):
        REGISTRY.run(session, "out")


def test_into_stays_at_the_snapshot_of_the_table(session: Session) -> None:
    run(session, "goto 100")
    said = run(session, "into 1")
    assert said["target"]["iteration"] == 2048 and session.iteration == 100
    assert run(session, "out")["target"]["iteration"] == 2048


def test_what_came_in_can_be_gone_into(session: Session) -> None:
    run(session, "filter input")
    name = run(session, "row 1")["target"]
    assert name.startswith("input:") and run(session, "into")["target"]["name"] == name


def test_without_a_table_or_a_row_it_is_said_what_to_type(session: Session, small_recording: Path) -> None:
    with pytest.raises(UsageError, match="`row next` picks one"):
        REGISTRY.run(session, "into")
    with open_recording(small_recording) as recording:
        other = Session(recording)
        for line, said in (("row", "`credit` makes one"), ("into 1", "`credit` makes one"),
                           ("into", "nothing is picked"), ("out", "there is nothing further down")):  # fmt: skip
            with pytest.raises(UsageError, match=said):
                REGISTRY.run(other, line)
        assert run(other, "sort value")["by"] == "value" and run(other, "filter enc")["left_out"] == 0


def test_where_no_row_is_picked_the_line_of_the_chart_is_taken(session: Session) -> None:
    run(session, "module enc.0")
    run(session, "row none")
    unit = run(session, "pick next")["picked"]["unit"]
    assert run(session, "into")["command"] == "pick" and session.unit == unit
    assert shown(session).target.startswith("mu[5]")


def test_the_other_snapshot_is_toggled(session: Session) -> None:
    assert run(session, "against toggle")["iteration"] == 1024
    assert shown(session).against == 1024
    assert run(session, "against toggle")["iteration"] is None
    assert shown(session).against is None


def test_an_into_that_fails_leaves_all_as_it_was(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    before = session.trail(), session.module, shown(session).target

    def fails(*_: object, **__: object) -> None:
        raise UsageError("cancelled; nothing was changed")

    monkeypatch.setattr(session.results.crediting, "_table", fails)
    with pytest.raises(UsageError, match="cancelled"):
        REGISTRY.run(session, "into 1")
    assert (session.trail(), session.module, shown(session).target) == before
