"""Charts as text: marks, labels, ticks."""

import numpy as np
import pytest

from dgmtui.render.chart import Plot, Series, place, plot
from dgmtui.render.scales import Axis


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


def cells_of(drawn: Plot) -> list[str]:
    return [row[drawn.left :] for row in lines_of(drawn)[:-1]]


def test_a_line_is_marked_where_it_leaves_the_range_and_held_at_the_edge() -> None:
    values = np.array([0, 0, 5, 5, 0, -7, 0, 9, 0], np.float32)
    drawn = plot([Series(values)], np.arange(9), 60, 9, axis=Axis("linear", -1.0, 1.0))
    cells = cells_of(drawn)
    tops = [drawn.left + x for x, glyph in enumerate(cells[0]) if glyph == "▲"]
    bottoms = [drawn.left + x for x, glyph in enumerate(cells[-1]) if glyph == "▼"]
    assert tops == [drawn.column(i, np.arange(9)) for i in (2, 7)]
    assert bottoms == [drawn.column(5, np.arange(9))]
    assert "▲" not in "".join(cells[1:]) and "▼" not in "".join(cells[:-1])
    assert [lines_of(drawn)[y].split()[0] for y in (0, 7)] == ["1", "-1"]


def test_what_stays_in_the_range_is_not_marked_nor_is_infinity() -> None:
    values = np.array([-1, 1, 0.5, np.inf], np.float32)
    drawn = plot([Series(values, "nonfinite")], np.arange(4), 40, 6, axis=Axis("linear", -1.0, 1.0))
    assert not set("▲▼") & set("".join(lines_of(drawn))) and "✗" in "".join(lines_of(drawn))


def test_on_a_logarithmic_chart_what_is_not_positive_leaves_at_the_bottom() -> None:
    drawn = plot([Series(np.array([1, 10, 0, 100], np.float32))], np.arange(4), 40, 6, "log")
    assert cells_of(drawn)[-1].index("▼") + drawn.left == drawn.column(2, np.arange(4))


def test_the_gravest_of_those_that_leave_at_a_place_marks_it() -> None:
    values = np.array([0, 5, 0], np.float32)
    series = [Series(values, "outlier"), Series(values, "cover")]
    drawn = plot(series, np.arange(3), 40, 6, axis=Axis("linear", 0.0, 1.0))
    assert any("▲" in text and kind == "outlier" for text, kind in drawn.rows[0])


def test_a_row_that_did_not_see_a_line_is_no_failure_of_it() -> None:
    gap = np.array([0, 1, np.nan, 1, 2], np.float32)
    for kind in ("cover", "selected", "picked"):
        assert "✗" not in "".join(lines_of(plot([Series(gap, kind)], np.arange(5), 40, 6)))
    failed = plot([Series(gap, "selected", first_nonfinite=2)], np.arange(5), 40, 6)
    assert [failed.column(2, np.arange(5))] == [row.index("✗") for row in lines_of(failed) if "✗" in row]


def test_the_picked_line_is_thicker_and_alone_in_its_cells() -> None:
    flat, noise = np.full(40, 0.5, np.float32), np.tile(np.array([0, 1], np.float32), 20)
    axis = Axis("linear", 0.0, 1.0)
    thin = plot([Series(flat, "selected")], np.arange(40), 44, 9, axis=axis)
    thick = plot([Series(noise), Series(flat, "picked")], np.arange(40), 44, 9, axis=axis)
    assert dots(thick, "picked") == 3 * dots(thin, "selected") > 0


def dots(drawn: Plot, kind: str) -> int:
    glyphs = "".join(text for row in drawn.rows for text, of in row if of == kind)
    return sum((ord(glyph) - 0x2800).bit_count() for glyph in glyphs)


@pytest.mark.parametrize("width", [4, 9, 14])
def test_a_label_that_is_cut_keeps_its_number(width: int) -> None:
    series = [Series(np.zeros(4, np.float32), "outlier", "decoder.xv[212]")]
    row = next(row for row in lines_of(plot(series, np.arange(4), 60, 5, labels=width)) if "2]" in row)
    assert row.rstrip().endswith(("o…" + "decoder.xv[212]"[-(width - 2) :])[:width])
