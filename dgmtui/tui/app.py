"""The application: one session, one registry, one screen."""

from collections.abc import Sequence

from textual.app import App
from textual.screen import Screen

from dgmtui.commands.registry import Registry
from dgmtui.session.session import Session
from dgmtui.session.typed_lines import TypedLines
from dgmtui.session.view import View
from dgmtui.tui.screen import screen_type

STARTING_SECONDS = 0.03


class DgmtuiApp(App[int]):
    """Draws in the terminal's own sixteen colours, so that it fits whatever the terminal is set to."""

    CSS_PATH = "screen.tcss"
    TITLE = "dgmtui"
    ENABLE_COMMAND_PALETTE = False

    def __init__(
        self,
        session: Session,
        registry: Registry,
        *,
        first: View | None = None,
        commands: Sequence[str] = (),
        typed: TypedLines | None = None,
    ) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._session = session
        self._main = screen_type(registry)(session, registry, first=first, commands=commands, typed=typed)

    def on_load(self) -> None:
        """Textual paints three times while it starts; over a slow line once is enough."""
        self.delay_update(STARTING_SECONDS)

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return self._main
