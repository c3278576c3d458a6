"""A chart as rows of text: axis labels, braille cells, end marks; the same rows on the screen and in a pipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.backdrop import backdrop_cells, lay_beneath
from dgmtui.render.braille import Raster, rasterise
from dgmtui.render.lines import Series, end_of, exits
from dgmtui.render.numbers import human
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop

__all__ = ["KINDS", "MARKS", "Plot", "Row", "Series", "nearest_drawn", "place", "plot"]

KINDS = ("empty", "backdrop", "cover", "outlier", "event", "nonfinite", "selected", "picked")
"""By what a line is in the picture; of those in a cell the last named shows."""
MARKS = {"outlier": "o", "event": "!", "nonfinite": "✗", "selected": "▶", "picked": "*"}
"""At the end of a line of that kind, so that kinds are told apart without colour."""
ABOVE, BELOW = "▲", "▼"
"""Where a line leaves the chart's range, at its top or bottom."""

Marks: TypeAlias = "dict[tuple[int, int], tuple[str, str]]"
"""(row, column) → glyph and kind, over what the raster has there."""

Size: TypeAlias = "tuple[int, int]"
"""Columns and rows of cells."""

Row: TypeAlias = "list[tuple[str, str]]"
"""Pieces of one row: text and style name (a kind, ``axis`` or ``mark-`` and a kind)."""


@dataclass(frozen=True)
class Plot:
    """A drawn chart."""

    rows: tuple[Row, ...]
    """The cells with their axis, top to bottom; the last row holds the iterations."""
    left: int
    """Columns before the cells."""
    width: int
    """Columns of cells."""

    def column(self, iteration: int, iterations: NDArray[np.int64]) -> int:
        """The column, counted from the chart's left edge, of the cell in which ``iteration`` lies."""
        return self.left + _column(place(iterations, np.array([iteration]))[0], self.width)

    def iteration(self, column: int, iterations: NDArray[np.int64]) -> int | None:
        """The iteration in the middle of the cell at ``column``; None beside the cells, or where there are none."""
        if not len(iterations) or not self.left <= column < self.left + self.width:
            return None
        share = min(1.0, (2 * (column - self.left) + 0.5) / max(1, 2 * self.width - 1))
        return round(float(iterations[0]) + share * float(iterations[-1] - iterations[0]))


