"""The tabs about units: what they show, in which order, how much of it is sent."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dgmtui.commands.registry import Registry, command
from dgmtui.commands.result import Pictures, Result, Text
from dgmtui.session.pictures import picture, signed_picture
from dgmtui.session.view import UnitsTab
from dgmtui.tui.tabs import TABS
from dgmtui.tui.widgets.status import SHORT, tabs_row

from .test_screen import opened

RAMP = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
MAPS = UnitsTab(
    "conv1: 2 of 8 feature maps, 8×8, sample 0",
    pictures=(picture("[3]", RAMP), signed_picture("[5]", RAMP - 0.5)),
    note="the greatest peak first",
    at=512,
)
CLUSTERS = UnitsTab(
    "fc1: 64 units in 2 clusters, silhouette 0.18",
    ("cluster", "units", "mean"),
    ((0, 39, -53.55), (1, 25, -8.371)),
    clusters=(0, 1),
)


@pytest.fixture
def with_maps(registry: Registry) -> Registry:
    @command("maps", group="analyse", keys=(("m", "maps", "maps"),), registry=registry)
    def maps(session: Any) -> Result:
        """Show maps."""
        session.change(maps=MAPS)
        return Result("", blocks=(Text(MAPS.title), Pictures(MAPS.pictures)))

    return registry


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_command_shows_its_tab(session: Any, with_maps: Registry, size: tuple[int, int]) -> None:
    async with opened(session, with_maps, size) as seen:
        assert "press m for maps" not in seen.text()
        await seen.press("m")
        await seen.until_shows("[maps]")
        text = seen.text()
        assert "at 512: conv1: 2 of 8 feature maps" in text
        assert "[3]" in text and "-0.5 … 0.5" in text
        assert ("loss" in text) == (size[1] > 24), "where there are few rows the pictures take those of the charts"


async def test_without_an_answer_the_tab_says_how_to_get_one(session: Any, with_maps: Registry) -> None:
    async with opened(session, with_maps) as seen:
        await seen.press(*"t" * TABS.index("maps"))
        assert "press m for maps" in seen.text()
        await seen.press("t")
        assert ": samples for samples" in seen.text()


async def test_without_colour_pictures_are_shades(
    session: Any, with_maps: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    session.change(maps=MAPS)
    async with opened(session, with_maps) as seen:
        await seen.press("m")
        await seen.until_shows("[maps]")
        assert "░░▒▒▓▓██ greatest of each" in seen.text()
        assert "-█" in seen.text()


async def test_a_cluster_has_one_colour(session: Any, registry: Registry) -> None:
    session.change(clusters=CLUSTERS)
    async with opened(session, registry) as seen:
        pane = seen.main.query_one("#clusters")
        await seen.press(*"t" * TABS.index("clusters"))
        assert "[clusters]" in seen.text()
        styles = [[str(segment.style) for segment in pane.render_line(y) if segment.text.strip()] for y in (2, 3)]
        assert styles == [["green"], ["yellow"]]


async def test_an_equal_view_sends_nothing(session: Any, with_maps: Registry) -> None:
    session.change(maps=MAPS)
    async with opened(session, with_maps) as seen:
        await seen.press("m")
        await seen.until_shows("[maps]")
        pane: Any = seen.main.query_one("#maps")
        sent: list[object] = []
        pane.send = sent.extend
        seen.main.view = replace(session.shown, cursor=3)
        await seen.pilot.pause()
        assert sent == []


@pytest.mark.parametrize("width", range(30, 120, 5))
@pytest.mark.parametrize("active", range(6))
def test_tabs_fit(width: int, active: int) -> None:
    titles = ("contributions", "operations", "maps", "samples", "clusters", "output")
    row = "".join(text for text, _ in tabs_row(titles, active, width))
    assert len(row.rstrip()) <= width
    assert f"[{titles[active]}]" in row
    words = [word.strip("[]") for word in row.split()]
    named = zip(titles, words, strict=True)
    assert all(title.startswith(word) or SHORT.get(title, title).startswith(word) for title, word in named)


@pytest.mark.parametrize("active", range(len(TABS)))
def test_no_name_of_a_tab_is_cut_beside_the_tree_at_80_columns(active: int) -> None:
    words = "".join(text for text, _ in tabs_row(TABS, active, 80 - 24 - 1)).split()
    names = [{title, SHORT.get(title, title), f"[{title}]"} for title in TABS]
    assert all(word in name for word, name in zip(words, names, strict=True))


async def test_names_of_tabs_fit_beside_the_tree_again_after_a_tab_that_covers_it(
    session: Any, registry: Registry
) -> None:
    async with opened(session, registry, size=(80, 24)) as seen:
        await seen.press(*"t" * (len(TABS) - 1))
        await seen.until_shows("[output]")
        assert "contributions   operations   graph" in seen.text()
        await seen.press("t")
        await seen.until_shows("[contributions] ops graph maps samples clusters output")
