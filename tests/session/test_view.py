"""The view: everything the screen draws, quickly and without torch."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from dgmtui.commands import REGISTRY
from dgmtui.recording import Quantity
from dgmtui.session.lines import thin
from dgmtui.session.losses import thin_losses
from dgmtui.session.session import Session
from dgmtui.session.sparks import bin_maxima


def test_before_a_replay(session: Session) -> None:
    view = session.view()
    assert (view.title, view.iterations, view.snapshot_count, view.cursor) == ("small.h5", 31, 3, 30)
    assert (view.verdict, view.credit, view.findings_complete) == ("not replayed", None, False)
    assert [(row.path, row.label, row.depth, row.has_children) for row in view.tree] == [
        ("", "Net", 0, True), ("enc", "enc Linear", 1, False),
    ]  # fmt: skip
    assert view.tree[0].health == "error" and view.tree[1].health != "error"
    assert [(row.op, row.low, row.born) for row in view.operations][2] == ("aten.exp", None, False)
    assert view.findings[0].kind == "nonfinite"
    assert view.loss.snapshots == (0, 16, 30)


def test_health_and_sparks_are_as_of_the_cursor(session: Session) -> None:
    session.go_to(10)
    root, enc = session.view().tree
    assert (root.health, enc.health) == ("ok", "ok")
    assert len(enc.spark) == 11
    session.go_to(30)
    root = session.view().tree[0]
    assert root.spark[-1] == np.inf and np.isfinite(root.spark[:-1]).all()


def test_the_chart_follows_the_selection(session: Session) -> None:
    session.select_module("enc")
    session.select_unit(2)
    session.drawn = replace(session.drawn, k=1)
    chart = session.view().dynamics
    assert chart is not None
    assert (chart.module, chart.quantity, chart.measure, chart.total, chart.nonfinite) == (
        "enc",
        "activation",
        "mean",
        3,
        0,
    )
    assert 2 in {line.unit for line in chart.lines}
    assert chart.iterations.tolist() == list(range(31))


def test_a_row_that_did_not_see_the_quantity_is_not_called_nonfinite(session: Session) -> None:
    session.select_module("enc")
    session.select_quantity(Quantity.WEIGHT_GRADIENT)
    chart = session.view().dynamics
    assert chart is not None
    assert (chart.nonfinite, chart.iterations[-1]) == (0, 29)
    session.show_window((10, 99))
    chart = session.view().dynamics
    assert chart is not None
    assert chart.iterations.tolist() == list(range(10, 30))


def test_after_commands_the_view_has_what_they_found(session: Session) -> None:
    for line in ("findings", "credit nonfinite", "replay", "module ."):
        REGISTRY.run(session, line)
    view = session.view()
    assert view.findings_complete
    assert view.verdict in ("replay matches", "replay agrees")
    assert [row.born for row in view.operations] == [False, False, True, False]
    assert view.credit is not None and "160.2" in view.credit.target
    assert "input:x" in {row.module for row in view.credit.rows}


def test_a_modules_operations_come_with_those_that_take_its_results(session: Session) -> None:
    REGISTRY.run(session, "replay")
    session.select_module("enc")
    assert [(row.op, row.born) for row in session.view().operations] == [
        ("aten.t", False), ("aten.addmm", False), ("aten.exp", True),
    ]  # fmt: skip


def test_a_view_needs_neither_torch_nor_textual(small_recording: Path) -> None:
    code = f"""
import sys
from dgmtui.recording import Quantity, open_recording
from dgmtui.session.session import Session
with open_recording({str(small_recording)!r}) as recording:
    Session(recording).view()
print(sorted({{"torch", "textual", "sklearn", "rich"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_thinned_losses_keep_every_extreme_and_what_is_not_finite() -> None:
    random = np.random.default_rng(0)
    losses = random.normal(size=100_000)
    losses[12_345], losses[54_321], losses[77_777] = 1e6, -1e6, np.nan
    iterations, values = thin_losses(losses)
    assert len(iterations) <= 4000
    assert {12_345, 54_321, 77_777} <= set(iterations.tolist())
    np.testing.assert_array_equal(values, losses[iterations])
    assert (np.diff(iterations) > 0).all()


def test_thinned_series_keep_every_extreme() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(50_000, 3)).astype(np.float32)
    values[100, 0], values[49_999, 1], values[7, 2] = 50, -50, np.nan
    iterations, thinned = thin(np.arange(50_000) * 10, values)
    assert len(iterations) == len(thinned) <= 4096
    assert thinned[:, 0].max() == 50 and thinned[:, 1].min() == -50 and np.isnan(thinned[:, 2]).any()
    assert (np.diff(iterations) >= 0).all()


def test_bins_keep_maxima_and_leave_short_ones_alone() -> None:
    values = np.array([1.0, np.nan, 3.0, 2.0, np.inf, 0.0])
    np.testing.assert_array_equal(bin_maxima(values, 3), [1.0, 3.0, np.inf])
    assert bin_maxima(values, 6) is values
