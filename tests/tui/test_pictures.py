"""The main screen as pictures, in two sizes, with and without colour."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dgmtui.commands.registry import Registry
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop, DynamicsView, PickedLine, UnitsTab
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.tabs import TABS

from .test_graph_tab import unet
from .test_units_tabs import CLUSTERS, MAPS

Compare = Callable[..., bool]
SMALL, LARGE = (80, 24), (200, 60)
SAMPLES = UnitsTab(
    "samples of conv1[3]: 2 of 64, by its mean",
    ("sample", "row", "activation", "label"),
    ((15, 1070, 93.55, 4), (3, 1666, 12.4, 9)),
    pictures=MAPS.pictures,
    at=512,
)
EXPLAINED = ("colon", *"explain", "enter")
"""Keys whose answer stands in the output tab."""


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "plain"])
def test_main(
    snap_compare: Compare, session: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch, size: Any, colour: bool
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=size)


def test_before_anything_was_replayed(snap_compare: Compare, fresh_session: Any, registry: Registry) -> None:
    fresh_session.change(findings_complete=True)
    assert snap_compare(DgmtuiApp(fresh_session, registry, first=fresh_session.shown), terminal_size=SMALL)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("tab", TABS)
def test_every_tab(snap_compare: Compare, session: Any, registry: Registry, size: Any, tab: str) -> None:
    session.change(networks=(unet(),), maps=MAPS, clusters=CLUSTERS, samples=SAMPLES)
    app = DgmtuiApp(session, registry, first=session.shown)
    answer = [*EXPLAINED] if tab == "output" else []
    press = ["t"] * TABS.index(tab) if not answer else []
    assert snap_compare(app, terminal_size=size, press=[*press, *answer])


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("key", ["question_mark", "ctrl+p"], ids=["help", "palette"])
def test_help_and_palette(snap_compare: Compare, session: Any, registry: Registry, size: Any, key: str) -> None:
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=size, press=[key])


def test_prompt_open(snap_compare: Compare, session: Any, registry: Registry) -> None:
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=SMALL, press=["colon", *"module", "space", "d"])


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_a_step_of_the_tour(snap_compare: Compare, session: Any, registry: Registry, size: Any) -> None:
    see = "The chart shows when [212] left the others. Would another image have held?"
    session.change(tour=f"tour 6/8  {see} Press e, type input[0][5] = input[0][3], Enter.")
    assert snap_compare(DgmtuiApp(session, registry, first=session.shown), terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("overlay", ["density", "bands"])
def test_a_chosen_range_over_what_all_series_do(
    snap_compare: Compare, session: Any, registry: Registry, size: Any, overlay: str
) -> None:
    chart = over(session.shown.dynamics, overlay)
    line = chart.lines[3]
    picked = PickedLine(3, "dec.xv[3]", float(line.values[-1]), 1310, line.kind)
    session.change(dynamics=chart, picked=picked)
    assert snap_compare(DgmtuiApp(session, registry, first=session.shown), terminal_size=size)


def over(chart: DynamicsView, overlay: str) -> DynamicsView:
    """``chart`` with four lines of each kind at most, in a range that some leave, over a tube of all series."""
    edges = np.append(chart.iterations[::3], chart.iterations[-1] + 1)
    middle = np.linspace(0.5, 0.62, len(edges) - 1)
    heights = np.linspace(0, 1, 200)
    density = (400 * np.exp(-(((heights - middle[:, None]) / 0.12) ** 2))).astype(np.uint32)
    axis = Axis("symlog", -12.0, 12.0, 1.0)
    bands = np.array([[axis.value(m + d) for m in middle] for d in (-0.2, -0.1, 0, 0.1, 0.2)], np.float32)
    backdrop = Backdrop(edges, density, None) if overlay == "density" else Backdrop(edges, None, bands)
    lines = tuple(line for line in chart.lines if line.kind != "cover" or line.unit < 4)
    advice = "1 of 784 leaves the range; `dynamics --fit`"
    return replace(
        chart, lines=lines, limits=(-12.0, 12.0), backdrop=backdrop, clipped=3, preliminary=True, advice=advice
    )
