"""Tables as aligned columns of text: nothing is drawn around them, so they paste well."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dgmtui.render.numbers import human

if TYPE_CHECKING:
    from dgmtui.commands.result import Table
    from dgmtui.render.chart import Row

_GAP, _CLOSE = "  ", " "
"""Between columns, and where the narrowest have no room otherwise."""
_BELOW = " " * 4
"""Before what stands below a row."""
_NARROWEST = 8
"""No text column is cut below this many characters."""
CLUSTER_COLOURS = 6
"""Clusters beyond these begin again with the first colour; the number tells them apart."""


def table_rows(table: "Table", width: int | None = None) -> "list[Row]":
    """Title, headings, rows and note; cut to ``width`` characters where given, text columns only."""
    cells = [[human(cell) for cell in row] for row in table.rows]
    numeric = [is_numeric([row[i] for row in table.rows]) for i in range(len(table.columns))]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(table.columns)]
    gap = _GAP
    if width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        if table.below and cells:
            return _with_last_below(table, width)
        widths = _fit(widths, numeric, width)
        gap = _GAP if sum(widths) + len(_GAP) * (len(widths) - 1) <= width else _CLOSE
    rows: list[Row] = [[(table.title, "strong")]] if table.title else []
    rows.append([(aligned(table.columns, widths, numeric, gap), "head")])
    styles = [f"cluster-{number % CLUSTER_COLOURS}" for number in table.clusters] or [""] * len(cells)
    rows += [[(aligned(row, widths, numeric, gap), style)] for row, style in zip(cells, styles, strict=True)]
    if not cells:
        rows.append([("nothing", "dim")])
    if table.note:
        rows.append([(table.note, "dim")])
    return rows


def _with_last_below(table: "Table", width: int) -> "list[Row]":
    """As ``table_rows``, with the last column's cells on lines of their own."""
    upper = replace(table, columns=table.columns[:-1], rows=tuple(row[:-1] for row in table.rows), below=False)
    drawn = table_rows(upper, width)
    first = len(drawn) - len(table.rows) - bool(table.note)
    rows = drawn[:first]
    for row, cells in zip(drawn[first:], table.rows, strict=False):
        lines = textwrap.wrap(human(cells[-1]), width - len(_BELOW))
        rows += [row, *([(_BELOW + line, "")] for line in lines)]
    return rows + drawn[first + len(table.rows) :]


def aligned(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool], gap: str = _GAP) -> str:
    """One line of cells under each other's columns; nothing trails it."""
    padded = (
        cut(cell, width).rjust(width) if numeric else cut(cell, width).ljust(width)
        for cell, width, numeric in zip(cells, widths, right, strict=True)
    )
    return gap.join(padded).rstrip()


def cut(text: str, width: int) -> str:
    """``text`` on one line, in at most ``width`` characters, an ellipsis in place of what does not fit."""
    text = " ".join(text.splitlines())
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"[:width]


def cut_middle(text: str, width: int) -> str:
    """As ``cut``, but what does not fit is left out of the middle: both ends can be told."""
    text = " ".join(text.splitlines())
    if len(text) <= width or width < 3:
        return cut(text, width)
    head = width // 2
    return f"{text[:head]}…{text[len(text) - (width - head - 1) :]}"


def is_numeric(cells: Sequence[Any]) -> bool:
    """Whether a column holds nothing but numbers and gaps, and so is set flush right."""
    present = [cell for cell in cells if cell is not None]
    return bool(cells) and all(not isinstance(c, str | bool) for c in present)


def _fit(widths: Sequence[int], numeric: Sequence[bool], width: int) -> list[int]:
    """Narrow the widest text columns until the line fits, or all are as narrow as they may be."""
    fitted = list(widths)
    spare = width - len(_GAP) * (len(fitted) - 1)
    while sum(fitted) > spare:
        texts = [i for i, number in enumerate(numeric) if not number and fitted[i] > _NARROWEST]
        if not texts:
            break
        widest = max(texts, key=lambda i: fitted[i])
        second = max((fitted[i] for i in texts if i != widest), default=_NARROWEST)
        fitted[widest] -= max(1, min(sum(fitted) - spare, fitted[widest] - max(second, _NARROWEST)))
    return fitted
