"""The application: one session, one registry, one screen."""

import asyncio
import os
from collections import deque
from collections.abc import Sequence

from textual.events import Event, Key, Paste
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from dgmtui.commands.registry import Registry
from dgmtui.render.themes import AUTO
from dgmtui.session.session import Session
from dgmtui.session.typed_lines import TypedLines
from dgmtui.session.view import View
from dgmtui.tui.front import ScreenFront
from dgmtui.tui.help import HelpScreen
from dgmtui.tui.keys import bindings, own_keys, parse_actions
from dgmtui.tui.leaving import Hurried, may_be_stopped, stop_with_others
from dgmtui.tui.painted import Painted
from dgmtui.tui.screen import screen_type
from dgmtui.tui.widgets.prompt import CommandInput, Prompt

ROUNDS = 3
"""How many messages lie between a key in the prompt and the last that comes of it: submitted, entered, done."""
STARTING_SECONDS = 0.03


class Passed(Message):
    """Goes the way of a key, behind it, and so comes to the application when the key has been handled."""

    def __init__(self, went_to: Widget, rounds: int) -> None:
        super().__init__()
        self.went_to, self.rounds = went_to, rounds


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
        self._keys: deque[Event] = deque()
        self._key_in_prompt = False
        self._session, self._notice, self._started_by = session, notice, os.getppid()
        session.front = ScreenFront(self)
        registry.own_keys = own_keys()
        for declared in (bindings(registry), CommandInput.BINDINGS, HelpScreen.BINDINGS, Input.BINDINGS):
            parse_actions(declared)
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

    async def on_event(self, event: Event) -> None:
        """Keys have their effect one after another, however fast they come.

        Textual hands a key on to whoever has the focus when it arrives, and some act before others that came earlier:
        in a burst, what follows Enter would be typed into the line that it closes.
        """
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self._keys.append(event)
            await self._take_keys()
        else:
            await super().on_event(event)

    async def on_passed(self, event: Passed) -> None:
        """All that a key in the prompt has led to is done, or there is another round to go."""
        if event.rounds and event.went_to.post_message(Passed(event.went_to, event.rounds - 1)):
            return
        self._key_in_prompt = False
        await self._take_keys()

    async def _take_keys(self) -> None:
        while self._keys and not self._key_in_prompt:
            event = self._keys.popleft()
            if isinstance(event, Key) and event.key == "ctrl+j":  # Enter, pressed before the terminal was taken over
                event = Key("enter", "\r")
            if self.focused is not None and self.screen is self.main:
                self._key_in_prompt = True
                prompt = self.focused
                await super().on_event(event)
                if not prompt.post_message(Passed(prompt, ROUNDS)):
                    self._key_in_prompt = False
            elif isinstance(event, Key) and self.screen is self.main:
                if not await self._check_bindings(event.key, priority=True):
                    await self._check_bindings(event.key)
            else:
                await super().on_event(event)

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self.main
