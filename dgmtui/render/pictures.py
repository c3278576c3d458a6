"""Pictures side by side, each with its name and range, and what the colours mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human
from dgmtui.render.pixels import Colours, cells, columns_of, fitted, swatch
from dgmtui.render.tables import cut
from dgmtui.session.view import Picture

_GAP = 2
SELECTED = "▶"
_SMALL, _LARGE = 16, 32
"""Pixels along the longer side: smaller pictures are enlarged to the first, larger ones are shrunk to it, or to the
second where there are only one or two. Without half blocks a pixel is twice as wide, and the first is half."""
_NARROWEST = 16
"""Columns for a name and a range."""


@dataclass(frozen=True)
class Laid:
    """Pictures laid out."""

    rows: list[Row]
    places: tuple[tuple[int, int], ...]
    """Of each picture, the row and the column of its upper left corner."""
    wide: int
    """Columns that each takes."""
    tall: int = 0
    """Rows of the highest."""

    def at(self, row: int, column: int) -> int | None:
        """Which picture is there."""
        below = [i for i, (y, x) in enumerate(self.places) if y <= row and x <= column < x + self.wide]
        return below[-1] if below and row < len(self.rows) else None


def pictures_rows(pictures: Sequence[Picture], width: int, colours: Colours, *, shared: bool = False) -> list[Row]:
    """As many beside each other as ``width`` columns take, then the next row of them, then the scale."""
    return laid_out(pictures, width, colours, shared=shared).rows


def laid_out(
    pictures: Sequence[Picture],
    width: int,
    colours: Colours,
    *,
    shared: bool = False,
    selected: frozenset[int] = frozenset(),
) -> Laid:
    """As ``pictures_rows``, with where each picture is; the names of those ``selected`` are marked."""
    if not pictures:
        return Laid([], (), 0)
    drawn = [_tile(picture, width, colours, len(pictures), shared, i in selected) for i, picture in enumerate(pictures)]
    wide = max(max((_length(row) for row in tile), default=0) for tile in drawn)
    across = max(1, (width + _GAP) // (wide + _GAP))
    rows: list[Row] = []
    places: list[tuple[int, int]] = []
    for start in range(0, len(drawn), across):
        rows += [[]] if rows else []
        beside = drawn[start : start + across]
        places += [(len(rows), i * (wide + _GAP)) for i in range(len(beside))]
        rows += _beside(beside, wide)
    return Laid([*rows, *_legends(pictures, width, colours, shared)], tuple(places), wide, max(map(len, drawn)))


def _tile(picture: Picture, width: int, colours: Colours, count: int, shared: bool, selected: bool) -> list[Row]:
    least = _SMALL if colours == "many" else _SMALL // 2
    most = min(_LARGE if count <= 2 else _SMALL, width // columns_of(1, colours))
    size = fitted((picture.values.shape[0], picture.values.shape[1]), least, most)
    room = max(columns_of(size[1], colours), _NARROWEST)
    name, style = (SELECTED + picture.label, "mark-selected") if selected else (picture.label, "strong")
    head: list[Row] = [[(cut(name, room), style)]] if name else []
    if not shared and picture.values.ndim == 2:
        head.append([(cut(range_words(picture), room), "dim")])
    return [*head, *cells(picture, size, colours)]


def range_words(picture: Picture) -> str:
    """``0 … 3.2``."""
    return f"{human(picture.low, 3)} … {human(picture.high, 3)}"


def _beside(tiles: Sequence[list[Row]], wide: int) -> list[Row]:
    rows: list[Row] = []
    for y in range(max(map(len, tiles))):
        row: Row = []
        for tile in tiles:
            piece = tile[y] if y < len(tile) else []
            if row:
                row.append((" " * _GAP, ""))
            row += [*piece, (" " * (wide - _length(piece)), "")]
        rows.append([piece for piece in row if piece[0]])
    return rows


def _legends(pictures: Sequence[Picture], width: int, colours: Colours, shared: bool) -> list[Row]:
    """A scale for what is signed and one for what is not; of colour pictures none."""
    legends = []
    for signed in (False, True):
        kind = [picture for picture in pictures if picture.signed == signed and picture.values.ndim == 2]
        if kind:
            row = _legend(kind[0], colours, shared)
            legends.append(row if _length(row) <= width else [(cut("".join(t for t, _ in row), width), "dim")])
    return legends


def _legend(picture: Picture, colours: Colours, shared: bool) -> Row:
    shares = (-1.0, -0.5, 0.0, 0.5, 1.0) if picture.signed else (0.0, 0.25, 0.5, 0.75, 1.0)
    ramp = [swatch(share, picture.signed, colours) for share in shares]
    if shared:
        low, high = human(picture.low, 3), human(picture.high, 3)
    else:
        low, high = ("below zero", "above, each to its greatest") if picture.signed else ("least", "greatest of each")
    return [(f"{low} ", "dim"), *ramp, (f" {high}", "dim")]


def _length(row: Row) -> int:
    return sum(len(text) for text, _ in row)
