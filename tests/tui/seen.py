"""The running app as a person sees it, without a terminal: keys are pressed, what is shown is waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from dgmtui.commands.registry import Registry
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.screen import MainScreen
from tests.waiting import PATIENCE


def text_of(app: App[Any]) -> str:
    """All that is on the screen, a line each."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def lines_of(app: App[Any]) -> list[str]:
    """The same, without the spaces at the lines' ends."""
    return [line.rstrip() for line in text_of(app).split("\n")]


async def until_holds(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Let the app work until it holds.

    Raises:
        AssertionError: it does not come to hold; with what the screen shows then.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, text_of(pilot.app)
        await pilot.pause()
        await asyncio.sleep(0.005)


async def until(app: App[Any], pilot: Pilot[Any], text: str) -> None:
    """Let the app work until it shows this."""
    await until_holds(pilot, lambda: text in text_of(app))


class Seen:
    """The app on a session, real or made by hand."""

    def __init__(self, app: DgmtuiApp, pilot: Pilot[int], session: Any) -> None:
        self.app, self.pilot, self.session = app, pilot, session

    @property
    def main(self) -> MainScreen:
        """The screen beneath those that were pushed upon it."""
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    def lines(self) -> list[str]:
        """What is shown."""
        return lines_of(self.app)

    def text(self) -> str:
        """What is shown, as one text."""
        return text_of(self.app)

    async def press(self, *keys: str) -> None:
        """Press keys, by Textual's names of them."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, line: str) -> None:
        """Give a line at the prompt."""
        await self.press("colon", *("space" if letter == " " else letter for letter in line), "enter")

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the app work until it holds."""
        await until_holds(self.pilot, holds)

    async def until_shows(self, text: str) -> None:
        """Let the app work until it shows this."""
        await self.until(lambda: text in self.text())


@asynccontextmanager
async def opened(
    session: Any, registry: Registry, size: tuple[int, int] = (100, 40), **options: Any
) -> AsyncIterator[Seen]:
    """The app on a session; ``first=None`` leaves the first view to its worker."""
    app = DgmtuiApp(session, registry, first=options.pop("first", session.view()), **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Seen(app, pilot, session)
