"""What the two charts share: a title, a picture that is drawn anew only when it changes, and one row of marks."""

import numpy as np
from numpy.typing import NDArray
from textual.strip import Strip

from dgmtui.render.chart import Plot, Row
from dgmtui.tui.widgets.fitted import Fitted
from dgmtui.tui.widgets.pane import changed_cells, strip_of

WINDOW = "─"
"""Below the loss, where the iterations lie that the dynamics chart shows."""


class ChartPane(Fitted):
    """One title row, the picture, and below it the row on which the cursor is marked."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: list[Row] = []
        self._plot: Plot | None = None

    def put(self, lines: list[Row]) -> None:
        """Show other rows; of a row that changed only the cells from the first to the last change are sent."""
        before, self._lines = self._lines, lines
        height = max(len(before), len(lines))
        regions = [
            region
            for y in range(min(height, self.size.height))
            if (region := changed_cells(_at(before, y), _at(lines, y), y, self.size.width))
        ]
        self.send(regions)

    def render_line(self, y: int) -> Strip:
        """One line, padded to the pane's width."""
        self.fit()
        return strip_of(_at(self._lines, y), self.size.width)


def marks_row(
    plot: Plot,
    iterations: NDArray[np.int64],
    marks: list[tuple[int, str, str]],
    window: tuple[int, int] | None = None,
) -> Row:
    """One row with a glyph at each mark ``(iteration, glyph, style)``, of two at a place the later, over the line of
    a window."""
    empty: Row = [(" " * (plot.left + plot.width), "")]
    return overlaid(underlined(empty, plot, iterations, window), plot, iterations, marks)


def underlined(row: Row, plot: Plot, iterations: NDArray[np.int64], window: tuple[int, int] | None) -> Row:
    """``row`` with a line where the iterations of ``window`` (from, up to and without) lie."""
    if window is None or not len(iterations) or window[1] <= iterations[0] or window[0] > iterations[-1]:
        return row
    start, stop = (plot.column(at, iterations) for at in (window[0], window[1] - 1))
    cells = [(glyph, style) for text, style in row for glyph in text]
    cells[start : stop + 1] = [(WINDOW, "dim")] * (stop + 1 - start)
    return _joined(cells)


def overlaid(row: Row, plot: Plot, iterations: NDArray[np.int64], marks: list[tuple[int, str, str]]) -> Row:
    """``row`` with a glyph at each mark ``(iteration, glyph, style)``."""
    cells = [(glyph, style) for text, style in row for glyph in text]
    if len(iterations):
        first, last = int(iterations[0]), int(iterations[-1])
        for iteration, glyph, style in marks:
            if first <= iteration <= last:
                cells[plot.column(iteration, iterations)] = (glyph, style)
    return _joined(cells)


def titled(left: Row, width: int, *right: str) -> Row:
    """A title row: ``left`` at the left, and at the right (dim) the first of ``right`` that fits."""
    used = sum(len(text) for text, _ in left)
    fitting = next((text for text in right if used + len(text) + 2 <= width), "")
    return [*left, (fitting.rjust(max(0, width - used - 1)), "dim")]


def _joined(cells: list[tuple[str, str]]) -> Row:
    row: Row = []
    for glyph, style in cells:
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + glyph, style)
        else:
            row.append((glyph, style))
    return row


def _at(lines: list[Row], y: int) -> Row:
    return lines[y] if y < len(lines) else []
