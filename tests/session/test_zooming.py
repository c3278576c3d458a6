"""Windows of iterations: around the cursor, and never beyond what is recorded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.session.zooming import LEAST_ROWS, Window, Zoom, zoomed

ROWS = np.arange(0, 900, 3)
WAYS: tuple[Zoom, ...] = ("in", "out", "all", "left", "right")


@pytest.mark.parametrize(
    ("window", "cursor", "how", "wanted"),
    [
        (None, 450, "in", (301, 600)),
        (None, 0, "in", (0, 299)),
        (None, 897, "in", (599, 898)),
        ((300, 600), 450, "in", (400, 500)),
        ((400, 500), 450, "out", (300, 600)),
        ((300, 600), 450, "out", None),
        ((0, 100), 10, "out", (0, 300)),
        ((800, 898), 890, "out", (604, 898)),
        ((300, 600), 450, "left", (150, 450)),
        ((300, 600), 450, "right", (450, 750)),
        ((100, 400), 450, "left", (0, 300)),
        ((700, 850), 450, "right", (748, 898)),
        ((0, 300), 5, "left", (0, 300)),
        (None, 5, "left", None),
        (None, 5, "right", None),
        ((300, 600), 450, "all", None),
        ((5, 5000), 450, "left", None),
    ],
)
def test_windows(window: Window | None, cursor: int, how: Zoom, wanted: Window | None) -> None:
    assert zoomed(ROWS, window, cursor, how) == wanted


def test_out_undoes_in_where_no_end_is_near() -> None:
    closer = zoomed(ROWS, (250, 650), 450, "in")
    assert closer == (384, 517)
    back = zoomed(ROWS, closer, 450, "out")
    assert back is not None and np.abs(np.subtract(back, (250, 650))).max() <= 3


def test_in_stops_where_few_rows_are_left() -> None:
    window: Window | None = None
    for _ in range(20):
        window = zoomed(ROWS, window, 450, "in")
    assert window is not None and window[0] <= 450 < window[1]
    assert ((ROWS >= window[0]) & (ROWS < window[1])).sum() == LEAST_ROWS
    assert zoomed(ROWS, window, 450, "in") == window


def test_of_few_rows_all_are_shown() -> None:
    assert zoomed(np.array([4, 9]), None, 5, "in") is None
    assert zoomed(np.array([7]), None, 7, "in") is None


@given(st.sets(st.integers(0, 500), min_size=1), st.integers(-5, 600), st.lists(st.sampled_from(WAYS), max_size=12))
def test_whatever_is_done_a_window_lies_in_the_recording_and_holds_rows(
    rows: set[int], cursor: int, ways: list[Zoom]
) -> None:
    recorded = np.array(sorted(rows))
    window: Window | None = None
    for how in ways:
        window = zoomed(recorded, window, cursor, how)
        if window is not None:
            assert recorded[0] <= window[0] < window[1] <= recorded[-1] + 1
            assert window != (recorded[0], recorded[-1] + 1)
        if window is not None and how == "in":
            held = ((recorded >= window[0]) & (recorded < window[1])).sum()
            assert held >= min(LEAST_ROWS, len(recorded))
