"""A chart as an SVG document: the lines by kind over what all series do, with axes, caption and legend.

Colours and fonts are in it or every system's own, the ground is painted, and the same chart is the same text.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.commands.result import Chart
from dgmtui.render.chart import KINDS, MARKS, place
from dgmtui.render.lines import Series, end_of, exits
from dgmtui.render.numbers import human
from dgmtui.render.scales import Axis
from dgmtui.render.svg_backdrop import backdrop_parts
from dgmtui.render.svg_parts import BOX, HEIGHT, STYLE, WIDTH, points, text
from dgmtui.render.text import caption
from dgmtui.session.lines import thin

_LEGEND = 112
"""Width of one entry."""
_LINE_HEIGHT = 13
_TIP = 4
"""Half the width of the mark where a line leaves the range."""


def chart_svg(chart: Chart) -> str:
    """The document."""
    iterations, series = _thinned(chart)
    values = np.stack([s.values for s in series]) if series else np.empty((0, len(iterations)), np.float32)
    axis = Axis.given(chart.scale, chart.limits, chart.bend) or Axis.fit(values, chart.scale)
    order = sorted(range(len(series)), key=lambda i: (KINDS.index(series[i].kind), i))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dgmtui" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        text(BOX.left, 24, chart.title, "title"),
        text(BOX.left, 42, caption(chart), "caption"),
        *_axes(axis, iterations),
        *(backdrop_parts(chart.backdrop, axis, iterations) if chart.backdrop is not None else ()),
        *_cursor(chart.cursor, iterations),
        *(_line(series[i], axis, iterations) for i in order),
        *_exit_marks(series, values, axis, iterations),
        *_ends(series, axis, iterations),
        *_names(series, axis),
        *_legend(series),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _thinned(chart: Chart) -> tuple[NDArray[np.int64], list[Series]]:
    """No more than two points a pixel."""
    if not chart.lines:
        return chart.iterations, []
    values = np.stack([line.values for line in chart.lines], axis=1)
    iterations, thinned = thin(chart.iterations, values, 2 * int(BOX.width))
    lines = zip(chart.lines, thinned.T, strict=True)
    return iterations, [Series(of, line.kind, line.label, line.first_nonfinite) for line, of in lines]


def _axes(axis: Axis, iterations: NDArray[np.int64]) -> Iterator[str]:
    yield f'<rect class="frame" x="{BOX.left}" y="{BOX.top}" width="{BOX.width}" height="{BOX.height}"/>'
    for height in (0.0, 0.25, 0.5, 0.75, 1.0) if axis.high > axis.low else (0.5,):
        y = BOX.y(height)
        yield f'<path class="tick" d="M{BOX.left - 4} {y:.1f}h4"/>'
        yield text(BOX.left - 7, y + 4, human(axis.value(height) if axis.high > axis.low else axis.high, 3), "end")
    if len(iterations):
        first, last = int(iterations[0]), int(iterations[-1])
        for iteration in dict.fromkeys((first, (first + last) // 2, last)):
            x = BOX.x(float(place(iterations, np.array([iteration]))[0]))
            yield f'<path class="tick" d="M{x:.1f} {BOX.bottom}v4"/>'
            yield text(x, BOX.bottom + 17, human(iteration), "middle")
        yield text(BOX.x(0.5), BOX.bottom + 33, "iteration", "middle")


def _cursor(cursor: int | None, iterations: NDArray[np.int64]) -> Iterator[str]:
    if cursor is not None and len(iterations) and iterations[0] <= cursor <= iterations[-1]:
        x = BOX.x(float(place(iterations, np.array([cursor]))[0]))
        yield f'<path class="cursor" d="M{x:.1f} {BOX.top}V{BOX.bottom}"><title>iteration {cursor:,}</title></path>'


def _line(series: Series, axis: Axis, iterations: NDArray[np.int64]) -> str:
    """A group a series, and in it a polyline for each part that is finite."""
    heights = axis.position(series.values)
    x, y = BOX.x(place(iterations, iterations)), BOX.y(heights)
    there = np.flatnonzero(~np.isnan(heights))
    runs = np.split(there, np.flatnonzero(np.diff(there) > 1) + 1) if len(there) else []
    drawn = "".join(f'<polyline points="{points(x[run], y[run])}"/>' for run in runs)
    name = text(0, 0, f"{series.label} {series.kind}", tag="title")
    return f'<g class="line {series.kind}">{name}{drawn}</g>'


def _exit_marks(
    series: Sequence[Series], values: NDArray[np.floating], axis: Axis, iterations: NDArray[np.int64]
) -> Iterator[str]:
    """Triangles at the top and the bottom, one a kind and pixel."""
    along = BOX.x(place(iterations, iterations))
    for beyond, y, rise in zip(exits(values, axis), (BOX.top, BOX.bottom), (-2 * _TIP, 2 * _TIP), strict=True):
        places = dict.fromkeys((series[line].kind, round(float(along[step]))) for line, step in beyond.tolist())
        for kind, x in sorted(places, key=lambda at: (KINDS.index(at[0]), at[1])):
            yield f'<path class="exit {kind}" d="M{x - _TIP} {y}h{2 * _TIP}l{-_TIP} {rise}z"/>'


def _ends(series: Sequence[Series], axis: Axis, iterations: NDArray[np.int64]) -> Iterator[str]:
    """A cross where a line stops being finite."""
    for of in series:
        if (end := end_of(of, axis, iterations)) is not None:
            x, y = BOX.x(float(place(iterations, np.array([end.iteration]))[0])), BOX.y(end.height)
            yield f'<path class="failure" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'


def _names(series: Sequence[Series], axis: Axis) -> Iterator[str]:
    """The labels of marked lines beside their ends, graver kinds first, moved where a place is taken."""
    taken: set[int] = set()
    slots = int(BOX.height) // _LINE_HEIGHT
    for of in sorted((s for s in series if s.kind in MARKS), key=lambda s: -KINDS.index(s.kind)):
        finite = of.values[np.isfinite(of.values)]
        height = float(axis.position(finite[-1:])[0]) if finite.size else 0.0
        wanted = min(slots - 1, int((1 - height) * slots))
        free = (slot for d in range(slots) for slot in (wanted - d, wanted + d) if 0 <= slot < slots)
        slot = next((slot for slot in free if slot not in taken), None)
        if slot is not None:
            taken.add(slot)
            y = BOX.top + (slot + 0.8) * _LINE_HEIGHT
            yield text(BOX.right + 8, y, f"{MARKS[of.kind]} {of.label}", f"name {of.kind}")


def _legend(series: Sequence[Series]) -> Iterator[str]:
    """The kinds that are there, in a row at the bottom."""
    kinds = sorted({s.kind for s in series}, key=KINDS.index)
    for number, kind in enumerate(kinds):
        x, y = BOX.left + number * _LEGEND, HEIGHT - 14
        yield f'<path class="key {kind}" d="M{x} {y - 4}h22"/>'
        yield text(x + 28, y, f"{MARKS.get(kind, '')} {kind}".strip(), "caption")
