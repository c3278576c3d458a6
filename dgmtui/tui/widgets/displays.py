"""What ``display`` shows at every stop: one line above the prompt, there only while something is displayed."""

from typing import TYPE_CHECKING

from dgmtui.commands.describe import display_line
from dgmtui.render.tables import cut
from dgmtui.session.view import DisplayRow
from dgmtui.tui.widgets.charts import ChartPane

if TYPE_CHECKING:
    from dgmtui.render.chart import Row


class Displays(ChartPane):
    """``1: loss = 182.3 │ 2: xv.activation.absmax = 89.4 (at 1,300)``."""

    _shown: tuple[DisplayRow, ...] = ()
    _cursor = 0

    def show_displays(self, shown: tuple[DisplayRow, ...], cursor: int) -> None:
        """Draw them, at the cursor."""
        self._shown, self._cursor = shown, cursor
        if self.has_class("-any") != bool(shown):
            self.set_class(bool(shown), "-any")
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the width."""
        text = " │ ".join(display_line(row, self._cursor) for row in self._shown)
        row: Row = [(" " + cut(text, max(1, self.size.width - 2)), "strong")]
        self.put([row])
