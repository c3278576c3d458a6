"""What the names of styles look like, and how many colours there are to show them in."""

from typing import TYPE_CHECKING, Final

from rich.style import Style

if TYPE_CHECKING:
    from rich.console import Console

    from dgmtui.render.pixels import Colours

STYLES: Final = {
    "head": Style(bold=True),
    "strong": Style(bold=True),
    "dim": Style(dim=True),
    "error": Style(color="red", bold=True),
    "warning": Style(color="yellow"),
    "cursor": Style(bold=True, reverse=True),
    "axis": Style(dim=True),
    "backdrop": Style(dim=True),
    "cover": Style(color="cyan"),
    "bar": Style(color="cyan"),
    "outlier": Style(color="yellow"),
    "event": Style(color="magenta", bold=True),
    "nonfinite": Style(color="red", bold=True),
    "selected": Style(bold=True),
    "picked": Style(bold=True),
    "mark-outlier": Style(color="yellow"),
    "mark-event": Style(color="magenta", bold=True),
    "mark-nonfinite": Style(color="red", bold=True),
    "mark-selected": Style(bold=True, reverse=True),
    "mark-picked": Style(bold=True, reverse=True),
    "above": Style(color="red"),
    "below": Style(color="cyan"),
    "cluster-0": Style(color="green"),
    "cluster-1": Style(color="yellow"),
    "cluster-2": Style(color="cyan"),
    "cluster-3": Style(color="magenta"),
    "cluster-4": Style(color="blue"),
    "cluster-5": Style(color="red"),
}
"""How a named style looks; a name that is not here is plain. Every meaning is in the characters as well."""
UPRIGHT: Final = frozenset({"bar"})
"""Not shown in reverse video in a selected row: what is drawn and what is left blank would change places."""
_PLAIN = Style()


def style_named(name: str) -> Style:
    """A style by its name, or the colours of a picture's cell: ``color(232) on color(16)``, ``#ff8000``."""
    if name.startswith(("color(", "#")):
        return Style.parse(name)
    return STYLES.get(name, _PLAIN)


def colours_of(console: "Console") -> "Colours":
    """How many colours a picture may have there."""
    if not console.is_terminal or console.no_color or console.color_system is None:
        return "none"
    return "many" if console.color_system in ("256", "truecolor") else "few"
