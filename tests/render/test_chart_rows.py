"""Charts as text: marks, labels, ticks."""

import numpy as np

from dgmtui.render.chart import Plot, Series, place, plot


def lines_of(drawn: Plot) -> list[str]:
    return ["".join(text for text, _ in row) for row in drawn.rows]


def test_a_line_that_becomes_non_finite_ends_in_a_mark_at_its_last_height() -> None:
    values = np.array([0.0, 1.0, 2.0, 3.0, np.nan], np.float32)
    drawn = plot([Series(values, "nonfinite")], np.arange(5), 30, 6)
    rows = lines_of(drawn)
    assert rows[0].index("✗") == drawn.column(4, np.arange(5)) and not any("✗" in row for row in rows[1:])


def test_what_was_never_finite_is_marked_at_the_bottom_left() -> None:
    drawn = plot([Series(np.full(3, np.nan, np.float32), "nonfinite")], np.arange(3), 20, 4)
    assert lines_of(drawn)[2].strip() == "✗" and lines_of(drawn)[2][drawn.left] == "✗"


def test_ticks_name_the_extremes_and_the_iterations() -> None:
    drawn = plot([Series(np.array([-2.0, 8.0], np.float32))], np.array([100, 2000]), 40, 8)
    rows = lines_of(drawn)
    assert rows[0].startswith(" 8 ") and rows[6].startswith("-2 ")
    assert rows[7].split() == ["100", "1,050", "2,000"]


def test_marked_lines_are_named_at_the_right_one_a_row() -> None:
    flat = [np.full(4, 1.0, np.float32), np.full(4, 1.0, np.float32), np.zeros(4, np.float32)]
    series = [Series(flat[0], "outlier", "63"), Series(flat[1], "event", "17"), Series(flat[2], "cover", "2")]
    rows = lines_of(plot(series, np.arange(4), 30, 6, labels=5))
    assert rows[0].rstrip().endswith("!17") and rows[1].rstrip().endswith("o63")
    assert not any(row.rstrip().endswith("2") for row in rows[2:5])


def test_every_row_is_as_wide_as_asked() -> None:
    drawn = plot([Series(np.arange(9, dtype=np.float32), "event", "a long label")], np.arange(9), 37, 5, labels=4)
    assert {len(row) for row in lines_of(drawn)[:-1]} == {37}


def test_nothing_to_draw_is_an_empty_chart() -> None:
    assert len(plot([], np.arange(3), 20, 4).rows) == 4
    assert len(plot([], np.empty(0, np.int64), 20, 4).rows) == 4


def test_uneven_iterations_lie_where_they_happened() -> None:
    assert place(np.array([0, 10, 100]), np.array([0, 10, 50, 100, 200])).tolist() == [0, 0.1, 0.5, 1, 1]
