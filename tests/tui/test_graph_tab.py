"""The graph and the operations on the screen: their tabs, what is looked at, by key and by mouse."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.registry import Registry, command
from dgmtui.commands.result import Graph, Result, Text
from dgmtui.recording import open_recording
from dgmtui.session.network.model import Edge, Flow, Network, Vertex
from dgmtui.session.session import Session
from dgmtui.session.view import OperationRow
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.widgets.network_graph import NetworkGraph
from dgmtui.tui.widgets.operations import Operations
from tests.tui.seen import opened, text_of, until

SHIPPED = Path(__file__).parents[2] / "recordings"


def unet(levels: int = 3) -> Network:
    """Down and up again, with a skip at each level; the last value of the loss is not finite."""
    seen = Flow((4, 8, 16, 16), "float32", -1.5, 3.25, 0, replayed=True)
    down = [Vertex("module", f"down{i}", "Block", (f"down{i}",), out=seen) for i in range(levels)]
    up = [Vertex("module", f"up{i}", "Block", (f"up{i}",), out=seen) for i in reversed(range(levels))]
    last = Vertex("function", "log mean", loss=True, born=True, health="error", out=replace(seen, nonfinite=1))
    drop = Vertex("module", "drop", "Dropout", ("drop",), random=True, out=seen)
    vertices = (Vertex("input", "x", out=seen), *down, drop, *up, last)
    chain = [Edge(i, i + 1, seen, on_path=True) for i in range(len(vertices) - 1)]
    skips = [Edge(1 + i, 2 * levels + 1 - i, seen) for i in range(levels)]
    return Network(tuple(replace(v, on_path=True) for v in vertices), (*chain, *skips), "", 1, 1, replayed=True)


@pytest.fixture
def with_graph(registry: Registry) -> Registry:
    @command("graph", group="look", keys=(("D", "graph", "graph"),), registry=registry)
    def graph(session: Any) -> Result:
        """Show the network."""
        session.change(networks=(unet(),))
        return Result("graph", blocks=(Graph(unet()),), said=Text("9 nodes"))

    @command("node", group="look", registry=registry)
    def node(session: Any, which: int) -> Result:
        """Look at an operation."""
        session.change(node=which)
        return Result("node", blocks=(Text(f"node {which}"),))

    return registry


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_d_shows_the_network_with_its_skips(session: Any, with_graph: Registry, size: tuple[int, int]) -> None:
    session.change(module="down1")
    async with opened(session, with_graph, size) as seen:
        await seen.press("D")
        await seen.until_shows("[graph]")
        lines = seen.lines()
        assert any("┡━■" in line and "down1" in line for line in lines)
        assert any("▶" in line and "down1 Block" in line for line in lines)
        assert any("●" in line and "drop Dropout" in line for line in lines)
        assert any("✗" in line and "loss: log mean" in line for line in lines)


async def test_the_birth_is_in_sight_and_the_pane_scrolls(session: Any, with_graph: Registry) -> None:
    async with opened(session, with_graph, (80, 24)) as seen:
        session.change(networks=(unet(20),))
        await seen.press("l", "t", "t")
        await seen.until_shows("loss: log mean")
        assert "x  " not in "".join(line[24:] for line in seen.lines() if "▷" in line)
        await seen.press("pageup", "pageup", "pageup")
        assert "down0 Block" in seen.text() and "loss: log mean" not in seen.text()
        await seen.press("l")
        await seen.until_shows("iteration 1,319")
        assert "down0 Block" in seen.text(), "a step that changes nothing of it does not scroll it"


async def test_before_it_is_asked_for_the_tab_says_how(session: Any, with_graph: Registry) -> None:
    async with opened(session, with_graph) as seen:
        await seen.press("t", "t")
        assert "press D for the network as a graph" in seen.text()


async def test_a_click_looks_at_an_operation(session: Any, with_graph: Registry) -> None:
    async with opened(session, with_graph) as seen:
        await seen.press("t")
        pane = seen.main.query_one(Operations)
        await seen.pilot.click(Operations, offset=(8, pane.size.height - 1 if pane.size.height < 3 else 2))
        await seen.until_shows("(dgm) node 1")


async def test_without_a_replay_shapes_are_there_and_how_to_get_ranges(session: Any, registry: Registry) -> None:
    rows = tuple(
        OperationRow(i, "aten.addmm", "enc", (64, 8), None, None, 0, "train.py:3", False, "float32", ("enc.bias", "x"))
        for i in range(3)
    )
    session.change(operations=rows)
    async with opened(session, registry, (200, 60)) as seen:
        await seen.press("t")
        text = seen.text()
        assert "shapes as traced; : replay for ranges" in text
        assert "bias x" in text and "64×8" in text and "float32" in text


async def test_ten_thousand_operations_show_the_one_that_is_looked_at(session: Any, registry: Registry) -> None:
    rows = tuple(OperationRow(i, "aten.add", "", (1,), 0.0, 1.0, 0, "", False, replayed=True) for i in range(10_000))
    session.change(operations=rows, node=7777)
    async with opened(session, registry, (80, 24)) as seen:
        await seen.press("t")
        assert any(line[24:].split()[:1] == ["7777"] for line in seen.lines())


async def test_what_matters_most_stays_where_it_is_narrow(session: Any, registry: Registry) -> None:
    async with opened(session, registry, (80, 24)) as seen:
        await seen.press("t")
        text = seen.text()
        assert "aten.exp" in text and "3.1e+38" in text and "train.py:31" not in text


async def test_keys_follow_the_data_on_a_recording() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("D")
            await until(app, pilot, "randn_like")
            await until(app, pilot, "2.33e+17")
            await pilot.press("i")
            await until(app, pilot, "what feeds node 20, aten.exp")
            await pilot.press("comma")
            await until(app, pilot, "node 19, aten.addmm in xv")
            await pilot.press("O")
            await until(app, pilot, "what takes node 19")
            await pilot.press("S")
            await until(app, pilot, "dgmtui/demos/vae.py, VAE.forward")
            assert "self.xv(h)" in text_of(app)


async def test_rows_of_the_graph_are_gone_through_and_into(session: Any, with_graph: Registry) -> None:
    async with opened(session, with_graph) as seen:
        session.change(networks=(unet(),), module="down0")
        await seen.press("l", "D")
        await seen.until_shows("[graph]")
        pane = seen.main.query_one(NetworkGraph)
        asked = [pane.line_of(line) for line in ("row next", "row previous", "pick take", "down")]
        assert asked == ["module down1", "module down0", "graph down0", "down"]
        pane.show_networks((replace(unet(), module="net.enc"),), "down0", "")
        assert pane.line_of("down") == "graph net"
        pane.show_networks((replace(unet(), module="net"),), "net", "")
        assert [pane.line_of(line) for line in ("down", "pick take")] == ["graph .", "pick take"]


def test_rows_of_operations_are_gone_through_and_into() -> None:
    lines = [Operations().line_of(line) for line in ("row next", "row previous", "pick take", "down")]
    assert lines == ["node next", "node prev", "inputs", "down"]
