"""The last step before cells are sent: every segment, of whatever widget, in the theme's colours and in ASCII if asked.

Panes draw with style names and glyphs and know of neither.
"""

from collections.abc import Callable
from functools import lru_cache

from rich.color import Color as RichColor
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from dgmtui.render.plain import plain
from dgmtui.render.themes import Theme

_PLAIN = Style.null()


class LookFilter(LineFilter):
    """One for each theme; what it made of a style or of a line is kept."""

    def __init__(self, theme: Theme, ascii_only: bool) -> None:
        super().__init__()
        self._styled: Callable[[Style], Style] = lru_cache(1024)(lambda style: _on_ground(theme, theme.styled(style)))
        self._told = plain if ascii_only else str

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments as they are sent: as few as may be, since each costs the bytes of its style."""
        styled, told = self._styled, self._told
        made: list[Segment] = []
        text, last = "", _PLAIN
        for piece, style, control in segments:
            if control:
                return [Segment(told(t), styled(s or _PLAIN), c) for t, s, c in segments]
            new = styled(style or _PLAIN)
            if text and (new == last or (piece.isspace() and _blank_alike(last, new))):
                text += piece
                continue
            if text:
                made.append(Segment(told(text), last))
            text, last = piece, new
        return [*made, Segment(told(text), last)] if text else made


def _blank_alike(a: Style, b: Style) -> bool:
    """Whether blanks look the same in both."""
    return a.bgcolor == b.bgcolor and not any(s.reverse or s.underline or s.strike or s.link or s.meta for s in (a, b))


def colours_on(console: Console) -> int:
    """How many colours there are."""
    return {None: 0, "standard": 16, "windows": 16, "256": 256}.get(console.color_system, 1 << 24)


def _on_ground(theme: Theme, style: Style) -> Style:
    """With the theme's text and ground where a style leaves them to the terminal."""
    if theme.ground is None or theme.text is None:
        return style
    text, ground = (RichColor.from_ansi(number) for number in (theme.text, theme.ground))
    colour = text if style.color is None or style.color.is_default else style.color
    under = ground if style.bgcolor is None or style.bgcolor.is_default else style.bgcolor
    return style + Style.from_color(colour, under)
