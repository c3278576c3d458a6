"""What both applications share: a theme, ASCII where it must be, and that only changed cells are sent."""

import asyncio
import os
import signal
from collections.abc import Sequence
from typing import ClassVar, TypeVar, cast

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from dgmtui.render.themes import AUTO, THEMES, theme_for
from dgmtui.tui.frame import Frame
from dgmtui.tui.leaving import HUNG_UP, LOOK_SECONDS, TERMINATED, may_be_stopped, terminal_is_gone
from dgmtui.tui.look import LookFilter, colours_on
from dgmtui.tui.widgets.fitted import Fitted

Returned = TypeVar("Returned")


class Painted(App[Returned]):
    """Draws in the terminal's own sixteen colours, which ``LookFilter`` turns into those of a theme."""

    TITLE = "dgmtui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "repaint", "Paint again", show=False),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]

    def __init__(self, look: str = AUTO, *, ascii_only: bool = False, bell: bool = True) -> None:
        """``look`` names a theme, ``ascii_only`` leaves out all that is not ASCII; without ``bell`` it stays silent."""
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._frame, self._rings = Frame(), bell
        self._wanted_none, self.ascii_only = self.no_color, ascii_only
        self._choose(look)

    def use_look(self, name: str) -> None:
        """Draw everything in another theme."""
        self._choose(name)
        for widget in self.screen.query("*"):
            if isinstance(widget, Fitted):
                widget.redraw()
            widget.refresh()
        self.screen.refresh()

    def bell(self) -> None:
        """Ring, unless that is not wanted."""
        if self._rings:
            super().bell()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The theme's in place of the one that Textual has where ``NO_COLOR`` is set."""
        return [*(each for each in super().get_line_filters() if not isinstance(each, NoColor)), self._filter]

    def on_load(self) -> None:
        """What stood on the terminal before the process was suspended is gone; SIGTERM leaves in order."""
        self.app_resume_signal.subscribe(self, lambda _: self.action_repaint())
        if not self.is_headless:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: self.exit(return_code=TERMINATED))

    def on_mount(self) -> None:
        """Nobody is there to quit once the terminal is gone."""
        if not self.is_headless:
            self.set_interval(LOOK_SECONDS, self._leave_if_abandoned)

    @property
    def abandoned(self) -> bool:
        """Whether nobody can be looking any more."""
        return terminal_is_gone()

    def _leave_if_abandoned(self) -> None:
        if self.abandoned:
            self.exit(return_code=HUNG_UP)

    def action_repaint(self) -> None:
        """Paint all of it again: the shell, or another program, has written on the terminal."""
        self._frame.forget()
        self.screen.refresh(layout=True)

    def action_suspend_process(self) -> None:
        """Only where there is somebody who lets it go on."""
        if may_be_stopped():
            super().action_suspend_process()

    def _choose(self, name: str) -> None:
        environment = dict(os.environ) | ({"NO_COLOR": "1"} if self._wanted_none else {})
        self.look = theme_for(environment, colours_on(self.console)) if name == AUTO else THEMES[name]
        self.no_color = not self.look.coloured
        self._filter = LookFilter(self.look, self.ascii_only)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual's, but only cells that differ from what the terminal shows are sent."""
        if isinstance(renderable, LayoutUpdate | ChopsUpdate):
            renderable = cast("RenderableType", self._frame.changes(renderable, self.size))
        super()._display(screen, renderable)
