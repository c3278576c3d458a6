"""The SVG chart: any XML reader takes it, and it shows what the chart holds."""

import csv
import io
from xml.etree import ElementTree

import numpy as np
import pytest

from dgmtui.commands.result import Chart, Line
from dgmtui.render.csv import columns_csv
from dgmtui.render.svg import chart_svg
from dgmtui.session.view import Backdrop

SVG = "{http://www.w3.org/2000/svg}"
STEPS = np.arange(0, 200, 2)


def chart(*lines: Line, **changes: object) -> Chart:
    fields = {"title": "activation (mean) of dec.xv", "total": 784, **changes}
    return Chart(STEPS, lines, **fields)  # type: ignore[arg-type]


def wave(label: str, kind: str = "cover", height: float = 1.0) -> Line:
    return Line(label, (height * np.sin(STEPS / 20)).astype(np.float32), kind)


def parsed(of: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(chart_svg(of))


def groups(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [g for g in root.iter(SVG + "g") if g.get("class", "").startswith("line ")]


def points(line: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for part in line.iter(SVG + "polyline") for pair in part.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def texts(root: ElementTree.Element) -> list[str]:
    return [item.text or "" for item in root.iter(SVG + "text")]


def test_every_line_is_a_polyline_of_its_kind_the_gravest_on_top() -> None:
    root = parsed(chart(wave("[1]", "selected"), wave("[2]"), wave("[3]", "outlier"), wave("[4]")))
    drawn = groups(root)
    assert [g.get("class") for g in drawn] == ["line cover", "line cover", "line outlier", "line selected"]
    assert all(len(list(g.iter(SVG + "polyline"))) == 1 and len(points(g)) == len(STEPS) for g in drawn)
    assert {"4 of 784 · linear", "o [3]", "▶ [1]", "iteration", "0", "198"} <= set(texts(root))


def test_what_is_higher_is_drawn_higher_and_in_the_frame() -> None:
    root = parsed(chart(wave("[1]"), wave("[2]", height=2.0)))
    frame = next(rect for rect in root.iter(SVG + "rect") if rect.get("class") == "frame")
    left, top, width, height = (float(frame.get(name, "nan")) for name in ("x", "y", "width", "height"))
    low, high = (points(g) for g in groups(root))
    assert all(left <= x <= left + width and top <= y <= top + height for x, y in low + high)
    assert min(y for _, y in high) < min(y for _, y in low)
    assert [x for x, _ in high] == sorted(x for x, _ in high)


def test_labels_and_titles_can_not_break_the_document() -> None:
    evil = '</text><script>&"\x00\x1b[31m'
    root = parsed(chart(wave(evil, "event"), title=evil))
    assert not list(root.iter(SVG + "script"))
    assert [text.replace("\ufffd", "?") for text in texts(root) if "script" in text] == [
        '</text><script>&"??[31m', '! </text><script>&"??[31m',
    ]  # fmt: skip


def test_a_gap_parts_a_line_and_an_end_is_crossed() -> None:
    values = np.ones(len(STEPS), np.float32)
    values[40:50], values[-1] = np.nan, np.inf
    root = parsed(chart(Line("[1]", values), Line("[2]", values, "selected", first_nonfinite=198)))
    assert [len(list(g.iter(SVG + "polyline"))) for g in groups(root)] == [2, 2]
    crosses = [path for path in root.iter(SVG + "path") if path.get("class") == "failure"]
    assert len(crosses) == 1


def test_where_a_line_leaves_the_range_a_triangle_points() -> None:
    root = parsed(chart(wave("[1]", "outlier", 5.0), wave("[2]"), limits=(-2.0, 2.0), clipped=1))
    exits = [path.get("class") for path in root.iter(SVG + "path") if (path.get("class") or "").startswith("exit")]
    wanted = np.abs(5 * np.sin(STEPS / 20)) > 2
    assert exits == ["exit outlier"] * int((wanted & ~np.roll(wanted, 1)).sum())
    assert {"2", "-2"} <= set(texts(root)) and "1 clipped" in " ".join(texts(root))


@pytest.mark.parametrize("what", ["density", "bands"])
def test_the_backdrop_is_beneath_the_lines(what: str) -> None:
    edges = np.arange(0, 210, 10)
    density = np.zeros((20, 200), np.uint32)
    density[:, 50:150] = 7
    levels = np.repeat(np.array([-0.8, -0.3, 0, 0.3, 0.8], np.float32)[:, None], 20, axis=1)
    backdrop = Backdrop(edges, density, None) if what == "density" else Backdrop(edges, None, levels)
    order = [item.get("class", "").split(" ")[0] for item in parsed(chart(wave("[1]"), backdrop=backdrop)).iter()]
    beneath = [i for i, name in enumerate(order) if name in ("density", "band", "median")]
    assert len(beneath) == (1 if what == "density" else 3) and max(beneath) < order.index("line")


def test_a_long_chart_is_no_larger_than_can_be_seen_and_keeps_its_spike() -> None:
    steps = np.arange(50_000)
    values = np.zeros(50_000, np.float32)
    values[31_234] = 1.0
    drawn = groups(ElementTree.fromstring(chart_svg(Chart(steps, (Line("[1]", values),)))))[0]
    assert len(points(drawn)) < 2000
    assert min(y for _, y in points(drawn)) == 56.0


def test_the_same_chart_is_the_same_text() -> None:
    assert chart_svg(chart(wave("[1]"), wave("[2]", "event"))) == chart_svg(chart(wave("[1]"), wave("[2]", "event")))


@pytest.mark.parametrize("scale", ["linear", "log", "symlog"])
def test_nothing_to_draw_is_a_document_too(scale: str) -> None:
    assert groups(parsed(chart(scale=scale))) == []
    empty = Chart(np.empty(0, np.int64), (), scale=scale)
    assert groups(ElementTree.fromstring(chart_svg(empty))) == []
    never = Line("[1]", np.full(len(STEPS), np.nan, np.float32), "nonfinite")
    assert points(groups(parsed(chart(never, scale=scale)))[0]) == []


def test_a_table_reads_back_equal() -> None:
    values = np.array([0.1, -1e-38, np.nan, np.inf, -np.inf, 3e38], np.float32)
    written = columns_csv("iteration", np.arange(6) * 10, [("xv[0]", values), ('a,"b"[1]', np.zeros(6, np.float32))])
    rows = list(csv.reader(io.StringIO(written)))
    assert rows[0] == ["iteration", "xv[0]", 'a,"b"[1]']
    assert [int(row[0]) for row in rows[1:]] == [0, 10, 20, 30, 40, 50]
    assert np.array_equal(np.array([row[1] for row in rows[1:]], np.float32), values, equal_nan=True)
