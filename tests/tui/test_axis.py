"""The cursor's mark on the axis hides no digit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.tui.widgets.dynamics_chart import give_way

AXIS = "     0                     1,287                 2,574"


@pytest.mark.parametrize("column", range(len(AXIS)))
def test_every_number_is_whole_beside_the_mark(column: int) -> None:
    text = "".join(piece for piece, _ in give_way([(AXIS, "axis")], column))
    assert len(text) == len(AXIS) and text.split() == AXIS.split() and text[column] == " "


@given(st.text(" 0123456789", min_size=1, max_size=30), st.integers(0, 29))
def test_an_axis_without_room_stays_as_wide(text: str, column: int) -> None:
    assert len("".join(piece for piece, _ in give_way([(text, "axis")], column))) == len(text)
