"""The tour, one or two lines above the prompt, three where it is narrow; there only while there is one."""

import textwrap

from dgmtui.render.tables import cut
from dgmtui.tui.widgets.charts import ChartPane

LINES = 3


class TourLines(ChartPane):
    """``tour 2/8  Iteration 2,578: … Press x: why, in words.``"""

    _words = ""

    def show_tour(self, words: str) -> None:
        """Draw what it says; nothing hides it."""
        if words == self._words:
            return
        self._words = words
        self.set_class(bool(words), "-any")
        self._take_lines()
        self.redraw()

    def on_resize(self) -> None:
        """The words may need another number of lines."""
        self._take_lines()
        super().on_resize()

    def draw(self) -> None:
        """Lay out the words for the width."""
        lines = self._wrapped()
        rest = " ".join(lines[LINES - 1 :])
        shown = [*lines[: LINES - 1], rest] if len(lines) > LINES else lines
        self.put([[(" " + cut(line, self._width), "warning")] for line in shown])

    @property
    def _width(self) -> int:
        return max(1, self.screen.size.width - 2)

    def _take_lines(self) -> None:
        lines = len(self._wrapped())
        self.set_class(lines < 2, "-one")
        self.set_class(lines >= LINES, "-three")

    def _wrapped(self) -> list[str]:
        return textwrap.wrap(self._words, self._width)
