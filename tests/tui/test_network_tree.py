"""The network tree on the screen: a network of any size, moved through, collapsed and searched by keys and mouse."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.session.view import TreePlace, TreeRow
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.widgets.network_tree import NetworkTree
from dgmtui.tui.widgets.pane import LazyRows
from tests.tui.seen import Seen

SHIPPED = Path(__file__).parents[2] / "recordings"
ILL = "blocks.700.fc1"
WIDTHS = {80: 24, 120: 36, 200: 48}


class SeenTree(Seen):
    """The tree as a person sees it."""

    @property
    def tree(self) -> NetworkTree:
        return self.main.query_one(NetworkTree)

    def lines(self) -> list[str]:
        """Of the tree alone."""
        tree = self.tree
        return ["".join(s.text for s in tree.render_line(y)).rstrip() for y in range(tree.size.height)]

    def selected(self) -> str:
        """The row in reverse video."""
        marked = [
            strip.text.strip()
            for strip in map(self.tree.render_line, range(self.tree.size.height))
            if any(segment.style is not None and segment.style.reverse for segment in strip)
        ]
        return marked[0] if marked else ""

    async def until_at(self, place: str, row: str) -> None:
        await self.until(lambda: self.session.place == place and self.selected().startswith(row))


@asynccontextmanager
async def opened(path: Path, size: tuple[int, int], at: str = "") -> AsyncIterator[SeenTree]:
    with open_recording(path) as recording:
        session = Session(recording)
        session.start()
        if at:
            session.select_module(at)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield SeenTree(app, pilot, session)


async def test_of_a_deep_network_only_what_is_visible_is_drawn(deep_recording: Path) -> None:
    async with opened(deep_recording, (80, 24), ILL) as seen:
        await seen.until_at("blocks.700.fc1", "fc1 Linear")
        rows = seen.tree._rows
        assert isinstance(rows, LazyRows) and len(rows) > 400
        assert len(rows._drawn) < 60
        lines = seen.lines()
        assert any(line.lstrip().startswith("▾ 700 Block") and line.endswith("✗") for line in lines)
        assert any(line.lstrip().startswith("▸ 701 Block") and line.endswith("·") for line in lines)


async def test_held_keys_all_count_and_the_window_goes_along(deep_recording: Path) -> None:
    async with opened(deep_recording, (80, 24), ILL) as seen:
        await seen.until_at("blocks.700.fc1", "fc1 Linear")
        await seen.press(*["down"] * 150)
        await seen.until_at("blocks.848", "▸ 848 Block")
        assert re.fullmatch(r"network +8\d\d of 1,01\d", seen.lines()[0])
        await seen.press(*["down"] * 150)
        await seen.until_at("blocks.998", "▸ 998 Block")
        await seen.press("end")
        await seen.until_at("head", "head Linear")


async def test_star_shows_units_that_are_walked_like_modules(deep_recording: Path) -> None:
    async with opened(deep_recording, (120, 40)) as seen:
        await seen.press("slash", *"head", "enter")
        await seen.until_at("head", "head Linear")
        await seen.press("asterisk", "down", "down")
        await seen.until(lambda: any("[40]" in line for line in seen.lines()) or "[1]" in "".join(seen.lines()))
        await seen.press("down")
        await seen.until(lambda: seen.session.unit is not None)
        unit = seen.session.unit
        await seen.until(lambda: seen.selected().startswith(f"[{unit}]"))
        await seen.press("home")
        await seen.press("space")
        await seen.until(lambda: seen.session.unit is None)


async def test_search_goes_on_and_back_and_tells_how_many(deep_recording: Path) -> None:
    async with opened(deep_recording, (80, 24), ILL) as seen:
        await seen.press("slash", *"99.gelu", "enter")
        await seen.until(lambda: "no module holds '99.gelu'" in seen.text())
        await seen.press("slash", *"99.ACT", "enter")
        await seen.until_at("blocks.799.act", "act GELU")
        await seen.until(lambda: "8 of 10 that hold '99.ACT'" in seen.text())
        await seen.press("ctrl+n")
        await seen.until_at("blocks.899.act", "act GELU")
        await seen.press("slash", "enter")
        await seen.until_at("blocks.999.act", "act GELU")
        await seen.press("ctrl+o", "ctrl+o", "ctrl+o")
        await seen.until_at("blocks.699.act", "act GELU")


async def test_v_leaves_what_is_unhealthy_and_v_again_brings_all_back(deep_recording: Path) -> None:
    async with opened(deep_recording, (80, 24), ILL) as seen:
        await seen.press("v")
        await seen.until(lambda: "unhealthy only" in seen.lines()[0])
        names = [line.strip(" ▾▸✗").split("  ")[0] for line in seen.lines()[1:] if line.strip()]
        assert names == ["Deep", "blocks ModuleList", "700 Block", "fc1 Linear", "head Linear"]
        await seen.press("v")
        await seen.until(lambda: "701 Block" in "".join(seen.lines()))


async def test_space_collapses_and_opens_and_quick_presses_count(deep_recording: Path) -> None:
    async with opened(SHIPPED / "vae.h5", (80, 24)) as seen:
        await seen.press("slash", *"dec", "enter")
        await seen.until(lambda: seen.session.module == "dec")
        await seen.press("space")
        await seen.until(lambda: "  ▸ dec" in "\n".join(seen.lines()))
        await seen.press("space", "space", "space")
        await seen.until(lambda: "  ▾ dec" in "\n".join(seen.lines()))


async def test_the_mouse_chooses_a_row_and_opens_by_the_arrow() -> None:
    async with opened(SHIPPED / "vae.h5", (80, 24)) as seen:
        row = next(y for y, line in enumerate(seen.lines()) if line.startswith("    xm"))
        await seen.pilot.click(NetworkTree, offset=(8, row))
        await seen.until(lambda: seen.session.module == "xm" and seen.selected().startswith("xm"))
        row = next(y for y, line in enumerate(seen.lines()) if line.startswith("  ▾ enc"))
        await seen.pilot.click(NetworkTree, offset=(2, row))
        await seen.until(lambda: "  ▸ enc" in "\n".join(seen.lines()))
        assert seen.session.module == "xm"


async def test_long_names_keep_both_ends_and_marks_stand_in_one_column() -> None:
    name = "self_attention_output_projection"
    rows = (
        TreeRow("", "Net", 0, True, "error", ()),
        TreeRow(name, f"{name}_first_of_all Linear", 1, False, "ok", (1.0, 2.0) * 20, "12% zero", "784→256"),
        TreeRow("b", "b ReLU", 1, False, "warning", (1.0, float("inf")) * 20, "dead units", "→256"),
        TreeRow("c", "c", 1, False, "unknown", ()),
    )
    for width, pane in WIDTHS.items():
        async with opened(SHIPPED / "vae.h5", (width, 30)) as seen:
            seen.tree.show_tree(rows, "b", TreePlace(12, 3_456, 2))
            lines = seen.lines()
            assert [len(line) for line in lines[2:6]] == [pane] * 4
            assert [line[-1] for line in lines[2:6]] == ["✗", "·", "▲", "?"]
            assert "self_" in lines[3] and "…" in lines[3] and "Linear" in lines[3]
            assert "dead units" in lines[4]
            assert ("▁" in lines[3]) == (pane > 24) and (lines[4][-3] == "✗") == (pane > 24)
            assert (lines[1].strip(), lines[6].strip()) == ("… 12 rows above", "… 3,456 rows below")
