"""Pointing at lines in the order of their values at the cursor."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.picking import Pick, by_value, find, name_of, neighbour, pick_of, place_of, row_at
from dgmtui.session.session import Session
from dgmtui.session.view import DynamicsLine, DynamicsView

VALUES = st.floats(width=32, allow_nan=True, allow_infinity=True)


def made(*columns: list[float], kinds: dict[int, str] | None = None, **changes: Any) -> DynamicsView:
    """A chart whose line i is unit 10·i with these values at iterations 0, 5, 10, …"""
    lines = tuple(
        DynamicsLine(10 * i, (kinds or {}).get(i, "cover"), np.array(values, np.float32), None, f"[{10 * i}]")
        for i, values in enumerate(columns)
    )
    fields = {"module": "dec.xv", "quantity": "activation", "measure": "mean", "total": 99, **changes}
    return DynamicsView(
        iterations=np.arange(len(columns[0])) * 5, lines=lines, nonfinite=0, clipped=0, scale="linear", **fields
    )


@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=12), st.integers(-3, 20))
def test_going_up_from_the_bottom_visits_every_line_in_order(values: list[list[float]], cursor: int) -> None:
    view = made(*values)
    row = max((i for i in range(3) if 5 * i <= cursor), default=0)
    visited = []
    at = neighbour(view, None, cursor, 1)
    while at is not None:
        visited.append(at)
        at = neighbour(view, at, cursor, 1)
    assert sorted(visited) == list(range(len(values)))
    here = [float(view.lines[i].values[row]) for i in visited]
    finite = [value for value in here if not math.isnan(value)]
    assert finite == sorted(finite) and all(math.isnan(value) for value in here[len(finite) :])
    down = [neighbour(view, None, cursor, -1)]
    while down[-1] is not None:
        down.append(neighbour(view, down[-1], cursor, -1))
    assert down[:-1] == visited[::-1]


def test_it_begins_at_the_unit_that_is_looked_at() -> None:
    view = made([3.0], [1.0], [2.0], kinds={2: "selected"})
    assert by_value(view, 0) == [1, 2, 0]
    assert (neighbour(view, None, 0, 1), neighbour(view, None, 0, -1)) == (2, 2)
    assert (neighbour(view, 2, 0, 1), neighbour(view, 2, 0, -1), neighbour(view, 0, 0, 1)) == (0, 1, None)


def test_equal_values_keep_their_order() -> None:
    assert by_value(made([1.0], [0.0], [1.0], [0.0]), 0) == [1, 3, 0, 2]


@pytest.mark.parametrize(("cursor", "row"), [(-1, 0), (0, 0), (4, 0), (5, 1), (99, 2)])
def test_the_row_at_or_before_the_cursor_counts(cursor: int, row: int) -> None:
    assert row_at(np.array([0, 5, 10]), cursor) == row


@pytest.mark.parametrize("wanted", [20, "[20]", "dec.xv[20]"])
def test_a_line_is_found_by_number_label_and_name(wanted: int | str) -> None:
    assert find(made([1.0], [2.0], [3.0]), wanted) == 2


def test_lines_of_several_modules_and_ranks_have_names_of_their_own() -> None:
    lines = (
        DynamicsLine(3, "cover", np.ones(1, np.float32), None, "a[3]", "a"),
        DynamicsLine(3, "cover", np.ones(1, np.float32), None, "b[3]", "b"),
        DynamicsLine(3, "cover", np.ones(1, np.float32), None, "rank 1 [3]", "", 1),
    )
    view = made([1.0])
    several = DynamicsView("a", "activation", "mean", view.iterations, lines[:2], 2, 0, 0, "linear")
    assert [name_of(several, line) for line in lines[:2]] == ["a[3]", "b[3]"]
    assert find(several, "b[3]") == 1
    with pytest.raises(UsageError, match=r"3 could be a\[3\], b\[3\]"):
        find(several, 3)
    ranks = DynamicsView("", "activation", "mean", view.iterations, (lines[2],), 2, 0, 0, "linear")
    assert pick_of(ranks, lines[2]) == Pick("", 3, 1)
    both = DynamicsView("a", "activation", "mean", view.iterations, (lines[0], lines[2]), 2, 0, 0, "linear")
    assert [name_of(both, line) for line in both.lines] == ["rank 0 a[3]", "rank 1 a[3]"]


def test_what_is_not_drawn_is_said() -> None:
    with pytest.raises(UsageError, match="no line 7 is drawn"):
        find(made([1.0]), 7)
    assert place_of(made([1.0], [2.0]), Pick("dec.xv", 10, 0)) == 1
    assert place_of(made([1.0]), Pick("dec.xv", 10, 0)) is None
    assert place_of(None, Pick("dec.xv", 10, 0)) is None


def test_marked_lines_are_read_where_the_cursor_stands_the_selected_first(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        for line in ("module enc", "unit 0", "goto 12"):
            REGISTRY.run(session, line)
        view = session.view()
        assert view.dynamics is not None
        told = view.readings
        assert told[0].kind == "selected" and told[0].label == "[0]"
        drawn = {line.label: line for line in view.dynamics.lines}
        row = int(np.searchsorted(view.dynamics.iterations, 12))
        assert all(each.iteration == 12 and each.value == drawn[each.label].values[row] for each in told)
