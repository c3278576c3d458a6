"""Rows of styled text as an SVG document: letters as letters, blocks of a picture as rectangles."""

from collections.abc import Iterator, Sequence

from rich.style import Style

from dgmtui.render.chart import Row
from dgmtui.render.styles import style_named
from dgmtui.render.svg_parts import text
from dgmtui.render.themes import THEMES

_WIDE, _HIGH, _MARGIN = 8, 16, 12
"""Of a cell and around all, in pixels."""
_LOOK = THEMES["light"]
_STYLE = """
text { font: 13px monospace; fill: #222; white-space: pre; } .bold { font-weight: bold; }
"""
_BLOCKS = {"█": (0.0, 1.0), "▀": (0.0, 0.5), "▄": (0.5, 1.0)}
"""Glyph → from where to where it fills its cell."""


def text_svg(rows: Sequence[Row]) -> str:
    """The document."""
    columns = max((sum(len(piece) for piece, _ in row) for row in rows), default=0)
    width, height = columns * _WIDE + 2 * _MARGIN, len(rows) * _HIGH + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dgmtui" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(part for y, row in enumerate(rows) for part in _row(row, _MARGIN + y * _HIGH)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _row(row: Row, top: int) -> Iterator[str]:
    x = _MARGIN
    for piece, name in row:
        style = _LOOK.styled(style_named(name))
        if piece.strip():
            yield from _blocks(piece, style, x, top) if set(piece) <= set(_BLOCKS) else _letters(piece, style, x, top)
        x += len(piece) * _WIDE


def _letters(piece: str, style: Style, x: int, top: int) -> Iterator[str]:
    """Stretched to its cells, so that columns stay whatever the font."""
    kept = piece.rstrip()
    start = len(kept) - len(kept.lstrip())
    kept = kept.lstrip()
    left = x + start * _WIDE
    if style.reverse:
        yield _rectangle(left, top, len(kept) * _WIDE, _HIGH, "#ddd")
    colour = "" if style.color is None else f' fill="{style.color.get_truecolor().hex}"'
    drawn = text(left, top + 12, kept, "bold" if style.bold else "plain")
    yield drawn.replace("<text ", f'<text textLength="{len(kept) * _WIDE}"{colour} ', 1)


def _blocks(piece: str, style: Style, x: int, top: int) -> Iterator[str]:
    if style.bgcolor is not None:
        yield _rectangle(x, top, len(piece) * _WIDE, _HIGH, style.bgcolor.get_truecolor().hex)
    colour = "#222" if style.color is None else style.color.get_truecolor().hex
    for number, glyph in enumerate(piece):
        begin, end = _BLOCKS[glyph]
        yield _rectangle(x + number * _WIDE, top + int(begin * _HIGH), _WIDE, int((end - begin) * _HIGH), colour)


def _rectangle(x: int, y: int, width: int, height: int, fill: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" shape-rendering="crispEdges"/>'
