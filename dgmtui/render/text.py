"""A command's answer as text: for a terminal, a pipe or the screen's output pane."""

import textwrap
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.text import Text as RichText

from dgmtui.commands.result import Block, Chart, Graph, Pictures, Result, Table, Text
from dgmtui.render.chart import MARKS, Plot, Row, Series, nearest_drawn, plot
from dgmtui.render.graph_rows import graph_rows
from dgmtui.render.numbers import human
from dgmtui.render.pictures import pictures_rows
from dgmtui.render.pixels import Colours
from dgmtui.render.scales import Axis
from dgmtui.render.styles import colours_of, style_named
from dgmtui.render.tables import table_rows
from dgmtui.render.themes import LOOK
from dgmtui.session.view import Backdrop, DynamicsView

_CHART_HEIGHT = 16
_CHART_WIDTH = 110
_PIPE_WIDTH = 80
"""Of a chart; what is pasted elsewhere should not wrap."""


def print_result(result: Result, console: Console) -> None:
    """Print a result's blocks, one empty line between them; without colour and uncut where output is no terminal."""
    blocks = (*result.blocks, *result.below)
    for number, block in enumerate(blocks):
        if number and not (isinstance(block, Text) and isinstance(blocks[number - 1], Text)):
            console.print()
        for row in block_rows(block, console.width if console.is_terminal else None, colours_of(console)):
            console.print(styled(row), soft_wrap=True, highlight=False)


def block_rows(block: Block, width: int | None, colours: Colours = "none") -> list[Row]:
    """One block as rows of styled pieces, at most ``width`` wide where given (numbers are never cut)."""
    if isinstance(block, Text):
        return [[(line, block.style)] for line in _wrapped(block.text, width)]
    if isinstance(block, Table):
        return table_rows(block, width)
    if isinstance(block, Pictures):
        return pictures_rows(block.pictures, width or _PIPE_WIDTH, colours, shared=block.shared)
    if isinstance(block, Graph):
        return graph_rows(block.network, width, block.module)[0]
    return chart_rows(block, min(width or _PIPE_WIDTH, _CHART_WIDTH), _CHART_HEIGHT)


def chart_rows(chart: Chart, width: int, height: int) -> list[Row]:
    """A chart with its title, caption and, below it, the mark of the cursor."""
    series = [Series(line.values, line.kind, line.label, line.first_nonfinite) for line in chart.lines]
    axis = Axis.given(chart.scale, chart.limits, chart.bend)
    labels = label_width((s.label for s in series if s.kind in MARKS), width)
    drawn = plot(
        series, chart.iterations, width, height, chart.scale, labels=labels, axis=axis, backdrop=chart.backdrop
    )
    rows: list[Row] = [[(chart.title, "strong")]] if chart.title else []
    rows.append([(caption(chart), "dim")])
    rows += [[(line, "dim")] for line in _wrapped(chart.advice, width)] if chart.advice else []
    rows += drawn.rows
    if chart.cursor is not None and len(chart.iterations):
        rows.append(_cursor_row(drawn, chart.iterations, chart.cursor, width))
    return rows


def _cursor_row(drawn: Plot, iterations: NDArray[np.int64], cursor: int, width: int) -> Row:
    """``^ iteration 8`` below its column; where that is too far to the right, the words come first."""
    text = f"iteration {human(cursor)}"
    if not iterations[0] <= cursor <= iterations[-1] and nearest_drawn(cursor, iterations) == cursor:
        return [(f"{text} is not in this window", "dim")]
    column = drawn.column(cursor, iterations)
    if column + 2 + len(text) <= width or column <= len(text):
        return [(" " * column + "^", "strong"), (f" {text}", "dim")]
    return [(f"{text} ".rjust(column), "dim"), ("^", "strong")]


def caption(chart: Chart | DynamicsView) -> str:
    """``40 of 12,288 · 3 non-finite · 5 clipped · symlog``."""
    return " · ".join(caption_parts(chart))


def caption_parts(chart: Chart | DynamicsView) -> list[str]:
    """What a caption says, what matters most first."""
    parts = [f"{human(len(chart.lines))} of {human(max(chart.total, len(chart.lines)))}"]
    parts += [f"{human(chart.nonfinite)} non-finite"] if chart.nonfinite else []
    parts += [f"{human(chart.clipped)} clipped"] if chart.clipped else []
    parts += [chart.scale, *([beneath(chart.backdrop)] if chart.backdrop is not None else [])]
    return [*parts, "refining…"] if chart.preliminary else parts


def beneath(backdrop: Backdrop) -> str:
    """What the dots beneath the lines are, in a word or two."""
    return "over density" if backdrop.density is not None else "over bands"


def styled(row: Row) -> RichText:
    """A row of pieces for Rich in the theme that is in use, without trailing blanks."""
    text = RichText.assemble(*((piece, LOOK.theme.styled(style_named(style))) for piece, style in row))
    text.rstrip()
    return text


def label_width(labels: Iterable[str], width: int) -> int:
    """Columns for the labels of marked lines, beside a chart that has ``width`` in all; 0 where none is marked."""
    longest = max(map(len, labels), default=-1)
    return min(max(12, width // 6), 1 + longest)


def _wrapped(text: str, width: int | None) -> list[str]:
    lines = text.splitlines() or [""]
    if width is None:
        return lines
    return [part for line in lines for part in (_wrapped_line(line, width) or [""])]


def _wrapped_line(line: str, width: int) -> list[str]:
    """What goes on of an item of a list stands below its first word."""
    bullet = line[: len(line) - len(line.lstrip(" ·"))] if line.lstrip().startswith("· ") else ""
    return textwrap.wrap(line, width, subsequent_indent=" " * len(bullet))
