"""What commands answered: text, tables and charts, the last one in sight."""

from dgmtui.commands.result import Result
from dgmtui.render.chart import Row
from dgmtui.render.pixels import Colours
from dgmtui.render.text import block_rows
from dgmtui.tui.widgets.pane import RowsPane

KEPT = 20
ROWS_OF_ONE = 400
"""Of a longer answer the rest is left out here; ``export`` and ``--batch`` have all of it."""


class Output(RowsPane):
    """The last answers, each under its command line."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._answers: list[tuple[str, Result]] = []

    def add(self, line: str, result: Result) -> None:
        """Add an answer and scroll to its beginning."""
        self._answers = [*self._answers[-KEPT + 1 :], (line, result)]
        self.redraw()

    def on_mount(self) -> None:
        """Say what will be here."""
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        width = max(20, self.size.width - 1)
        rows: list[Row] = []
        last = 0
        for line, result in self._answers:
            last = len(rows)
            rows += [[("(dgm) ", "dim"), (line, "strong")], *_rows(result, width, self.colours)]
        self.show([], rows or [[("answers to commands typed at the prompt are shown here", "dim")]])
        self.scroll_rows(-len(rows))
        self.scroll_rows(last)


def _rows(result: Result, width: int, colours: Colours) -> list[Row]:
    rows = [row for block in result.blocks for row in block_rows(block, width, colours)]
    if len(rows) > ROWS_OF_ONE:
        rows = [*rows[:ROWS_OF_ONE], [(f"… {len(rows) - ROWS_OF_ONE:,} more lines", "dim")]]
    return rows
