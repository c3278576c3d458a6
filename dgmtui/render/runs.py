"""The list of runs as lines: who needs a person is told by glyphs and words, colour only adds to them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.render.numbers import human
from dgmtui.render.spark import spark
from dgmtui.render.tables import cut, cut_middle
from dgmtui.session.runs.model import Run, span_words

if TYPE_CHECKING:
    from dgmtui.render.chart import Row

STATE_GLYPHS = {
    "exception": "✗",
    "killed": "†",
    "unreadable": "?",
    "stopped": "■",
    "silent": "○",
    "running": "▶",
    "done": "·",
    "unread": " ",
}
FINDING_GLYPHS = {"error": "✗", "warning": "▲", "info": "·"}
_STATE_STYLES = {
    "exception": "error",
    "killed": "error",
    "unreadable": "error",
    "silent": "warning",
    "running": "strong",
}
_FINDING_STYLES = {"error": "error", "warning": "warning"}
_NONE = "none"
_WIDE = 100
"""Columns from which there is room for a gap of two and a longer spark line."""
_NAME, _FINDING, _MESSAGE = 16, 18, 24
"""No column of names, findings, messages is narrower, but where all cells are."""


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[Run], str]
    width: int
    """What it takes to show every run's cell whole; 0 where that is not known."""
    right: bool = False
    style: Callable[[Run], str] = lambda run: ""


def run_rows(runs: Sequence[Run], now: float, width: int) -> "tuple[Row, Callable[[int], Row]]":
    """The heading, and what draws the line of one of ``runs``, ``width`` wide; where there is no room, what tells
    least is left out.

    Args:
        now: seconds since the epoch.
    """
    gap = 2 if width >= _WIDE else 1
    columns = _columns(runs, now, width)
    widths = _widths(columns, width - 1, gap)
    shown = [(column, widths[column.title]) for column in columns if widths.get(column.title)]
    head: Row = [(" " + (" " * gap).join(_padded(each.title, size, each.right) for each, size in shown), "head")]
    return head, lambda place: _row(shown, runs[place], gap)


def finding_words(run: Run) -> str:
    """``✗ 2,578 nonfinite``: of its worst finding; ``none``, or ``…`` where it is still looked for."""
    if run.worst is not None:
        return f"{FINDING_GLYPHS[run.worst.severity]} {human(run.worst.iteration)} {run.worst.kind}"
    if run.not_looked:
        return "? not known"
    if run.awaits_findings:
        return "…"
    return _NONE if run.iterations else ""


def told_of(run: Run) -> str:
    """What a line at the bottom says of a run: how it is, and what its worst finding is."""
    worst = run.worst
    if worst is None:
        return " · ".join(filter(None, (run.detail, run.not_looked)))
    more = f" (the worst of {worst.count} findings)" if worst.count > 1 else ""
    detail = "" if run.detail == f"{worst.kind} at iteration {worst.iteration}" else run.detail
    return " · ".join(filter(None, (detail, f"{worst.message}{more}")))


def course(run: Run, width: int) -> str:
    """Its loss as a spark line."""
    return spark(run.losses, width) if run.losses else ""


def iterations(run: Run) -> str:
    """Empty where there is none."""
    return human(run.iterations) if run.iterations else ""


def last_loss(run: Run) -> str:
    """Empty where there is none."""
    return "" if run.loss is None else human(run.loss)


def _columns(runs: Sequence[Run], now: float, width: int) -> list[_Column]:
    def column(
        title: str, cell: Callable[[Run], str], *, right: bool = False, style: Callable[[Run], str] = lambda run: ""
    ) -> _Column:
        return _Column(title, cell, max([len(title), *(len(cell(run)) for run in runs)]), right, style)

    spark_width = 16 if width >= _WIDE else 8
    return [
        column("run", lambda run: run.name),
        column("state", _state, style=lambda run: _STATE_STYLES.get(run.state, "")),
        column("worst finding", finding_words, style=_finding_style),
        column("iterations" if width >= _WIDE else "iter", iterations, right=True),
        column("loss", last_loss, right=True),
        _Column("course", lambda run: course(run, spark_width), spark_width, style=lambda run: "bar"),
        column("ago", lambda run: span_words(now - run.written), right=True),
        _Column("why", told_of, 0, style=lambda run: "dim"),
    ]


def _finding_style(run: Run) -> str:
    return "dim" if run.worst is None else _FINDING_STYLES.get(run.worst.severity, "")


def _state(run: Run) -> str:
    return f"{STATE_GLYPHS[run.state]} {'…' if run.state == 'unread' else run.state}"


def _widths(columns: Sequence[_Column], width: int, gap: int) -> dict[str, int]:
    """Width by title of the columns that are shown: numbers whole, names and findings as far as there is room."""
    run, state, finding, count, loss, spark_line, ago, why = columns
    widths = {run.title: min(run.width, _NAME), state.title: state.width, finding.title: min(finding.width, _FINDING)}
    left = width - sum(widths.values()) - 2 * gap
    for column in (ago, loss, count, spark_line):  # what is left out first comes last
        if column.width + gap <= left:
            widths[column.title] = column.width
            left -= column.width + gap
    for column, most in ((finding, finding.width), (run, max(_NAME, width // 4)), (run, run.width)):
        more = max(0, min(left, min(column.width, most) - widths[column.title]))
        widths[column.title] += more
        left -= more
    if left >= _MESSAGE + gap:
        widths[why.title] = left - gap
    return widths


def _row(shown: Sequence[tuple[_Column, int]], run: Run, gap: int) -> "Row":
    row: Row = [(" ", "")]
    for number, (column, size) in enumerate(shown):
        text = column.cell(run)
        fitted = cut_middle(text, size) if column.title == "run" else text
        row += [(" " * gap, "")] if number else []
        row.append((_padded(fitted, size, column.right), column.style(run)))
    return row


def _padded(text: str, width: int, right: bool) -> str:
    text = cut(text, width)
    return text.rjust(width) if right else text.ljust(width)
