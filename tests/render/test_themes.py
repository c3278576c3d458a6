"""Themes can be read: contrast is computed for every style on its ground, and without colour nothing is lost."""

import pytest
from rich.style import Style

from dgmtui.render.styles import STYLES
from dgmtui.render.themes import THEMES, Theme, theme_for
from dgmtui.tui.look import LookFilter

LEAST = {"dark": 4.5, "light": 4.5, "high-contrast": 7.0}


def luminance(number: int) -> float:
    """Relative luminance of one of the 256 colours, as WCAG 2 defines it."""
    from rich.color import Color

    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in Color.from_ansi(number).get_truecolor().normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: int, b: int) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def seen(theme: Theme, style: Style) -> Style:
    return LookFilter(theme, False)._styled(style)


def test_the_oracle_agrees_with_known_ratios() -> None:
    assert contrast(16, 231) == pytest.approx(21.0)
    assert contrast(231, 231) == 1.0


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("style", ["", *STYLES])
def test_every_style_can_be_read_on_the_themes_ground(name: str, style: str) -> None:
    drawn = seen(THEMES[name], STYLES.get(style, Style()))
    assert drawn.color is not None and drawn.bgcolor is not None and not drawn.dim
    assert drawn.color.number is not None and drawn.bgcolor.number is not None
    assert drawn.color.number >= 16 and drawn.bgcolor.number >= 16  # the first sixteen are whatever a terminal says
    assert contrast(drawn.color.number, drawn.bgcolor.number) >= LEAST[name]


def test_without_colour_styles_keep_their_attributes() -> None:
    for style in STYLES.values():
        drawn = seen(THEMES["none"], style)
        assert drawn.color is None and drawn.bgcolor is None
        assert (drawn.bold, drawn.dim, drawn.reverse) == (style.bold, style.dim, style.reverse)


def test_colours_told_apart_in_the_sixteen_are_told_apart_in_every_theme() -> None:
    for name in LEAST:
        colours = THEMES[name].colours
        assert len(set(colours.values())) == len(colours) == 6


@pytest.mark.parametrize(
    ("environment", "colours", "expected"),
    [
        ({}, 256, "terminal"),
        ({"COLORFGBG": "15;0"}, 1 << 24, "terminal"),
        ({"COLORFGBG": "0;15"}, 256, "light"),
        ({"COLORFGBG": "0;default;15"}, 256, "light"),
        ({"COLORFGBG": "0;15"}, 16, "terminal"),
        ({"COLORFGBG": "nonsense"}, 256, "terminal"),
        ({"NO_COLOR": "1", "COLORFGBG": "0;15"}, 256, "none"),
        ({}, 0, "none"),
    ],
)
def test_the_theme_fits_what_the_terminal_tells(environment: dict[str, str], colours: int, expected: str) -> None:
    assert theme_for(environment, colours).name == expected


def test_blanks_cost_no_style_of_their_own() -> None:
    from rich.segment import Segment
    from textual.color import Color

    red, plain, reverse = Style(color="red"), Style(), Style(reverse=True)
    line = [Segment("a", red), Segment("  ", plain), Segment("b", red), Segment(" ", reverse), Segment(" c", plain)]
    sent = LookFilter(THEMES["terminal"], False).apply(line, Color(0, 0, 0))
    assert [(s.text, s.style) for s in sent] == [("a  b", red), (" ", reverse), (" c", plain)]
