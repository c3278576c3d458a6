"""The findings, most likely root cause first."""

import textwrap

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human
from dgmtui.render.tables import cut
from dgmtui.session.view import FindingRow
from dgmtui.tui.widgets.pane import RowsPane

GLYPHS = {"error": ("✗", "error"), "warning": ("▲", "warning"), "info": ("·", "dim")}


class Findings(RowsPane):
    """A line each; what is being looked for is said at the end."""

    _findings: tuple[FindingRow, ...] = ()
    _complete = True

    def show_findings(self, findings: tuple[FindingRow, ...], complete: bool) -> None:
        """Draw them; ``complete`` is False while the replay has not been looked at."""
        self._findings, self._complete = findings, complete
        self.redraw()

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        width = self.size.width
        spare = max(0, self.size.height - len(self._findings) - (not self._complete))
        rows: list[Row] = []
        for number, finding in enumerate(self._findings, 1):
            lines = _lines(number, finding, width, 1 + spare)
            spare -= len(lines) - 1
            rows += lines
        if not self._complete:
            rows.append([("  replaying the snapshots for more …", "dim")])
        self.show([], rows or [[("no findings", "dim")]])


def _lines(number: int, finding: FindingRow, width: int, most: int) -> list[Row]:
    """The message on one line, or wrapped over up to ``most`` where the pane has room."""
    glyph, style = GLYPHS[finding.severity]
    count, head = f"{number} ", f"{glyph} {human(finding.iteration)} {'new ' if finding.new else ''}"
    room = max(8, width - len(count) - len(head) - 1)
    text = textwrap.wrap(finding.message, room) or [""]
    text = [*text[: most - 1], cut(" ".join(text[most - 1 :]), room)] if len(text) > most else text
    indent = " " * (len(count) + len(head))
    first: Row = [(count, "dim"), (head, style), (text[0], "")]
    return [first, *([(indent + line, "")] for line in text[1:])]