def place(iterations: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where ``of`` ``[n]`` lie in ``iterations`` ``[T]``, float64 in [0, 1]; all 0 where there is but one iteration."""
    if len(iterations) < 2 or iterations[-1] <= iterations[0]:
        return np.zeros(len(of))
    first, last = float(iterations[0]), float(iterations[-1])
    return np.clip((of - first) / (last - first), 0.0, 1.0)


def nearest_drawn(cursor: int, iterations: NDArray[np.int64]) -> int:
    """The last drawn iteration where the cursor stands less than a step behind it: not every iteration has a row."""
    if len(iterations) > 1 and 0 < cursor - iterations[-1] < iterations[-1] - iterations[-2]:
        return int(iterations[-1])
    return cursor


def plot(
    series: Sequence[Series],
    iterations: NDArray[np.int64],
    width: int,
    height: int,
    scale: str = "linear",
    *,
    labels: int = 0,
    axis: Axis | None = None,
    backdrop: Backdrop | None = None,
) -> Plot:
    """Draw ``series`` over ``iterations`` ``[T]`` into ``width`` × ``height`` characters, axis and labels included.

    A line that becomes non-finite ends in ``✗`` at the height of its last finite value, one that leaves the range of
    ``axis`` (None: what the lines need) is marked there. ``labels`` is the width kept at the right for the labels of
    marked lines; ``backdrop`` shows where no line is.
    """
    values = np.stack([s.values for s in series]) if series else np.empty((0, len(iterations)), np.float32)
    axis = axis or Axis.fit(values, scale)
    ticks = _ticks(axis, height - 1) if np.isfinite(values).any() or backdrop is not None else {}
    left = max((len(text) for text in ticks.values()), default=0) + 1
    cells, lines = max(1, width - left - labels), max(1, height - 1)
    heights = axis.position(values)
    kinds = np.array([KINDS.index(s.kind) for s in series], np.uint8)
    raster = rasterise(heights, place(iterations, iterations), cells, lines, kinds, KINDS.index("picked"))
    if backdrop is not None:
        lay_beneath(raster, backdrop_cells(backdrop, axis, iterations, cells, lines), KINDS.index("backdrop"))
    marks = _marks(series, values, axis, iterations, (cells, height - 1))
    names = _names(series, heights, height - 1) if labels else {}
    rows = [_row(raster, y, ticks.get(y, ""), left, marks, names, labels) for y in range(height - 1)]
    return Plot((*rows, _iterations(iterations, left, cells)), left, cells)


def _ticks(axis: Axis, height: int) -> dict[int, str]:
    """Row → label, at the top, the middle and the bottom."""
    if height < 1:
        return {}
    if not axis.high > axis.low or height < 2:
        return {(height - 1) // 2: human(axis.high, 3)}
    rows = {0, height - 1} | ({(height - 1) // 2} if height >= 5 else set())
    return {y: human(axis.value(1 - y / (height - 1)), 3) for y in rows}


def _marks(
    series: Sequence[Series], values: NDArray[np.floating], axis: Axis, iterations: NDArray[np.int64], size: Size
) -> Marks:
    """Where lines leave the range, by the gravest kind among those that do so in a cell, and where they end."""
    width, height = size
    kinds = np.array([KINDS.index(s.kind) for s in series], np.intp)
    columns = _columns(place(iterations, iterations), width)
    marks: Marks = {}
    for beyond, row, glyph in zip(exits(values, axis), (0, height - 1), (ABOVE, BELOW), strict=True):
        gravest = np.zeros(width, np.intp)
        np.maximum.at(gravest, columns[beyond[:, 1]], kinds[beyond[:, 0]])
        marks.update({(row, x): (glyph, KINDS[gravest[x]]) for x in np.flatnonzero(gravest).tolist()})
    for of in series:
        if (end := end_of(of, axis, iterations)) is not None:
            column = _column(place(iterations, np.array([end.iteration]))[0], width)
            marks[_dot_row(end.height, height), column] = MARKS["nonfinite"], "nonfinite"
    return marks


def _names(series: Sequence[Series], heights: NDArray[np.float32], height: int) -> dict[int, tuple[str, str]]:
    """Row → (mark and label, kind) for the right margin: one a row, graver kinds first, moved where a row is taken."""
    names: dict[int, tuple[str, str]] = {}
    marked = [i for i, s in enumerate(series) if s.kind in MARKS]
    for line in sorted(marked, key=lambda i: -KINDS.index(series[i].kind)):
        finite = heights[line][~np.isnan(heights[line])]
        wanted = _dot_row(float(finite[-1]) if finite.size else 0.0, height)
        row = next((r for d in range(3) for r in (wanted - d, wanted + d) if 0 <= r < height and r not in names), None)
        if row is not None:
            names[row] = (MARKS[series[line].kind] + series[line].label, series[line].kind)
    return names


def _row(
    raster: Raster,
    y: int,
    tick: str,
    left: int,
    marks: Marks,
    names: dict[int, tuple[str, str]],
    labels: int,
) -> Row:
    text = list(raster.row(y))
    kinds = raster.kinds[y].tolist()
    for (row, column), (glyph, kind) in marks.items():
        if row == y:
            text[column], kinds[column] = glyph, KINDS.index(kind)
    pieces: Row = [(tick.rjust(left - 1) + " ", "axis")]
    start = 0
    for x in range(1, len(text) + 1):
        if x == len(text) or kinds[x] != kinds[start]:
            pieces.append(("".join(text[start:x]), KINDS[kinds[start]]))
            start = x
    if labels:
        name, kind = names.get(y, ("", "empty"))
        pieces.append((_shortened(name, labels).ljust(labels), f"mark-{kind}" if name else "empty"))
    return pieces


def _shortened(name: str, width: int) -> str:
    """A mark and label in ``width`` characters: what is cut is the beginning of the label, not the unit's number."""
    return name if len(name) <= width else (name[0] + "…" + name[len(name) - width + 2 :])[:width]


def _iterations(iterations: NDArray[np.int64], left: int, width: int) -> Row:
    """The row of iteration numbers: first, middle and last, as far as they fit."""
    if not len(iterations):
        return [(" " * (left + width), "axis")]
    first, last = human(int(iterations[0])), human(int(iterations[-1]))
    middle = human((int(iterations[0]) + int(iterations[-1])) // 2)
    if len(iterations) < 2 or len(first) + len(last) + 1 > width:
        return [(" " * left + first.ljust(width), "axis")]
    text = first.ljust(width - len(last)) + last
    start = (width - len(middle)) // 2
    if start > len(first) + 1 and start + len(middle) + 1 < width - len(last):
        text = text[:start] + middle + text[start + len(middle) :]
    return [(" " * left + text, "axis")]


def _column(position: float, width: int) -> int:
    """The cell of a position in [0, 1], as the rasteriser rounds it."""
    return int(_columns(np.array([position]), width)[0])


def _columns(positions: NDArray[np.float64], width: int) -> NDArray[np.intp]:
    return np.floor(positions * (width * 2 - 1) + 0.5).astype(np.intp) // 2


def _dot_row(position: float, height: int) -> int:
    return int(np.rint((1.0 - position) * (height * 4 - 1))) // 4
