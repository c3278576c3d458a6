"""The application: one session, one registry, one screen."""

import asyncio
import os
from collections.abc import Sequence

from textual.screen import Screen

from dgmtui.commands.registry import Registry
from dgmtui.render.themes import AUTO
from dgmtui.session.session import Session
from dgmtui.session.typed_lines import TypedLines
from dgmtui.session.view import View
from dgmtui.tui.front import ScreenFront
from dgmtui.tui.keys import own_keys
from dgmtui.tui.leaving import Hurried, may_be_stopped, stop_with_others
from dgmtui.tui.painted import Painted
from dgmtui.tui.screen import screen_type
from dgmtui.tui.widgets.prompt import Prompt

STARTING_SECONDS = 0.03


class DgmtuiApp(Painted[int]):
    """Returns the exit code."""

    CSS_PATH = "screen.tcss"

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
        """``notice`` is said at first; the rest as of ``Painted``."""
        super().__init__(look, ascii_only=ascii_only, bell=bell)
        self._session, self._notice, self._started_by = session, notice, os.getppid()
        session.front = ScreenFront(self)
        registry.own_keys = own_keys()
        self.main = screen_type(registry)(session, registry, first=first, commands=commands, typed=typed)

    def on_load(self) -> None:
        """Textual paints three times while it starts; over a slow line once is enough."""
        self.delay_update(STARTING_SECONDS)
        asyncio.get_running_loop().set_default_executor(Hurried())

    def on_mount(self) -> None:
        """Say what has to be said before anything else."""
        if self._notice:
            self.call_after_refresh(lambda: self.main.query_one(Prompt).say(self._notice, "warning"))

    @property
    def abandoned(self) -> bool:
        """Also where the training that waits was killed: its shell has the terminal back."""
        return super().abandoned or (self._session.training is not None and os.getppid() != self._started_by)

    def action_suspend_process(self) -> None:
        """The training that waits is stopped too."""
        if self._session.training is None:
            super().action_suspend_process()
        elif may_be_stopped():
            with self.suspend():
                stop_with_others()

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self.main
