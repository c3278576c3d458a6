"""Breakpoints and displays on the screen: their keys, and the line above the prompt."""

from pathlib import Path

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.messages import Grown
from dgmtui.tui.widgets.displays import Displays
from dgmtui.tui.widgets.prompt import Prompt
from tests.terminal import screen
from tests.tui.seen import text_of, until
from tests.tui.test_wire import cost, started

SHIPPED = Path(__file__).parents[2] / "recordings"


async def test_a_key_asks_for_a_condition_and_another_goes_on_to_it(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        session.go_to(0)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("B")
            await pilot.pause()
            assert app.screen.query_one(Prompt).text == "break "
            await pilot.press(*"loss", "space", "greater_than_sign", "space", "9", "9", "9", "enter")
            await until(app, pilot, "breakpoint 1: loss > 999 · met at iteration 30")
            await pilot.press("R")
            await until(app, pilot, "breakpoint 1: loss > 999 (inf)")
            assert session.iteration == 30
            app.screen.submit("continue --back")
            await until(app, pilot, "no breakpoint is met before 30; this is the first iteration")
            assert session.iteration == 0


async def test_what_is_displayed_has_a_line_only_while_there_is_something(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            line = app.screen.query_one(Displays)
            assert not line.display
            for text in ("display iteration * 2", "display enc.activation.absmax > 100"):
                app.screen.submit(text)
            await until(app, pilot, "1: iteration * 2 = 60 │ 2: enc.activation.absmax > 100 = yes")
            assert line.display and line.size.height == 1
            await pilot.press("left")
            await until(app, pilot, "1: iteration * 2 = 58 │ 2: enc.activation.absmax > 100 = no")
            assert "[contributions]" in text_of(app)  # a step is still answered in a line
            app.screen.submit("undisplay")
            await until(app, pilot, "nothing is displayed")
            assert not line.display


async def test_that_a_live_run_met_a_breakpoint_is_said(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            app.screen.post_message(Grown(session.view(), said="iteration 30: breakpoint 1: loss > 3 (inf)"))
            await until(app, pilot, "iteration 30: breakpoint 1: loss > 3 (inf)")


def test_a_stop_and_what_is_displayed_at_it_are_cheap_on_a_slow_line() -> None:
    with screen(SHIPPED / "cnn.h5", (200, 50)) as terminal:
        started(terminal, "cnn.h5")
        for line in ("display loss", "display conv1.activation.absmax", "break loss > 2", "goto 20"):
            cost(terminal, f":{line}\r")
        assert b"2: conv1.activation.absmax" in terminal.data
        assert max(cost(terminal, key) for key in "lhlRR") <= 1200
        assert max(cost(terminal, key) for key in "12)") <= 9000
