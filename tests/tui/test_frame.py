"""Only cells that differ are sent, and after them the terminal shows what Textual meant it to."""

import random
import re

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region, Size
from textual.strip import Strip

from dgmtui.tui.frame import Frame

SIZE = Size(24, 4)
STYLES = [Style(), Style(color="red"), Style(reverse=True), Style(color="red", bold=True)]
CONSOLE = Console(color_system="256", force_terminal=True)
Shown = list[list[tuple[str, str]]]


class Terminal:
    """As much of a terminal as a frame uses: each cell's glyph and codes."""

    def __init__(self) -> None:
        self.cells: Shown = [[("?", "31")] * SIZE.width for _ in range(SIZE.height)]
        self._at, self._codes = (0, 0), ""

    def write(self, text: str) -> None:
        for move, codes, erase, clear, glyph in re.findall(
            r"\x1b\[(\d+;\d+)H|\x1b\[([\d;]*m)|(\x1b\[K)|(\x1b\[2J)|(.)", text
        ):
            y, x = self._at
            if move:
                line, column = map(int, move.split(";"))
                self._at = line - 1, column - 1
            elif codes:
                given = codes.removesuffix("m")
                self._codes = given.removeprefix("0;") if given.startswith("0;") or not self._codes else given
                assert not given or given.startswith("0;") or self._codes == given
            elif erase:
                self.cells[y][x:] = [(" ", self._codes)] * (SIZE.width - x)
            elif clear:
                self.cells = [[(" ", self._codes)] * SIZE.width for _ in range(SIZE.height)]
            else:
                wide = glyph == "界"
                self.cells[y][x] = (glyph, self._codes)
                if wide:
                    self.cells[y][x + 1] = ("", self._codes)
                self._at = y, x + 1 + wide


def picture(seed: int) -> list[Strip]:
    chance = random.Random(seed)
    glyphs = ["a", "⣿", "界", " ", "      "]
    lines = []
    for _ in range(SIZE.height):
        segments = [Segment("".join(chance.choices(glyphs, k=3)), chance.choice(STYLES)) for _ in range(5)]
        lines.append(Strip(segments).adjust_cell_length(SIZE.width - 1).extend_cell_length(SIZE.width))
    return lines


def meant(lines: list[Strip]) -> Shown:
    shown: Shown = []
    for line in lines:
        row: list[tuple[str, str]] = []
        for text, style, _ in line:
            codes = Strip.render_ansi(style or Style(), CONSOLE._color_system)  # type: ignore[arg-type]
            for glyph in text:
                row += [(glyph, codes), ("", codes)] if glyph == "界" else [(glyph, codes)]
        shown.append(row)
    return shown


def send(frame: Frame, lines: list[Strip]) -> str:
    update = LayoutUpdate([[line] for line in lines], Region(0, 0, *SIZE))
    return frame.changes(update, SIZE).render_segments(CONSOLE)


@pytest.mark.parametrize("seed", range(20))
def test_the_terminal_shows_what_was_meant(seed: int) -> None:
    frame, terminal = Frame(), Terminal()
    for number in range(6):
        lines = picture(100 * seed + number // 2)
        terminal.write(send(frame, lines))
        assert terminal.cells == meant(lines)


def test_what_stands_there_is_not_sent_again() -> None:
    frame = Frame()
    send(frame, picture(1))
    assert send(frame, picture(1)) == ""


def test_one_cell_that_differs_is_one_cell_sent() -> None:
    frame = Frame()
    lines = [Strip([Segment("abcdefgh".ljust(SIZE.width))])] * SIZE.height
    send(frame, lines)
    assert send(frame, [*lines[:3], Strip([Segment("abXdefgh".ljust(SIZE.width))])]) == "\x1b[4;3HX"


def test_after_somebody_else_wrote_all_is_sent() -> None:
    frame, terminal = Frame(), Terminal()
    send(frame, picture(1))
    frame.forget()
    terminal.write(send(frame, picture(1)))
    assert terminal.cells == meant(picture(1))


def test_a_name_is_not_obeyed_by_the_terminal() -> None:
    frame = Frame()
    hostile = Strip([Segment("\x1b]0;owned\x07".ljust(SIZE.width))])
    assert "?]0;owned?" in send(frame, [hostile] * SIZE.height)
