"""What is shown at once while the picks of another window, scale or number are still looked for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling import Part
from dgmtui.session.asked import Asked
from dgmtui.session.composing import blank, scale_of, with_scale
from dgmtui.session.lines import Place, grid_of, read_lines
from dgmtui.session.making import ChartMaker, Shown
from dgmtui.session.population import Population, Window
from dgmtui.session.view import DynamicsLine, DynamicsView

READ_AT_ONCE = 40_000_000
"""Values that may be read for it: under a quarter of a second."""


def preliminary(asked: Asked, maker: ChartMaker) -> DynamicsView:
    """The last picks of the same population in the window that is asked for; no lines where there are none."""
    shown = maker.last(asked)
    if shown is None or not shown.chart.lines:
        return blank(asked, preliminary=True)
    if _inside(asked, shown):
        iterations, lines = _cut(shown.chart, asked.extent)
    elif shown.asked.population == asked.population and asked.drawing(len(shown.chart.lines)) <= READ_AT_ONCE:
        iterations, lines = _read(asked, shown, maker.parts(asked))
    else:
        iterations, lines = _cut(shown.chart, asked.extent)
    if not len(iterations):
        return blank(asked, preliminary=True)
    view = replace(
        blank(asked, preliminary=True),
        iterations=iterations,
        lines=tuple(_as_of(line, iterations, asked.extent) for line in lines),
        total=shown.chart.total,
        nonfinite=shown.chart.nonfinite,
        clipped=shown.chart.clipped,
    )
    if _same_axis(asked, shown.asked):
        return replace(view, limits=shown.chart.limits, bend=shown.chart.bend)
    return with_scale(view, scale_of(asked, [line.values for line in lines]))


def _inside(asked: Asked, shown: Shown) -> bool:
    """Whether the lines that are shown hold every point of the window, or all that there was when they were read."""
    outer, inner = shown.asked.extent, asked.extent
    if shown.asked.wish == asked.wish:
        return True
    whole = sum(stop - start for start, stop in {m.rows(outer) for m in shown.asked.population.members})
    return outer[0] <= inner[0] and inner[1] <= outer[1] and whole <= len(shown.chart.iterations)


def _cut(chart: DynamicsView, extent: Window) -> tuple[NDArray[np.int64], list[DynamicsLine]]:
    """The lines that are shown, in the window."""
    start, stop = np.searchsorted(chart.iterations, extent)
    return chart.iterations[start:stop], [replace(line, values=line.values[start:stop]) for line in chart.lines]


def _read(asked: Asked, shown: Shown, parts: Sequence[Part]) -> tuple[NDArray[np.int64], list[DynamicsLine]]:
    """The same series in the window, from the recording."""
    places = _places(asked.population, shown.chart.lines)
    grid = grid_of(parts, sorted({number for number, _ in places}), asked.extent)
    values = np.ascontiguousarray(read_lines(parts, places, grid, asked.extent).T)
    return grid.iterations, [replace(line, values=row) for line, row in zip(shown.chart.lines, values, strict=True)]


def _places(population: Population, lines: Sequence[DynamicsLine]) -> list[Place]:
    numbers = {(member.rank, member.module): i for i, member in enumerate(population.members)}
    return [(numbers[line.rank, line.module], line.unit) for line in lines]


def _as_of(line: DynamicsLine, iterations: NDArray[np.int64], extent: Window) -> DynamicsLine:
    """What the window shows of a series that is not finite somewhere."""
    first = line.first_nonfinite
    if first is None or extent[0] <= first < extent[1]:
        return line
    bad = np.flatnonzero(~np.isfinite(line.values))
    here = int(iterations[bad[0]]) if first < extent[0] and len(bad) else None
    kind = "cover" if here is None and line.kind == "nonfinite" else line.kind
    return replace(line, kind=kind, first_nonfinite=here)


def _same_axis(asked: Asked, other: Asked) -> bool:
    mine, theirs = asked.settings, other.settings
    return (mine.window, mine.scale, mine.limits) == (theirs.window, theirs.scale, theirs.limits)
