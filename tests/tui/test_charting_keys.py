"""The dynamics chart by keys, on a recording: the session changes, and the pane shows it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.widgets.dynamics_chart import DynamicsChart
from dgmtui.tui.widgets.prompt import Prompt
from tests.tui.seen import Seen


class SeenChart(Seen):
    """The app on ``enc`` of the small recording."""

    @property
    def prompt(self) -> Prompt:
        return self.main.query_one(Prompt)

    def title(self) -> str:
        row = self.main.query_one(DynamicsChart)._lines[0]
        return "".join(text for text, _ in row)


@asynccontextmanager
async def opened(path: Path, size: tuple[int, int] = (120, 40)) -> AsyncIterator[SeenChart]:
    with open_recording(path) as recording:
        session = Session(recording)
        session.select_module("enc")
        session.go_to(15)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield SeenChart(app, pilot, session)


async def test_z_and_its_neighbours_move_the_window(small_recording: Path) -> None:
    async with opened(small_recording) as seen:
        await seen.press("z")
        await seen.until_shows("(dgm) iterations 10 to 19 · 10 rows")
        await seen.press("greater_than_sign")
        await seen.until_shows("(dgm) iterations 15 to 24 · 10 rows")
        await seen.press("less_than_sign", "less_than_sign")
        await seen.until_shows("(dgm) iterations 5 to 14 · 10 rows")
        await seen.press("Z", "Z")
        await seen.until_shows("(dgm) iterations 0 to 30 · 31 rows")
        assert seen.session.drawn.window is None


async def test_lines_are_walked_up_and_down_and_taken(small_recording: Path) -> None:
    async with opened(small_recording) as seen:
        await seen.press("K")
        await seen.until_shows("(dgm) enc[")
        first = seen.session.pick
        assert first is not None and f"*enc[{first.unit}] = " in seen.title() and f"*{first.unit} " in seen.text()
        await seen.press("K")
        await seen.until_shows(" at 15 · ")
        second = seen.session.pick
        await seen.press("J")
        await seen.until_shows(f"(dgm) enc[{first.unit}]")
        assert second != first == seen.session.pick
        await seen.press("right")
        await seen.until_shows("iteration 16")
        assert f"*enc[{first.unit}] = " in seen.title() and " at 16 · " in seen.title()
        await seen.press("enter")
        await seen.until_shows(f"iteration 16 · enc[{first.unit}]")
        assert seen.session.unit == first.unit and "*enc" not in seen.title()
        await seen.press("enter")
        await seen.until_shows("nothing is picked; `pick next` points at a line")


async def test_s_and_o_go_through_scales_and_overlays(small_recording: Path) -> None:
    async with opened(small_recording) as seen:
        for scale in ("symlog", "log", "linear"):
            await seen.press("s")
            clipped = "1 clipped · " if scale == "log" else ""
            await seen.until_shows(f"(dgm) 3 of 3 · {clipped}{scale}")
            assert seen.title().rstrip().endswith(f"3 of 3 · {clipped}{scale}") and "[contributions]" in seen.text()
        for overlay in ("density", "bands", "none"):
            await seen.press("o")
            await seen.until(lambda overlay=overlay: seen.session.drawn.overlay == overlay)


async def test_k_asks_how_many(small_recording: Path) -> None:
    async with opened(small_recording) as seen:
        await seen.press("k")
        assert seen.prompt.text == "dynamics -k "
        await seen.press("1", "enter")
        await seen.until_shows("(dgm) 1 of 3 · linear")
        assert "1 of 3" in seen.title() and "[contributions]" in seen.text()
        await seen.press("k", "0", "enter")
        await seen.until_shows("-k takes a number from 1 to 1,000")
        assert seen.session.drawn.k == 1


async def test_with_the_output_open_its_chart_is_there(small_recording: Path) -> None:
    async with opened(small_recording, (80, 24)) as seen:
        await seen.press("t", "t", "s")
        await seen.until_shows("activation (mean) of enc")


@pytest.mark.parametrize("height", [24, 40])
async def test_advice_has_a_row_where_there_is_room_else_it_is_in_the_answer(
    small_recording: Path, monkeypatch: pytest.MonkeyPatch, height: int
) -> None:
    real = Session.view
    monkeypatch.setattr(
        Session, "view", lambda self: replace(v := real(self), dynamics=replace(v.dynamics, advice="look closer"))
    )
    async with opened(small_recording, (80, height)) as seen:
        assert ("look closer" in seen.text()) == (height == 40)
