"""The mouse: what a click on each part of the screen comes to; once through a real terminal."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.events import MouseScrollDown

from dgmtui.commands.registry import Registry, command
from dgmtui.commands.result import Result, Text
from dgmtui.session.view import UnitsTab
from dgmtui.tui.tabs import TABS
from dgmtui.tui.widgets.status import SHORT
from tests.terminal import screen
from tests.tui.seen import Seen, opened


@pytest.fixture
def asked(registry: Registry) -> list[str]:
    """The command lines that clicks came to; a finding that is chosen is chosen in the view."""
    ran: list[str] = []

    def keep(name: str) -> None:
        def run(session: Any, what: str = "") -> Result:
            """Do nothing but tell."""
            ran.append(f"{name} {what}".strip())
            if name == "finding":
                session.change(finding=int(what))
            if name == "node":
                session.change(node=int(what))
            if name == "row":
                session.change(credit=replace(session.shown.credit, picked=int(what) - 1))
            return Result("", blocks=(Text(name),))

        command(name, group="look", registry=registry)(run)

    for name in ("finding", "node", "row", "into", "inputs", "fold", "unit", "samples", "clusters"):
        keep(name)
    return ran


async def click_on(seen: Seen, text: str, *, nth: int = 0) -> None:
    """Click on the second cell of ``text``."""
    found = [(line.index(text) + 1, y) for y, line in enumerate(seen.lines()) if text in line]
    assert found, seen.text()
    await seen.pilot.click(offset=found[nth])
    await seen.pilot.pause()


async def test_a_click_on_a_finding_stands_on_it_and_another_explains_it(
    session: Any, registry: Registry, asked: list[str]
) -> None:
    async with opened(session, registry) as seen:
        await click_on(seen, "leaves its past")
        await seen.until(lambda: asked == ["finding 2"])
        await seen.until_shows("▶2 ▲")
        await click_on(seen, "leaves its past")
        await seen.until_shows("explain")


async def test_a_click_on_a_tab_opens_it(session: Any, registry: Registry, asked: list[str]) -> None:
    async with opened(session, registry, (80, 24)) as seen:
        for tab in ("clusters", "output", "operations", "contributions"):
            name = tab if f" {tab} " in seen.text() else SHORT.get(tab, tab)
            await click_on(seen, f" {name}")
            assert f"[{tab}]" in seen.text()


async def test_a_click_points_at_a_row_and_another_goes_into_it(
    session: Any, registry: Registry, asked: list[str]
) -> None:
    async with opened(session, registry) as seen:
        await click_on(seen, "dec.h     18")
        await seen.until(lambda: asked == ["row 2"])
        await seen.pilot.pause()
        await click_on(seen, "dec.h     18")
        await seen.until(lambda: asked == ["row 2", "into"])
        await click_on(seen, " operations")
        await click_on(seen, "aten.relu")
        await seen.until(lambda: asked[2:] == ["node 1"])
        await seen.pilot.pause()
        await click_on(seen, "aten.relu")
        await seen.until(lambda: asked[3:] == ["inputs"])


async def test_a_click_on_the_loss_goes_to_its_iteration(session: Any, registry: Registry, asked: list[str]) -> None:
    async with opened(session, registry) as seen:
        loss = seen.main.query_one("#loss").region
        await seen.pilot.click(offset=(loss.x + loss.width // 2, loss.y + 3))
        await seen.until(lambda: 500 < session.shown.cursor < 800)


async def test_a_click_on_an_arrow_of_the_tree_opens_it(session: Any, registry: Registry, asked: list[str]) -> None:
    async with opened(session, registry) as seen:
        await click_on(seen, "▾ enc")
        await seen.until(lambda: asked == ["fold enc"])
        await click_on(seen, "ReLU")
        await seen.until(lambda: session.shown.module == "enc.1")


async def test_the_wheel_scrolls_what_is_under_it(session: Any, registry: Registry) -> None:
    async with opened(session, registry, (100, 24)) as seen:
        pane: Any = seen.main.query_one("#operations")
        await seen.press(*"t" * TABS.index("operations"))
        top = pane._top
        await seen.pilot._post_mouse_events([MouseScrollDown], offset=(60, 18), button=0)
        assert pane._top != top or len(pane._rows) <= pane.body_height


OPEN = UnitsTab(
    "cluster 1 of fc1: 2 units", ("unit", "mean"), ((4, 0.5), (9, 0.25)), clusters=(1, 1),
    row_lines=("unit 4 --of fc1", "unit 9 --of fc1"), back="clusters fc1",
)  # fmt: skip
LIST = UnitsTab(
    "fc1: 4 units in 2 clusters", ("cluster", "units"), ((0, 2), (1, 2)), clusters=(0, 1),
    row_lines=("clusters cluster:0", "clusters cluster:1"),
)  # fmt: skip


@pytest.fixture
def clustered(registry: Registry) -> list[str]:
    ran: list[str] = []

    @command("clusters", group="look", keys=(("G", "clusters", ""), ("backspace", "down", "")), registry=registry)
    def clusters(session: Any, what: str = "") -> Result:
        """Show clusters."""
        ran.append(f"clusters {what}".strip())
        session.change(clusters=OPEN if what.startswith("cluster:") else LIST)
        return Result("clusters", blocks=(Text("a"), Text("b")))

    @command("pick", group="look", keys=(("enter", "pick take", ""),), registry=registry)
    def pick(session: Any, what: str) -> Result:
        """Nothing."""
        ran.append(f"pick {what}")
        return Result("", blocks=(Text("picked"),))

    @command("row", group="look", keys=(("}", "row next", ""), ("{", "row previous", "")), registry=registry)
    def row(session: Any, what: str) -> Result:
        """Nothing."""
        ran.append(f"row {what}")
        return Result("", blocks=(Text("row"),))

    @command("unit", group="look", registry=registry)
    def unit(session: Any, unit: int, *, of: str = "") -> Result:
        """Look at a unit."""
        ran.append(f"unit {unit} of {of}")
        session.change(unit=unit, module=of)
        return Result("", blocks=(Text("unit"),))

    @command("samples", group="look", registry=registry)
    def samples(session: Any, what: str) -> Result:
        """Show samples."""
        ran.append(f"samples {what}")
        session.change(samples=UnitsTab(f"samples of {what}", ("sample",), ((1,),), row_lines=("sample 1",)))
        return Result("samples", blocks=(Text("a"), Text("b")))

    return ran


async def test_enter_goes_into_a_cluster_then_a_unit_and_backspace_out(
    session: Any, registry: Registry, clustered: list[str]
) -> None:
    async with opened(session, registry) as seen:
        await seen.press("G")
        await seen.until_shows("4 units in 2 clusters")
        await seen.press("right_curly_bracket", "right_curly_bracket", "enter")
        await seen.until_shows("cluster 1 of fc1")
        await seen.press("right_curly_bracket", "right_curly_bracket", "enter")
        await seen.until_shows("[samples]")
        await seen.until_shows("samples of fc1[9]")
        await seen.press("backspace")
        assert "[clusters]" in seen.text() and "cluster 1 of fc1" in seen.text()
        await seen.press("backspace")
        await seen.until_shows("4 units in 2 clusters")
        assert clustered == [
            "clusters", "clusters cluster:1", "unit 4 of fc1", "unit 9 of fc1", "samples fc1[9]", "clusters fc1",
        ]  # fmt: skip


def test_clicks_in_a_real_terminal(small_recording: Path) -> None:
    """As a terminal reports them (SGR): button down and up, column and row from 1."""
    with screen(small_recording, (100, 30)) as shown:
        heard = shown.until("[contributions]", silence=1.0).text
        assert "\x1b[?1006h" in shown.data.decode(errors="replace"), heard
        shown.press("\x0c")
        text = shown.until("operations", silence=0.5).text
        row, column = _place_of(text, "operations")
        shown.press(f"\x1b[<0;{column + 2};{row}M\x1b[<0;{column + 2};{row}m")
        shown.until("[operations]")
        shown.press("q")
        assert shown.wait() == 0


def _place_of(text: str, word: str) -> tuple[int, int]:
    """Row and column, from 1, at which a repaint puts ``word``."""
    for move in re.finditer(r"\x1b\[(\d+);(\d+)H((?:[^\x1b]|\x1b\[[0-9;]*[mK])*)", text):
        plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", move[3])
        if word in plain:
            return int(move[1]), int(move[2]) + plain.index(word)
    raise AssertionError(f"{word} is not shown")
