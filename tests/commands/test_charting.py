"""The dynamics chart's commands: settings that stay, windows, the picked line, exports."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.result import Chart
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.render.text import block_rows
from dgmtui.session.chart_settings import ChartSettings
from dgmtui.session.session import Session
from dgmtui.session.view import Backdrop
from tests.answers import run

SHIPPED = Path(__file__).parents[2] / "recordings"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def session(small_recording: Path) -> Iterator[Session]:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        session.select_module("enc")
        yield session


@pytest.fixture
def vae() -> Iterator[Session]:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        session.select_module("xv")
        yield session


def said(session: Session, line: str) -> str:
    (block,) = REGISTRY.run(session, line).blocks
    return block.text  # type: ignore[union-attr]


def test_settings_stay_until_they_are_changed(session: Session) -> None:
    run(session, "dynamics -k 7 --scale symlog --limits -2 3.5 --of below --overlay bands --window 3 20")
    assert session.drawn == ChartSettings(7, "symlog", (3, 20), (-2.0, 3.5), "below", "bands")
    run(session, "dynamics")
    assert session.drawn == ChartSettings(7, "symlog", (3, 20), (-2.0, 3.5), "below", "bands")
    run(session, "dynamics --fit --whole --of module --overlay none")
    assert session.drawn == ChartSettings(7, "symlog")


def test_next_goes_round_scales_and_overlays(session: Session) -> None:
    seen = []
    for _ in range(4):
        run(session, "dynamics --scale next --overlay next")
        seen.append((session.drawn.scale, session.drawn.overlay))
    assert seen == [("symlog", "density"), ("log", "bands"), ("linear", "none"), ("symlog", "density")]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("-k 0", "-k takes a number from 1 to 1,000"),
        ("-k 1001", "one blot in a terminal"),
        ("-k many", "-k takes an integer"),
        ("--limits 2 2", "from a number up to a greater one; not from 2 to 2"),
        ("--limits 2 -2", "not from 2 to -2"),
        ("--limits 0 inf", "not from 0 to inf"),
        ("--limits nan 1", "not from nan to 1"),
        ("--limits 1", "--limits needs two values"),
        ("--limits 0 5 --scale log", "a logarithmic chart begins above zero, not at 0"),
        ("-k 5 --window 8 2", "a window goes from an iteration up to a later one"),
        ("--of everything", "--of takes module, below, ranks"),
        ("--overlay shade", "--overlay takes none, density, bands or next"),
    ],
)
def test_what_a_chart_can_not_have_is_refused_and_changes_nothing(session: Session, options: str, why: str) -> None:
    before = session.drawn
    with pytest.raises(UsageError) as raised:
        REGISTRY.run(session, f"dynamics {options}")
    assert why in str(raised.value) and session.drawn == before


def test_a_range_that_a_scale_has_no_place_for_is_left_behind(session: Session) -> None:
    run(session, "dynamics --scale symlog --limits -2 3")
    run(session, "dynamics --scale next")
    assert (session.drawn.scale, session.drawn.limits) == ("log", None)
    run(session, "dynamics --limits 0.5 3")
    run(session, "dynamics --scale linear")
    assert session.drawn.limits == (0.5, 3.0)


def test_the_object_names_range_advice_and_lines(session: Session) -> None:
    chart = run(session, "dynamics")
    assert set(chart) == {
        "command", "module", "quantity", "measure", "scale", "limits", "iterations", "total", "nonfinite", "clipped",
        "advice", "lines",
    }  # fmt: skip
    assert [set(line) for line in chart["lines"]] == 3 * [
        {"unit", "module", "rank", "label", "kind", "clipped", "first_nonfinite", "values"}
    ]
    assert {(line["module"], line["label"]) for line in chart["lines"]} == {("enc", f"[{i}]") for i in range(3)}


def test_a_filled_view_is_told_whole(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    view = session.charts.chart(session)
    assert view is not None
    backdrop = Backdrop(np.array([0, 15, 31]), np.ones((2, 200), np.uint32), None)
    lines = tuple(replace(line, label=f"enc[{line.unit}]", module="enc", clipped=True) for line in view.lines)
    filled = replace(
        view, limits=(-1.0, 1.0), backdrop=backdrop, preliminary=True, clipped=3, advice="try less", lines=lines
    )
    monkeypatch.setattr(session.charts, "chart", lambda _: filled)
    data = run(session, "dynamics")
    assert (data["limits"], data["advice"], data["clipped"]) == ([-1.0, 1.0], "try less", 3)
    assert {(line["label"], line["clipped"]) for line in data["lines"]} == {(f"enc[{i}]", True) for i in range(3)}
    (chart,) = REGISTRY.run(session, "dynamics").blocks
    rows = ["".join(text for text, _ in row) for row in block_rows(chart, 100)]
    assert rows[1] == "3 of 3 · 3 clipped · linear · over density · refining…" and rows[2] == "try less"
    assert "▲" in rows[3]


def test_zoom_goes_closer_to_the_cursor_and_back(session: Session) -> None:
    run(session, "goto 15")
    closer = run(session, "zoom")
    assert closer == {"command": "zoom", "window": [10, 20], "rows": 10, "note": None}
    assert run(session, "dynamics")["iterations"] == list(range(10, 20))
    assert run(session, "zoom in")["window"] == [11, 19]
    assert run(session, "zoom in")["note"] == "there is nothing closer"
    assert run(session, "zoom left")["window"] == [7, 15]
    assert run(session, "zoom right")["window"] == [11, 19]
    assert run(session, "zoom out")["window"] == [3, 27]
    assert said(session, "zoom out") == "iterations 0 to 30 · 31 rows"
    assert session.drawn.window is None
    assert said(session, "zoom out") == "iterations 0 to 30 · 31 rows · this is all"


def test_zoom_stays_within_the_recording(session: Session) -> None:
    run(session, "goto 0")
    assert run(session, "zoom in")["window"] == [0, 10]
    assert run(session, "zoom left") == {
        "command": "zoom", "window": [0, 10], "rows": 10, "note": "this is where the recording begins",
    }  # fmt: skip
    for _ in range(9):
        last = run(session, "zoom right")
    assert (last["window"], last["note"]) == ([21, 31], "this is where the recording ends")
    assert run(session, "zoom all")["window"] == [0, 31]


def test_pick_goes_by_the_value_at_the_cursor(vae: Session) -> None:
    run(vae, "dynamics -k 12")
    run(vae, "goto 1000")
    values = {line["label"]: line["values"][40] for line in run(vae, "dynamics")["lines"]}
    upwards = sorted(values, key=lambda label: values[label])
    seen = []
    while (answer := run(vae, "pick next"))["note"] is None:
        seen.append(answer["picked"])
    assert [f"[{picked['unit']}]" for picked in seen] == upwards
    assert [picked["value"] for picked in seen] == pytest.approx(sorted(values.values()))
    assert {picked["iteration"] for picked in seen} == {1000}
    assert answer["note"] == "this is the highest line at the cursor"
    assert said(vae, "pick previous").startswith(f"xv{upwards[-2]} = ")
    assert run(vae, "pick none")["picked"] is None
    assert run(vae, "pick previous")["picked"]["unit"] == seen[-1]["unit"]


def test_the_view_carries_the_pick_along_the_cursor(vae: Session) -> None:
    unit = run(vae, "pick")["picked"]["unit"]
    run(vae, "goto 512")
    view = vae.view()
    assert view.dynamics is not None and view.picked is not None
    line = view.dynamics.lines[view.picked.line]
    assert (line.unit, view.picked.name) == (unit, f"xv[{unit}]")
    row = int(np.searchsorted(view.dynamics.iterations, 512, side="right")) - 1
    assert (view.picked.iteration, view.picked.value) == (view.dynamics.iterations[row], line.values[row])
    run(vae, "module mu")
    assert vae.view().picked is None
    run(vae, "module xv")
    assert vae.view().picked is not None


def test_the_picked_line_is_marked_in_the_chart(vae: Session) -> None:
    unit = run(vae, "pick")["picked"]["unit"]
    (chart,) = REGISTRY.run(vae, "dynamics").blocks
    assert isinstance(chart, Chart)
    assert [line.label for line in chart.lines if line.kind == "picked"] == [f"[{unit}]"]


def test_take_looks_at_the_unit(vae: Session) -> None:
    with pytest.raises(UsageError, match="nothing is picked; `pick next`"):
        REGISTRY.run(vae, "pick take")
    unit = run(vae, "pick")["picked"]["unit"]
    assert run(vae, "pick take")["picked"]["unit"] == unit
    assert (vae.module, vae.unit, vae.pick) == ("xv", unit, None)
    assert run(vae, "pick next")["picked"]["kind"] == "selected"


def test_take_goes_to_another_module(vae: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    run(vae, "module mu")
    run(vae, "quantity activation rms")
    view = vae.charts.chart(vae)
    assert view is not None
    lines = tuple(replace(line, module="xv", label=f"xv[{line.unit}]") for line in view.lines)
    monkeypatch.setattr(vae.charts, "chart", lambda _: replace(view, lines=lines))
    run(vae, "pick xv[4]")
    run(vae, "pick take")
    assert (vae.module, vae.unit, vae.quantity, vae.measure) == ("xv", 4, "activation", "rms")


def test_what_was_done_replays_as_a_script(vae: Session, tmp_path: Path) -> None:
    for line in ("dynamics -k 5 --scale next", "goto 700", "zoom", "pick next", "pick next", "pick take", "zoom right"):
        run(vae, line)
    run(vae, f"save {tmp_path / 'a.dgm'}")
    with open_recording(SHIPPED / "vae.h5") as recording:
        again = Session(recording)
        again.select_module("xv")
        run(again, f"source {tmp_path / 'a.dgm'}")
        assert (again.drawn, again.module, again.unit) == (vae.drawn, vae.module, vae.unit)


def test_export_writes_the_picture(vae: Session, tmp_path: Path) -> None:
    file = tmp_path / "with blank.svg"
    run(vae, "dynamics -k 9")
    answer = run(vae, f'export "{file}"')
    root = ElementTree.fromstring(file.read_text())
    lines = [g for g in root.iter(SVG + "g") if g.get("class", "").startswith("line ")]
    assert answer == {"command": "export", "file": str(file), "format": "svg", "lines": len(lines)}
    assert len(lines) == 9 and "export" not in " ".join(vae.history)


def test_export_writes_the_series(vae: Session, tmp_path: Path) -> None:
    run(vae, "dynamics -k 4 --window 500 1500")
    run(vae, f"export {tmp_path / 'a.csv'}")
    chart = vae.charts.chart(vae)
    assert chart is not None
    rows = list(csv.reader((tmp_path / "a.csv").read_text().splitlines()))
    assert rows[0] == ["iteration", *(f"xv[{line.unit}]" for line in chart.lines)]
    table = np.array(rows[1:], np.float64)
    assert np.array_equal(table[:, 0], chart.iterations) and table[:, 0].min() >= 500
    for column, line in enumerate(chart.lines, 1):
        assert np.array_equal(table[:, column].astype(np.float32), line.values)


def test_export_replaces_an_export_and_nothing_else(vae: Session, tmp_path: Path) -> None:
    for form in ("svg", "csv"):
        file, other = tmp_path / f"a.{form}", tmp_path / f"mine.{form}"
        run(vae, f"export {file}")
        run(vae, "dynamics -k 3")
        run(vae, f"export {file}")
        other.write_text("iteration,loss\n1,2\n" if form == "csv" else '<svg xmlns="x"></svg>')
        before = other.read_text()
        with pytest.raises(UsageError, match=rf"no \.{form} that dgmtui wrote"):
            REGISTRY.run(vae, f"export {other}")
        assert other.read_text() == before


@pytest.mark.parametrize(
    ("name", "why"),
    [("a.png", "ends in .svg"), ("a", "ends in .svg"), ("nowhere/a.svg", "can't write"), ("", "it needs FILE")],
)
def test_what_can_not_be_exported_is_said(vae: Session, tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        REGISTRY.run(vae, f"export {tmp_path / name}" if name else "export")


def test_a_long_run_is_exported_in_full_and_named_exactly(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = session.charts.chart(session)
    assert chart is not None
    thinned = replace(
        chart,
        iterations=chart.iterations[::5],
        lines=tuple(replace(line, values=line.values[::5]) for line in chart.lines),
    )
    monkeypatch.setattr(session.charts, "chart", lambda _: thinned)
    monkeypatch.setattr("dgmtui.session.whole_lines.DRAWN_POINTS", len(thinned.iterations))
    monkeypatch.setattr("dgmtui.session.picking.DRAWN_POINTS", len(thinned.iterations))
    run(session, f"export {tmp_path / 'a.csv'}")
    table = np.array(list(csv.reader((tmp_path / "a.csv").read_text().splitlines()))[1:], np.float32)
    assert table[:, 0].tolist() == list(range(31))
    assert np.array_equal(table[:, 1:].T, [line.values for line in chart.lines])
    run(session, "goto 13")
    picked = run(session, f"pick {chart.lines[0].unit}")["picked"]
    assert (picked["iteration"], picked["value"]) == (13, pytest.approx(float(chart.lines[0].values[13])))
