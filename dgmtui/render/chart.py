"""A chart as rows of text: axis labels, braille cells, end marks; the same rows on the screen and in a pipe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.braille import Raster, rasterise
from dgmtui.render.numbers import human
from dgmtui.render.scales import Axis

KINDS = ("empty", "cover", "outlier", "event", "nonfinite", "selected")
"""By what a line is in the picture; of those in a cell the last named shows."""
MARKS = {"outlier": "o", "event": "!", "nonfinite": "✗", "selected": "▶"}
"""At the end of a line of that kind, so that kinds are told apart without colour."""

Row: TypeAlias = "list[tuple[str, str]]"
"""Pieces of one row: text and style name (a kind, ``axis`` or ``mark-`` and a kind)."""


@dataclass(frozen=True)
class Series:
    """One polyline to draw."""

    values: NDArray[np.floating]
    """``[T]``; non-finite where it was."""
    kind: str = "cover"
    label: str = ""
    """Beside the end of a line that is marked."""


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


def place(iterations: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where ``of`` ``[n]`` lie in ``iterations`` ``[T]``, float64 in [0, 1]; all 0 where there is but one iteration."""
    if len(iterations) < 2 or iterations[-1] <= iterations[0]:
        return np.zeros(len(of))
    first, last = float(iterations[0]), float(iterations[-1])
    return np.clip((of - first) / (last - first), 0.0, 1.0)


def plot(
    series: Sequence[Series],
    iterations: NDArray[np.int64],
    width: int,
    height: int,
    scale: str = "linear",
    *,
    labels: int = 0,
) -> Plot:
    """Draw ``series`` over ``iterations`` ``[T]`` into ``width`` × ``height`` characters, axis and labels included.

    A line that becomes non-finite ends in ``✗`` at the height of its last finite value. ``labels`` is the width kept
    at the right for the labels of marked lines.
    """
    values = np.stack([s.values for s in series]) if series else np.empty((0, len(iterations)), np.float32)
    axis = Axis.fit(values, scale)
    ticks = _ticks(axis, height - 1) if np.isfinite(values).any() else {}
    left = max((len(text) for text in ticks.values()), default=0) + 1
    cells = max(1, width - left - labels)
    heights = axis.position(values)
    kinds = np.array([KINDS.index(s.kind) for s in series], np.uint8)
    raster = rasterise(heights, place(iterations, iterations), cells, max(1, height - 1), kinds)
    ends = _ends(series, heights, iterations, cells, height - 1)
    names = _names(series, heights, ends, height - 1) if labels else {}
    rows = [_row(raster, y, ticks.get(y, ""), left, ends, names, labels) for y in range(height - 1)]
    return Plot((*rows, _iterations(iterations, left, cells)), left, cells)


def _ticks(axis: Axis, height: int) -> dict[int, str]:
    """Row → label, at the top, the middle and the bottom."""
    if height < 1:
        return {}
    if not axis.high > axis.low or height < 2:
        return {(height - 1) // 2: human(axis.high, 3)}
    rows = {0, height - 1} | ({(height - 1) // 2} if height >= 5 else set())
    return {y: human(axis.value(1 - y / (height - 1)), 3) for y in rows}


def _ends(
    series: Sequence[Series], heights: NDArray[np.float32], iterations: NDArray[np.int64], width: int, height: int
) -> dict[tuple[int, int], str]:
    """(row, column) → kind, where lines stop being finite."""
    columns = place(iterations, iterations)
    ends = {}
    for line, of in enumerate(series):
        bad = np.flatnonzero(np.isnan(heights[line]))
        if bad.size and of.kind in ("nonfinite", "selected"):
            first = int(bad[0])
            held = float(heights[line, first - 1]) if first else 0.0
            ends[_dot_row(held, height), _column(columns[first], width)] = "nonfinite"
    return ends


def _names(
    series: Sequence[Series], heights: NDArray[np.float32], ends: dict[tuple[int, int], str], height: int
) -> dict[int, tuple[str, str]]:
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
    ends: dict[tuple[int, int], str],
    names: dict[int, tuple[str, str]],
    labels: int,
) -> Row:
    text = list(raster.row(y))
    kinds = raster.kinds[y].tolist()
    for (row, column), kind in ends.items():
        if row == y:
            text[column], kinds[column] = MARKS[kind], KINDS.index(kind)
    pieces: Row = [(tick.rjust(left - 1) + " ", "axis")]
    start = 0
    for x in range(1, len(text) + 1):
        if x == len(text) or kinds[x] != kinds[start]:
            pieces.append(("".join(text[start:x]), KINDS[kinds[start]]))
            start = x
    if labels:
        name, kind = names.get(y, ("", "empty"))
        pieces.append((name[:labels].ljust(labels), f"mark-{kind}" if name else "empty"))
    return pieces


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
    return int(np.floor(position * (width * 2 - 1) + 0.5)) // 2


def _dot_row(position: float, height: int) -> int:
    return int(np.rint((1.0 - position) * (height * 4 - 1))) // 4
