"""The application: one session, one registry, one screen."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import ClassVar, cast

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import Binding
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from dgmtui.commands.registry import Registry
from dgmtui.render.themes import AUTO, THEMES, theme_for
from dgmtui.session.session import Session
from dgmtui.session.typed_lines import TypedLines
from dgmtui.session.view import View
from dgmtui.tui.frame import Frame
from dgmtui.tui.front import ScreenFront
from dgmtui.tui.keys import own_keys
from dgmtui.tui.leaving import Hurried
from dgmtui.tui.look import LookFilter, colours_on
from dgmtui.tui.screen import screen_type
from dgmtui.tui.widgets.fitted import Fitted
from dgmtui.tui.widgets.prompt import Prompt

STARTING_SECONDS = 0.03
TERMINATED = 128 + signal.SIGTERM
"""The exit code that a shell expects after SIGTERM."""


class DgmtuiApp(App[int]):
    """Draws in the terminal's own sixteen colours, which ``LookFilter`` turns into those of a theme."""

    CSS_PATH = "screen.tcss"
    TITLE = "dgmtui"
    BINDINGS: ClassVar = [
        Binding("ctrl+l", "repaint", "Paint again", show=False),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        session: Session,
        registry: Registry,
        *,
        first: View | None = None,
        commands: Sequence[str] = (),
        typed: TypedLines | None = None,
        look: str = AUTO,
        ascii_only: bool = False,
        notice: str = "",
        bell: bool = True,
    ) -> None:
        """``look`` names a theme, ``ascii_only`` leaves out all that is not ASCII, ``notice`` is said at first;
        without ``bell`` it stays silent."""
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._frame, self._rings = Frame(), bell
        self._wanted_none, self.ascii_only = self.no_color, ascii_only
        self._choose(look)
        self._session, self._notice = session, notice
        session.front = ScreenFront(self)
        registry.own_keys = own_keys()
        self.main = screen_type(registry)(session, registry, first=first, commands=commands, typed=typed)

    def use_look(self, name: str) -> None:
        """Draw everything in another theme."""
        self._choose(name)
        for widget in self.screen.query("*"):
            if isinstance(widget, Fitted):
                widget.redraw()
            widget.refresh()
        self.screen.refresh()

    def _choose(self, name: str) -> None:
        environment = dict(os.environ) | ({"NO_COLOR": "1"} if self._wanted_none else {})
        self.look = theme_for(environment, colours_on(self.console)) if name == AUTO else THEMES[name]
        self.no_color = not self.look.coloured
        self._filter = LookFilter(self.look, self.ascii_only)

    def bell(self) -> None:
        """Ring, unless that is not wanted."""
        if self._rings:
            super().bell()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The theme's in place of the one that Textual has where ``NO_COLOR`` is set."""
        return [*(each for each in super().get_line_filters() if not isinstance(each, NoColor)), self._filter]

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

    def on_mount(self) -> None:
        """Say what has to be said before anything else."""
        if self._notice:
            self.call_after_refresh(lambda: self.main.query_one(Prompt).say(self._notice, "warning"))

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self.main

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual's, but only cells that differ from what the terminal shows are sent."""
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            renderable = cast("RenderableType", self._frame.changes(renderable, self.size))
        super()._display(screen, renderable)
