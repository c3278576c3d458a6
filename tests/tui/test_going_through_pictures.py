"""Feature maps, samples and clusters by keys and clicks: units and samples are looked at, and no picture is cut."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.widgets.units import UnitsPane
from tests.tui.seen import Seen

CNN = Path(__file__).parents[2] / "recordings" / "cnn.h5"


@asynccontextmanager
async def opened(*commands: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Seen]:
    with open_recording(CNN) as recording:
        session = Session(recording)
        for line in ("goto 16", *commands[:-1]):
            REGISTRY.run(session, line)
        app = DgmtuiApp(session, REGISTRY, first=session.view(), commands=commands[-1:])
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield Seen(app, pilot, session)


def rows(seen: Seen, tab: str) -> list[str]:
    pane = seen.main.query_one(f"#{tab}", UnitsPane)
    return ["".join(segment.text for segment in pane.render_line(y)).rstrip() for y in range(pane.size.height)]


async def test_maps_are_gone_through_and_marked_and_their_module_is_looked_at() -> None:
    async with opened("module fc1", "maps conv1") as seen:
        await seen.until(lambda: any("[" in line and "]" in line for line in rows(seen, "maps")[1:]))
        order = [int(label.strip("[]")) for line in rows(seen, "maps")[1:2] for label in line.split()]
        await seen.press("}")
        await seen.until(lambda: (seen.session.module, seen.session.unit) == ("conv1", order[0]))
        await seen.until(lambda: f"▶[{order[0]}]" in rows(seen, "maps")[1])
        await seen.press("}")
        await seen.until(lambda: f"▶[{order[1]}]" in rows(seen, "maps")[1])
        with seen.session.lock:  # nothing is answered meanwhile
            await seen.pilot.press("}", "}", "}", "{", "{", "{", "{", "{")
        await seen.until(lambda: f"▶[{order[0]}]" in rows(seen, "maps")[1])
        assert "[maps]" in seen.text()


async def test_the_map_that_is_looked_at_is_scrolled_to() -> None:
    async with opened("module conv1", "maps --top 0") as seen:
        await seen.until(lambda: any("[" in line for line in rows(seen, "maps")[1:]))
        await seen.press("{")
        await seen.until(lambda: any("▶" in line for line in rows(seen, "maps")))


async def test_pages_begin_with_a_picture() -> None:
    async with opened("module conv2", "maps --top 0") as seen:
        await seen.until(lambda: any("[" in line for line in rows(seen, "maps")[1:]))
        first = rows(seen, "maps")[1]
        tops = [first]
        for _ in range(12):
            await seen.press("pagedown")
            tops.append(rows(seen, "maps")[1])
        assert all("[" in top for top in tops[:3]) and len(set(tops)) > 2
        for _ in range(12):
            await seen.press("pageup")
        assert rows(seen, "maps")[1] == first


async def test_a_click_looks_at_a_map_or_a_sample() -> None:
    async with opened("module conv1", "maps") as seen:
        await seen.until(lambda: any("[" in line for line in rows(seen, "maps")[1:]))
        labels = rows(seen, "maps")[1].split()
        await seen.pilot.click("#maps", offset=(rows(seen, "maps")[1].index(labels[1]) + 3, 5))
        await seen.until(lambda: seen.session.unit == int(labels[1].strip("[]")))
        await seen.press("p")
        await seen.until(lambda: any("sample" in line for line in rows(seen, "samples")))
        wanted = int(rows(seen, "samples")[4].split()[0])
        await seen.pilot.click("#samples", offset=(3, 4))
        await seen.until(lambda: seen.session.sample == wanted)
        await seen.press("}")
        await seen.until(lambda: seen.session.sample not in (None, wanted))


async def test_a_cluster_is_opened_by_a_second_click_and_left_by_backspace() -> None:
    async with opened("module conv2", "clusters", size=(120, 40)) as seen:
        await seen.until(lambda: any("cluster" in line for line in rows(seen, "clusters")))
        all_ = rows(seen, "clusters")[0]
        await seen.pilot.click("#clusters", offset=(3, 2))
        await seen.pilot.click("#clusters", offset=(3, 2))
        await seen.until(lambda: rows(seen, "clusters")[0] != all_)
        await seen.press("}")
        await seen.until(lambda: seen.session.unit is not None)
        await seen.press("backspace")
        await seen.until(lambda: rows(seen, "clusters")[0] == all_)


def test_a_unit_is_named_with_its_module() -> None:
    with open_recording(CNN) as recording:
        session = Session(recording)
        REGISTRY.run(session, "module fc1")
        REGISTRY.run(session, "unit 3 --of conv1")
        assert (session.module, session.unit) == ("conv1", 3)
        with pytest.raises(UsageError):
            REGISTRY.run(session, "unit 3 --of nope")
        assert (session.module, session.unit) == ("conv1", 3)
