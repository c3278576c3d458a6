"""The screen as commands may ask it; they run in a thread, and the screen's loop does what they ask."""

from typing import TYPE_CHECKING, Any

from textual.widgets import ContentSwitcher

if TYPE_CHECKING:
    from dgmtui.tui.app import DgmtuiApp


class ScreenFront:
    """Hands over to the loop and waits for it."""

    def __init__(self, app: "DgmtuiApp") -> None:
        self._app = app

    @property
    def theme(self) -> str:
        """The name of the theme that it draws in."""
        return self._app.look.name

    @property
    def open_part(self) -> Any:
        """The open tab."""
        tab = self._app.main.query_one(ContentSwitcher).current
        return "answer" if tab in (None, "output") else tab

    def use_theme(self, name: str) -> None:
        """Draw in another, ``auto`` for what fits the terminal."""
        self._app.call_from_thread(self._app.use_look, name)

    def copy(self, text: str) -> None:
        """Put ``text`` on the clipboard, by the escape sequence that terminals know for it."""
        self._app.call_from_thread(self._app.copy_to_clipboard, text)

    def picture(self) -> str:
        """All that it shows, as an SVG document."""
        return self._app.call_from_thread(self._app.export_screenshot)
