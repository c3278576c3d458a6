"""What commands may ask of the screen that they were typed on; without a screen there is none to ask."""

from typing import Any, Protocol


class Front(Protocol):
    """A screen. It may be asked from any thread but its own."""

    @property
    def theme(self) -> str:
        """The name of the theme that it draws in."""

    @property
    def open_part(self) -> Any:
        """What of it is read: the name of the open tab, ``answer`` for that of answers."""

    def use_theme(self, name: str) -> None:
        """Draw in another, ``auto`` for what fits the terminal."""

    def copy(self, text: str) -> None:
        """Put ``text`` on the clipboard of whoever sits at the terminal."""

    def picture(self) -> str:
        """All that it shows, as an SVG document."""
