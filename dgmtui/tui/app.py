"""The application: one session, one registry, one screen."""

import asyncio
import signal
from collections.abc import Sequence
from typing import ClassVar, cast

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from dgmtui.commands.registry import Registry
from dgmtui.session.session import Session
from dgmtui.session.view import View
from dgmtui.tui.frame import Frame
from dgmtui.tui.leaving import Hurried
from dgmtui.tui.palette import CommandProvider
from dgmtui.tui.screen import screen_type

STARTING_SECONDS = 0.03
TERMINATED = 128 + signal.SIGTERM
"""The exit code that a shell expects after SIGTERM."""


class DgmtuiApp(App[int]):
    """Draws in the terminal's own sixteen colours, so that it fits whatever the terminal is set to."""

    CSS_PATH = "screen.tcss"
    TITLE = "dgmtui"
    BINDINGS: ClassVar = [
        Binding("ctrl+l", "repaint", "Paint again", show=False),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]
    COMMANDS: ClassVar = {CommandProvider}

    def __init__(
        self, session: Session, registry: Registry, *, first: View | None = None, commands: Sequence[str] = ()
    ) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._session = session
        self._frame = Frame()
        self._main = screen_type(registry)(session, registry, first=first, commands=commands)

    def on_load(self) -> None:
        """Textual paints three times while it starts; over a slow line once is enough."""
        self.delay_update(STARTING_SECONDS)
        self.app_resume_signal.subscribe(self, lambda _: self.action_repaint())
        loop = asyncio.get_running_loop()
        loop.set_default_executor(Hurried())
        if not self.is_headless:
            loop.add_signal_handler(signal.SIGTERM, lambda: self.exit(return_code=TERMINATED))

    def action_repaint(self) -> None:
        """Paint all of it again: the shell, or another program, has written on the terminal."""
        self._frame.forget()
        self.screen.refresh(layout=True)

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self._main

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual's, but only cells that differ from what the terminal shows are sent."""
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            renderable = cast("RenderableType", self._frame.changes(renderable, self.size))
        super()._display(screen, renderable)
