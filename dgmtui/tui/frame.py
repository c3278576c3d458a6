"""What the terminal shows, cell by cell, so that of every update only the cells that differ are sent.

Textual sends whole lines again, the whole screen when a layer opens, and a reset after each run of a colour; over a
slow line that is most of what is sent.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.geometry import Size
from textual.strip import Strip

Cell: TypeAlias = "tuple[str, str]"
"""A glyph (empty: the right half of a wide one) and the codes of its style, as they stand in an escape sequence."""
Run: TypeAlias = "tuple[int, list[Cell]]"
"""Column of the first of its cells, and the cells."""

BLANK: Cell = (" ", "")
CLEAR = "\x1b[m\x1b[2J"
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""A name in a recording may hold what a terminal would obey."""
_MOVE = 7
"""Equal cells between two that differ are sent again rather than jumped over, if they are fewer: a jump is so long."""
_ERASED_FROM = 4
"""Blanks up to the end of a line, from this many on, are erased rather than sent."""


class Frame:
    """The cells of the terminal; unknown at first, and after ``forget``."""

    def __init__(self) -> None:
        self._rows: list[list[Cell]] = []
        self._size = Size(0, 0)
        self._known = False

    def forget(self) -> None:
        """Somebody else has written on the terminal: the next update clears it."""
        self._known = False

    def changes(self, update: LayoutUpdate | ChopsUpdate, size: Size) -> "Changes":
        """``update`` as something that sends what differs, of a terminal of ``size``."""
        return Changes(self, update, size)

    def sent(self, pieces: Iterable[tuple[int, int, list[Cell]]], size: Size) -> str:
        """The sequences after which the terminal shows ``pieces``, cells from a row and a column on, too."""
        begin = self._clear(size)
        changed: dict[int, list[Run]] = {}
        for y, x, cells in pieces:
            if y < len(self._rows):
                row, fitting = self._rows[y], cells[: max(0, size.width - x)]
                changed.setdefault(y, []).extend(_runs(x, fitting, row))
                row[x : x + len(fitting)] = fitting
        out, style = [begin], ""
        for y, runs in sorted(changed.items()):
            for x, cells in runs:
                out.append(f"\x1b[{y + 1};{x + 1}H")
                text, style = _written(cells, style, last=x + len(cells) == size.width)
                out.append(text)
        return "".join([*out, "\x1b[m" if style else ""])

    def _clear(self, size: Size) -> str:
        if self._known and size == self._size:
            return ""
        self._rows = [[BLANK] * size.width for _ in range(size.height)]
        self._size, self._known = size, True
        return CLEAR


class Changes(CompositorUpdate):
    """An update that is compared with what the terminal shows at the moment in which it is written."""

    def __init__(self, frame: Frame, update: LayoutUpdate | ChopsUpdate, size: Size) -> None:
        self._frame, self._update, self._size = frame, update, size

    def render_segments(self, console: Console) -> str:
        """What to write to the terminal."""
        colours = console._color_system or ColorSystem.TRUECOLOR
        pieces = ((y, x, list(_cells(strip, colours))) for y, x, strip in _strips(self._update))
        return self._frame.sent(pieces, self._size)


def _strips(update: LayoutUpdate | ChopsUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Row, column and strip of all that an update paints."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    for y, start, stop in update.spans:
        for end, (x, chop) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if chop is not None and x < stop and end > start:
                first = max(x, start)
                yield y, first, chop.crop(first - x, min(end, stop) - x)


def _cells(strip: Strip, colours: ColorSystem) -> Iterator[Cell]:
    for text, style, _ in strip:
        codes = "" if style is None else _codes(style, colours)
        if not text.isprintable():
            text = _NOT_PRINTED.sub("?", text)
        if text.isascii() or cell_len(text) == len(text):
            yield from ((glyph, codes) for glyph in text)
        else:
            yield from _wide(text, codes)


def _wide(text: str, codes: str) -> Iterator[Cell]:
    """Cells of text in which a glyph takes two, or none: then it belongs to the one before."""
    cells: list[Cell] = []
    for glyph in text:
        width = cell_len(glyph)
        if width == 0 and cells:
            at = -1 if cells[-1][0] or len(cells) < 2 else -2
            cells[at] = (cells[at][0] + glyph, codes)
        elif width:
            cells += [(glyph, codes), *[("", codes)] * (width - 1)]
    yield from cells


def _codes(style: Style, colours: ColorSystem) -> str:
    return Strip.render_ansi(style, colours) if style._ansi is None else style._ansi


def _runs(x: int, cells: list[Cell], row: list[Cell]) -> Iterator[Run]:
    """The parts of ``cells``, which begin at column ``x``, that differ from ``row``; near ones in one."""
    shown = row[x : x + len(cells)]
    if shown == cells:
        return
    differ = [i for i, (new, old) in enumerate(zip(cells, shown, strict=True)) if new != old]
    start = last = differ[0]
    for i in [*differ[1:], len(cells) + _MOVE + 1]:
        if i - last > _MOVE:
            yield _whole(x, cells, start, last)
            start = i
        last = i


def _whole(x: int, cells: list[Cell], start: int, last: int) -> Run:
    """Both halves of a wide glyph, where one differs."""
    while start > 0 and not cells[start][0]:
        start -= 1
    while last + 1 < len(cells) and not cells[last + 1][0]:
        last += 1
    return x + start, cells[start : last + 1]


def _written(cells: list[Cell], style: str, *, last: bool) -> tuple[str, str]:
    """A run as text, the style that holds being ``style``, and the one that holds after it; ``last``: its line ends."""
    blanks = 0
    while last and blanks < len(cells) and cells[-1 - blanks] == BLANK:
        blanks += 1
    erased = blanks >= _ERASED_FROM
    out = []
    for glyph, codes in cells[: len(cells) - blanks] if erased else cells:
        if codes != style:
            out.append(f"\x1b[0;{codes}m" if codes and style else f"\x1b[{codes}m")
            style = codes
        out.append(glyph)
    if erased:
        out.append("\x1b[m\x1b[K" if style else "\x1b[K")
        style = ""
    return "".join(out), style
