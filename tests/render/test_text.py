"""What batch mode prints."""

import io

import numpy as np
import pytest
from rich.console import Console

from dgmtui.commands.result import Chart, Line, Result, Table, Text
from dgmtui.render.numbers import human, shape, signed
from dgmtui.render.spark import spark
from dgmtui.render.tables import table_rows
from dgmtui.render.text import print_result


def printed(*blocks: Text | Table | Chart, terminal: bool = False, width: int = 60) -> str:
    out = io.StringIO()
    print_result(Result("x", blocks=blocks), Console(file=out, force_terminal=terminal, width=width))
    return out.getvalue()


TABLE = Table(
    ("module", "unit", "value", "moved"),
    (("dec.xv", 212, 89.41233, True), ("enc.0", None, float("-inf"), False)),
    title="contributions",
    note="2 of 1,024",
)


def test_a_table_in_a_pipe() -> None:
    assert printed(TABLE) == (
        "contributions\nmodule  unit  value  moved\ndec.xv   212  89.41  yes\nenc.0      –   -inf  no\n2 of 1,024\n"
    )


def test_a_chart_in_a_pipe() -> None:
    rising = np.linspace(0, 3, 16, dtype=np.float32)
    rising[-1] = np.inf
    chart = Chart(np.arange(16), (Line("212", rising, "nonfinite"),), "xv", "linear", total=784, nonfinite=1, cursor=8)
    text = printed(chart).splitlines()
    assert text[:2] == ["xv", "1 of 784 · 1 non-finite · linear"]
    assert text[2].endswith("✗✗212") and text[2].startswith("2.8 ")
    assert text[-1].split() == ["^", "iteration", "8"]
    assert text[-1].index("^") == pytest.approx(4 + 8 / 15 * 71, abs=1)


def test_a_pipe_gets_neither_colours_nor_cuts() -> None:
    long = Table(("what", "n"), (("w" * 200, 1),))
    assert "w" * 200 in printed(long, Text("bad", "error")) and "\x1b" not in printed(Text("bad", "error"))


def test_a_terminal_gets_colours_and_cuts_text_but_no_number() -> None:
    long = Table(("what", "n"), (("w" * 200, 123456789),))
    text = printed(long, Text("bad", "error"), terminal=True, width=40)
    assert "\x1b[" in text and "…" in text and "123,456,789" in text
    assert max(map(len, text.splitlines()[:2])) <= 60


def test_brackets_are_not_markup() -> None:
    assert printed(Text("dec.xv[212] of [bold]")) == "dec.xv[212] of [bold]\n"


def test_an_empty_table_says_so() -> None:
    assert [text for row in table_rows(Table(("a", "b"), ())) for text, _ in row] == ["a  b", "nothing"]


def test_a_table_that_is_a_little_too_wide_loses_blanks_before_it_loses_a_column() -> None:
    columns = ("cluster", "units", "mean", "zeros %", "which, the most typical first", "samples", "class")
    table = Table(columns, ((0, 10, -0.685, 0, "8, 7, 11, 5, 3", "1, 4, 2", 7),))
    lines = ["".join(text for text, _ in row) for row in table_rows(table, 55)]
    assert lines[0].endswith("class") and lines[1].endswith("7") and max(map(len, lines)) <= 55
    wide = ["".join(text for text, _ in row) for row in table_rows(table, 60)]
    assert "cluster  units" in wide[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "yes"), (12288, "12,288"), (0.0, "0"), (-3.0, "-3"), (0.042133, "0.04213"),
        (89.41233, "89.41"), (99999.5, "100,000"), (1234567.0, "1.235e+06"), (1e-9, "1e-09"), (float("nan"), "nan"),
        (float("-inf"), "-inf"), (np.float32(0.1), "0.1"), (np.int64(7), "7"), ("text", "text"),
    ],
)  # fmt: skip
def test_numbers(value: object, text: str) -> None:
    assert human(value) == text


def test_signs_and_shapes() -> None:
    assert [signed(v) for v in (0.5, -0.25, None, float("inf"))] == ["+0.5", "-0.25", "–", "+inf"]
    assert (shape((64, 1, 28)), shape(())) == ("64×1×28", "scalar")


def test_sparks_lose_no_extreme_and_no_non_finite_value() -> None:
    assert spark([0.0, 1.0, float("nan"), 2.0], 4) == "▁▄✗▇"
    assert spark([0.0] * 50 + [9.0] + [0.0] * 49, 4) == "▁▁▇▁"
    assert "✗" in spark([1.0] * 99 + [float("inf")], 5)
    assert spark([], 5) == ""


def test_wrapped_paragraphs_begin_where_the_first_line_does() -> None:
    rows = printed(Text("one two three four\n    code"), terminal=True, width=9).splitlines()
    assert [row.removesuffix("\x1b[0m") for row in rows] == ["one two", "three", "four", "    code"]


def test_the_cursor_at_the_right_edge_is_named_within_the_width() -> None:
    line = Line("[3]", np.arange(16, dtype=np.float32), "selected")
    rows = printed(Chart(np.arange(16) * 1000, (line,), "xv", cursor=15000)).splitlines()
    assert rows[-1].endswith("iteration 15,000 ^") and max(map(len, rows)) <= 80
    assert any("▶[3]" in row for row in rows)
