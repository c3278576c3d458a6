"""The findings, most likely root cause first, with the evidence of the one that was chosen."""

import re
import textwrap

from textual.events import Click

from dgmtui.render.chart import Row
from dgmtui.render.numbers import human
from dgmtui.render.tables import cut
from dgmtui.session.view import FindingRow, View
from dgmtui.tui.widgets.pane import Asked, RowsPane

GLYPHS = {"error": ("✗", "error"), "warning": ("▲", "warning"), "info": ("·", "dim")}
BESIDE = 140
"""From this width on the evidence stands beside the list, else below its finding."""
CHOSEN = "▶"


_NUMBERED = re.compile(rf"[{CHOSEN} ](\d+) [{''.join(glyph for glyph, _ in GLYPHS.values())}] ")
"""How the first row of a finding begins."""


class Findings(RowsPane):
    """A line each, more where there is room; what is being looked for is said at the end."""

    _view: View | None = None

    def show_view(self, view: View) -> None:
        """Draw its findings."""
        self._view = view
        self.redraw()

    def on_click(self, event: Click) -> None:
        """Stand on the finding under the pointer; where one does so already, tell it in full."""
        row, view = self.row_at(event.y), self._view
        if row is None or view is None:
            return
        begun = [match[1] for each in self._rows[: row + 1] if (match := _NUMBERED.match(_text(each)))]
        if begun:
            number = int(begun[-1])
            self.post_message(Asked(f"explain {number}" if number == view.finding else f"finding {number}"))

    def draw(self) -> None:
        """Lay out what is shown for the size."""
        if self._view is None:
            return
        rows, chosen = findings_rows(self._view, self.size.width, self.size.height)
        self.show([], rows, chosen)


def findings_rows(view: View, width: int, height: int) -> tuple[list[Row], int | None]:
    """The list for a size, and which of its rows begins the chosen finding."""
    waiting: list[Row] = [] if view.findings_complete else [[("  replaying the snapshots for more …", "dim")]]
    if not view.findings:
        said = [[(line, "dim")] for line in _nothing(view, width)] if view.findings_complete else []
        return [*said, *waiting], None
    beside = _evidence_rows(view, width - width * 3 // 5 - 3) if width >= BESIDE else []
    room = width * 3 // 5 if beside else width
    rows, chosen = _listed(view, room, height - len(waiting), evidence=not beside)
    rows = _side_by_side(rows, beside, room) if beside else rows
    return [*rows, *waiting], chosen


def _listed(view: View, width: int, height: int, *, evidence: bool) -> tuple[list[Row], int | None]:
    """Each on one line; the chosen one, then the others, over more as far as the height goes."""
    spare = max(0, height - len(view.findings))
    first = [view.finding - 1] if view.finding else []
    parts: dict[int, list[Row]] = {}
    for number in dict.fromkeys([*first, *range(len(view.findings))]):
        chosen = view.finding == number + 1
        lines = _lines(number + 1, view.findings[number], width, 1 + spare, chosen=chosen)
        spare -= len(lines) - 1
        if chosen and evidence:
            told = _told(view.findings[number], width - 3)[:spare]
            lines += [[("   ", ""), *row] for row in told]
            spare -= len(told)
        parts[number] = lines
    before = sum(len(parts[number]) for number in range(first[0])) if first else None
    return [row for number in sorted(parts) for row in parts[number]], before


def _lines(number: int, finding: FindingRow, width: int, most: int, *, chosen: bool) -> list[Row]:
    """The message on one line, or wrapped over up to ``most`` where the pane has room."""
    glyph, style = GLYPHS[finding.severity]
    count, head = f"{CHOSEN if chosen else ' '}{number} ", f"{glyph} {human(finding.iteration)} "
    head += "new " if finding.new else ""
    follow = f" +{finding.consequences} consequence{'s' * (finding.consequences > 1)}" if finding.consequences else ""
    room = max(8, width - len(count) - len(head) - 1)
    text = textwrap.wrap(finding.message + follow.replace(" ", "\0"), room) or [""]
    if len(text) > most:
        text = [*text[: most - 1], cut(" ".join(text[most - 1 :]).split("\0")[0], room - len(follow)) + follow]
    text = [line.replace("\0", " ") for line in text]
    indent = " " * (len(count) + len(head))
    row: Row = [(count, "strong" if chosen else "dim"), (head, style), (text[0], "")]
    return [row, *([(indent + line, "")] for line in text[1:])]


def _told(finding: FindingRow, width: int) -> list[Row]:
    """What to try, and the commands that show it."""
    advice = f"try: {finding.advice}" if finding.advice else ""
    rows: list[Row] = [[(line, "")] for line in textwrap.wrap(advice, max(8, width))]
    for number, (command, text) in enumerate(finding.evidence, 1):
        shown = f"{number} {command}"
        rows.append([(shown, "strong"), (cut(f"  {text}", max(1, width - len(shown))), "dim")])
    return rows


def _evidence_rows(view: View, width: int) -> list[Row]:
    """Of the chosen finding, or the first."""
    return _told(view.findings[(view.finding or 1) - 1], width)


def _side_by_side(left: list[Row], right: list[Row], width: int) -> list[Row]:
    """Two columns; the left one is ``width`` wide."""
    rows: list[Row] = []
    for number in range(max(len(left), len(right))):
        row = left[number] if number < len(left) else []
        used = sum(len(text) for text, _ in row)
        rows.append([*row, (" " * max(0, width - used) + "│ ", "dim"), *(right[number] if number < len(right) else [])])
    return rows


def _nothing(view: View, width: int) -> list[str]:
    return textwrap.wrap(f"no findings; {view.looked_for}" if view.looked_for else "no findings", max(8, width - 1))


def _text(row: Row) -> str:
    return "".join(text for text, _ in row)
