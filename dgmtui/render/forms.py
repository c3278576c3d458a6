"""Blocks in the forms that other programs take: text, CSV, Markdown, SVG, JSON."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from dgmtui.commands.result import Block, Chart, Graph, Pictures, Table, Text
from dgmtui.errors import UsageError
from dgmtui.render.chart import Row
from dgmtui.render.csv import columns_csv
from dgmtui.render.json import plain
from dgmtui.render.markdown import fenced, markdown
from dgmtui.render.text import block_rows

if TYPE_CHECKING:
    from dgmtui.render.chart import Row

Form: TypeAlias = Literal["text", "csv", "md", "svg", "json"]


def in_form(blocks: Sequence[Block], form: Form) -> str:
    """All of ``blocks``, with a line break at the end.

    Raises:
        UsageError: they hold nothing that this form takes.
    """
    if form == "csv":
        return _csv(blocks)
    if form == "md":
        return "\n\n".join(text for block in blocks if (text := _markdown(block))) + "\n"
    if form == "svg":
        return _svg(blocks)
    if form == "json":
        return json.dumps([plain(_data(block)) for block in blocks], ensure_ascii=False, allow_nan=False) + "\n"
    return as_text(blocks)


def as_text(blocks: Sequence[Block]) -> str:
    """Aligned, without colour, and without blanks at the ends of lines."""
    parts = []
    for number, block in enumerate(blocks):
        if number and not (isinstance(block, Text) and isinstance(blocks[number - 1], Text)):
            parts.append("")
        parts += ["".join(text for text, _ in row).rstrip() for row in block_rows(block, None)]
    return "\n".join(parts) + "\n"


def _csv(blocks: Sequence[Block]) -> str:
    """A table, series or pixels after another, an empty line between them; numbers read back equal."""
    parts = [text for block in blocks if (text := _block_csv(block))]
    if not parts:
        raise UsageError("there are no numbers in it, so no .csv can be made of it; take .txt or .md")
    return "\n".join(parts)


def _block_csv(block: Block) -> str:
    if isinstance(block, Table):
        return _rows_csv(block.columns, block.rows)
    if isinstance(block, Chart):
        names = [line.label or "value" for line in block.lines]
        values = [line.values for line in block.lines]
        return columns_csv("iteration", block.iterations, list(zip(names, values, strict=True)))
    if isinstance(block, Pictures):
        return _rows_csv(("picture", "row", "column", "value"), _pixels(block))
    if isinstance(block, Graph):
        names = [vertex.label for vertex in block.network.vertices]
        edges = (
            (names[e.tail], names[e.head], str(e.flow.shape), e.flow.low, e.flow.high) for e in block.network.edges
        )
        return _rows_csv(("from", "to", "shape", "min", "max"), edges)
    return ""


def _pixels(block: Pictures) -> Iterator[tuple[Any, ...]]:
    for number, picture in enumerate(block.pictures):
        values = picture.values if picture.values.ndim == 2 else picture.values.mean(axis=2)
        for (row, column), value in np.ndenumerate(values):
            yield picture.label or number, row, column, value


def _rows_csv(columns: Sequence[str], rows: "Sequence[Sequence[Any]] | Iterator[tuple[Any, ...]]") -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell) if isinstance(cell, np.generic) else cell for cell in row] for row in rows)
    return out.getvalue()


def _markdown(block: Block) -> str:
    return fenced(as_text([block]).rstrip("\n")) if isinstance(block, Chart | Graph) else markdown(block, lambda _: "")


def _svg(blocks: Sequence[Block]) -> str:
    """A chart as the picture that it is; anything else as its text, coloured."""
    from dgmtui.render.svg import chart_svg
    from dgmtui.render.svg_text import text_svg

    charts = [block for block in blocks if isinstance(block, Chart)]
    if len(charts) == 1 and all(isinstance(block, Chart | Text) for block in blocks):
        return chart_svg(charts[0])
    rows: list[Row] = []
    for number, block in enumerate(blocks):
        rows += [[]] if number else []
        rows += block_rows(block, 110, "many")
    return text_svg(rows)


def _data(block: Block) -> Any:
    if isinstance(block, Text):
        return {"text": block.text}
    if isinstance(block, Table):
        rows = [dict(zip(block.columns, row, strict=True)) for row in block.rows]
        return {"title": block.title, "rows": rows, "note": block.note}
    if isinstance(block, Chart):
        lines = [{"label": line.label, "kind": line.kind, "values": line.values} for line in block.lines]
        return {"title": block.title, "iterations": block.iterations, "lines": lines}
    if isinstance(block, Graph):
        return {"graph": asdict(block.network)}
    return {"pictures": [{"label": each.label, "values": each.values} for each in block.pictures]}
