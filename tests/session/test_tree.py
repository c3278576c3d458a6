"""The network tree: of any size, it makes and reads what is shown only; what is open is the session's."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import Recording, open_recording
from dgmtui.session import tree as tree_module
from dgmtui.session.session import Session
from dgmtui.session.sparks import Maxima
from dgmtui.session.view import TreeRow

ILL = "blocks.700.fc1"


@pytest.fixture
def deep(deep_recording: Path) -> Iterator[Session]:
    with open_recording(deep_recording) as recording:
        yield Session(recording)


def run(session: Session, *lines: str) -> dict[str, Any]:
    for line in lines:
        result = REGISTRY.run(session, line)
    return dict(result.data)


def rows(session: Session) -> dict[str, TreeRow]:
    """By path, the units' as ``path[unit]``."""
    return {row.path + ("" if row.unit is None else f"[{row.unit}]"): row for row in session.view().tree}


def test_of_ten_thousand_modules_only_what_is_near_the_selection_is_made_and_read(
    deep: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, read = [], []
    between = Recording.statistics_between

    def counted(self: Recording, first: int, last: int, start: int, stop: int) -> Any:
        read.extend(range(first, last))
        return between(self, first, last, start, stop)

    def making(**fields: Any) -> TreeRow:
        made.append(fields["path"])
        return TreeRow(**fields)

    monkeypatch.setattr(Recording, "statistics_between", counted)
    monkeypatch.setattr(tree_module, "TreeRow", making)
    run(deep, f"module {ILL}")
    view = deep.view()
    assert len(deep.recording.modules) > 10_000
    assert len(made) == len(view.tree) == 401
    assert 0 < len(read) == len(set(read)) <= 129
    assert view.tree_place.before > 400 and view.tree_place.after > 100
    assert view.tree[view.tree_place.selected or 0].path == ILL

    read.clear()
    deep.go_to(3)
    deep.view()
    assert read == [], "another iteration reads no module's history again"


def test_a_hundred_thousand_units_are_rows_that_are_made_where_one_looks(deep: Session) -> None:
    run(deep, "module head", "expand --units", "unit 54321")
    view = deep.view()
    assert (len(view.tree), view.tree_place.after) == (401, 100_000 - 54_321 - 201)
    here = view.tree[view.tree_place.selected or 0]
    assert (here.path, here.unit, here.label) == ("head", 54_321, "[54321]")
    recorded = deep.recording.series(len(deep.recording.channels) - 1)[:, 54_321]
    assert here.detail == f"{recorded[-1]:.3g}" and here.spark == tuple(np.abs(recorded).astype(float).tolist())
    run(deep, "unit 3")
    assert rows(deep)["head[3]"].health == "error" and rows(deep)["head[4]"].health == "ok"
    deep.go_to(2)
    assert rows(deep)["head[3]"].health == "ok"


def test_a_deep_network_opens_to_what_is_ill_and_collapsed_modules_tell_the_worst_below(deep: Session) -> None:
    assert deep.view().tree_place.after > 800, "the blocks of an ill one are open"
    shown = rows_after(deep, "module blocks.699")
    assert {"blocks.698", "blocks.699", "blocks.700", ILL} <= set(shown)
    assert "blocks.699.fc1" not in shown
    assert (shown["blocks.700"].health, shown["blocks.699"].health, shown[ILL].detail) == ("error", "ok", "1 Inf")
    shown = rows_after(deep, "collapse blocks.700", "module blocks.700")
    assert (shown["blocks.700"].health, shown["blocks.700"].state) == ("error", "closed") and ILL not in shown
    deep.go_to(4)
    assert rows(deep)["blocks.700"].health == "ok"


def rows_after(session: Session, *lines: str) -> dict[str, TreeRow]:
    run(session, *lines)
    return rows(session)


def test_only_what_is_unhealthy_is_shown_and_then_all_again(deep: Session) -> None:
    assert run(deep, "unhealthy") == {
        "only": True,
        "modules": [{"module": ILL, "what": "non-finite"}, {"module": "head", "what": "non-finite"}],
    }
    assert list(rows(deep)) == ["", "blocks", "blocks.700", ILL, "head"]
    assert deep.view().tree_place.note == "unhealthy only"
    assert list(rows_after(deep, "module blocks.2.q")) == [
        "", "blocks", "blocks.2", "blocks.2.q", "blocks.700", ILL, "head",
    ]  # fmt: skip
    assert run(deep, "unhealthy")["only"] is False
    assert len(rows(deep)) > 200
    deep.go_to(0)
    with pytest.raises(UsageError, match="no module is unhealthy at iteration 0"):
        run(deep, "unhealthy")


def test_what_is_excluded_marks_no_module(deep: Session) -> None:
    shown = rows_after(deep, "collapse blocks", "module head", "expand --units", "unit 3", "exclude ^head$")
    assert (shown["head"].health, shown["head[3]"].health, shown[""].health) == ("ok", "ok", "error")
    assert [each["module"] for each in run(deep, "unhealthy")["modules"]] == [ILL]
    assert rows_after(deep, "unhealthy", "module .", f"exclude {ILL}")[""].health == "ok"
    with pytest.raises(UsageError, match="no module is unhealthy"):
        run(deep, "unhealthy")
    shown = rows_after(deep, "include all", "collapse blocks", "module head", "unit 3")
    assert (shown["head"].health, shown["head[3]"].health, shown[""].health) == ("error", "error", "error")
    assert len(run(deep, "unhealthy")["modules"]) == 2


def test_what_comes_of_an_excluded_operation_marks_no_module(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording, thorough=True)
        run(session, "findings")
        assert {path: row.health for path, row in rows(session).items()} == {"": "error", "enc": "ok"}
        run(session, "exclude aten.exp$", "findings")
        assert {path: row.health for path, row in rows(session).items()} == {"": "ok", "enc": "ok"}
        run(session, "include all", "findings")
        assert rows(session)[""].health == "error"


def test_collapsing_what_contains_the_selection_selects_it(deep: Session) -> None:
    run(deep, f"module {ILL}", "collapse blocks")
    assert deep.module == "blocks"
    assert list(rows(deep)) == ["", "blocks", "head"]
    assert list(rows_after(deep, f"module {ILL}"))[-1] != "head", "going to what is hidden opens what contains it"


def test_fold_opens_and_closes_modules_and_the_units_of_a_leaf(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        assert run(session, "fold enc") == {"module": "enc", "open": True, "units": 3}
        assert list(rows(session)) == ["", "enc", "enc[0]", "enc[1]", "enc[2]"]
        run(session, "module enc", "unit 1")
        assert run(session, "fold")["units"] == 0 and session.unit is None
        assert list(rows_after(session, "fold .")) == [""]
        assert list(rows_after(session, "fold .", "fold . --units")) == ["", "[0]", "[1]", "[2]", "enc"]
        for line, words in (
            ("collapse enc", "expand --units"),
            ("fold nix", "did you mean"),
            ("search-next", "search TEXT"),
        ):
            with pytest.raises(UsageError, match=words):
                run(session, line)


def test_search_goes_around_and_into_what_is_collapsed(deep: Session) -> None:
    assert run(deep, "search 99.FC") == {"text": "99.FC", "module": "blocks.99.fc1", "match": 1, "matches": 20}
    assert "blocks.99.fc1" in rows(deep)
    assert [run(deep, "search-next")["module"] for _ in range(2)] == ["blocks.99.fc2", "blocks.199.fc1"]
    assert run(deep, "search-previous", "search-previous", "search-previous")["match"] == 20
    assert run(deep, "search")["match"] == 1
    assert run(deep, "search dropout")["matches"] == 1000
    with pytest.raises(UsageError, match="no module holds 'conv'"):
        run(deep, "search conv")


def test_a_script_opens_the_tree_as_it_was(deep: Session, deep_recording: Path, tmp_path: Path) -> None:
    run(
        deep,
        "collapse blocks",
        "expand head --units",
        "search 12.proj",
        "fold blocks.13",
        f"save {tmp_path / 'tree.dgm'}",
    )
    with open_recording(deep_recording) as recording:
        again = Session(recording)
        run(again, f"source {tmp_path / 'tree.dgm'}")
        assert again.folds == deep.folds and again.view().tree == deep.view().tree


def test_a_run_that_goes_on_reads_only_what_is_new(a_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    writing = a_run()
    writing.go_on(10)
    read: list[int] = []
    between = Recording.statistics_between

    def counted(self: Recording, first: int, last: int, start: int, stop: int) -> Any:
        read.extend(range(start, stop))
        return between(self, first, last, start, stop)

    monkeypatch.setattr(Recording, "statistics_between", counted)
    with open_recording(writing.so_far()) as recording:
        session = Session(recording)
        session.view()
        writing.go_on(5, bad={"enc.b": {2: np.inf}})
        writing.meet_late()
        writing.go_on(1)
        shutil.copyfile(
            writing.path.with_name("run.h5.part") if not writing.path.exists() else writing.path, recording.path
        )
        session.refresh()
        session.go_to(-1)
        shown = rows(session)
        assert read == list(range(16))
        assert shown["enc.b"].spark[-2] == np.inf and np.isfinite(shown["enc.b"].spark[-1])
        assert "enc.late" in shown


def test_maxima_are_kept_in_constant_memory_whatever_the_steps_they_come_in() -> None:
    values = np.random.default_rng(0).random(50_000)
    whole, parts = Maxima(0, 1), Maxima(0, 1)
    whole.take(np.arange(50_000), values)
    for start in range(0, 50_000, 777):
        stop = min(start + 777, 50_000)
        parts.take(np.arange(start, stop), values[start:stop])
    last = values[-1]
    np.testing.assert_array_equal(whole.up_to(49_999, last), parts.up_to(49_999, last))
    assert 2048 <= len(whole.up_to(49_999, last)) <= 4096
    assert whole.up_to(49_999, last).max() == values.max()
    assert whole.up_to(8, 0.25)[-1] == 0.25


def test_what_was_not_seen_is_no_gap_and_no_failure() -> None:
    maxima = Maxima(0, 1)
    maxima.take(np.arange(4), np.array([np.nan, 1.0, np.nan, 3.0]))
    maxima.take(np.array([4, 7]), np.array([np.nan, 2.0]))
    assert maxima.up_to(7, 2.0).tolist() == [1, 1, 3, 3, 3, 3, 2]


def test_the_view_tells_where_it_lies_even_of_an_empty_selection(deep: Session) -> None:
    view = deep.view()
    assert replace(view.tree_place, note="") == view.tree_place
    assert (view.tree_place.before, view.tree_place.selected) == (0, 0)
