"""How styles look by theme: a table of colours, by which those that ``text.STYLES`` names are replaced.

``terminal`` draws in the terminal's own sixteen colours on its own ground, ``none`` in none at all. The others are
fixed, by the numbers of the 256 colours, on a ground of their own: their contrast is known, and a test holds it.
Meaning is in the characters in all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from rich.color import Color, ColorType
from rich.style import Style

AUTO = "auto"


@dataclass(frozen=True, eq=False)
class Theme:
    """What becomes of the sixteen colours; numbers are of the 256."""

    name: str
    summary: str
    ground: int | None = None
    """None: the terminal's own."""
    text: int | None = None
    grey: int | None = None
    """In place of dim, which terminals draw as they like."""
    colours: Mapping[str, int] = field(default_factory=dict)
    """By the name of one of the sixteen; one that is not here is left as it is."""
    coloured: bool = True

    @property
    def light(self) -> bool:
        """Whether its ground is."""
        return self.ground is not None and Color.from_ansi(self.ground).get_truecolor().red > 127

    def styled(self, style: Style) -> Style:
        """``style`` as this theme draws it."""
        return _themed(self, style)


THEMES: dict[str, Theme] = {
    theme.name: theme
    for theme in (
        Theme("terminal", "the terminal's own sixteen colours, on its own ground"),
        Theme(
            "dark", "soft colours on dark grey", 234, 252, 247,
            {"red": 210, "yellow": 221, "cyan": 80, "magenta": 183, "green": 114, "blue": 111},
        ),
        Theme(
            "light", "deep colours on white", 231, 235, 241,
            {"red": 124, "yellow": 94, "cyan": 24, "magenta": 90, "green": 22, "blue": 19},
        ),
        Theme(
            "high-contrast", "bright colours and white on black", 16, 231, 252,
            {"red": 217, "yellow": 226, "cyan": 51, "magenta": 219, "green": 120, "blue": 153},
        ),
        Theme("none", "no colour: bold, dim and reverse video", coloured=False),
    )
}  # fmt: skip


@dataclass
class Look:
    """What is in use: one a process, as is its terminal."""

    theme: Theme = THEMES["terminal"]


LOOK = Look()


@lru_cache(1024)
def _themed(theme: Theme, style: Style) -> Style:
    if not theme.coloured:
        return style.without_color
    if theme.grey is not None and style.dim:
        style = style + Style(dim=False) + Style(color=Color.from_ansi(theme.grey))
    colour = style.color
    if colour is not None and colour.type == ColorType.STANDARD and (number := theme.colours.get(colour.name)):
        style += Style(color=Color.from_ansi(number))
    return style


def theme_for(environment: Mapping[str, str], colours: int) -> Theme:
    """What fits a terminal of which only its environment is known, and how many colours it has.

    Its own colours can be read on its own ground, and cost the fewest bytes; but on a light one yellow and cyan can't.
    """
    if "NO_COLOR" in environment or colours < 8:
        return THEMES["none"]
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return THEMES["light" if colours >= 256 and ground in ("7", "15") else "terminal"]
