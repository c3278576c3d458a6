"""Contributions as data for programs and as tables for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dgmtui.commands.result import Block, Table, Text
from dgmtui.session.crediting import CreditTable, Sort
from dgmtui.session.folding import FOLDED, folded, share_of

if TYPE_CHECKING:
    from dgmtui.credit import Contribution


def credit_data(made: CreditTable, top: int) -> dict[str, Any]:
    """The object of ``credit``; ``top`` rows of each kind, 0 for all."""
    what, beside = made.contributions.target, made.against
    rows: Sequence[Contribution] = made.contributions.rows
    if made.sort != "forward" or made.only:
        rows = made.sorted_rows(made.filtered(rows), made.sort)
    inputs = made.sorted_rows(made.filtered(made.contributions.inputs))
    return {
        "target": {
            "text": what.text, "name": what.name, "module": what.module, "unit": what.unit, "sample": what.sample,
            "units": list(what.units) or None, "samples": list(what.samples) or None, "value": what.value,
            "iteration": made.snapshot.iteration, "note": made.note or None,
        },
        "rows": [row_data(made, row) for row in rows[: top or None]],
        "inputs": [row_data(made, row) for row in inputs[: top or None]],
        "conserved": dict(made.contributions.conserved),
        "terms": [
            {"term": t.name, "value": t.part, "op": t.op or None, "source": str(t.source) if t.source else None}
            for t in made.terms
        ],
        "against": None if beside is None else beside.iteration,
        "against_target": None if beside is None or beside.target is None else beside.target.text,
        "against_note": None if beside is None else beside.said or None,
        "only": made.only or None,
    }  # fmt: skip


def row_data(made: CreditTable, row: "Contribution") -> dict[str, Any]:
    """One of its "rows"."""
    moved = None if made.against is None else made.against.moved.get(row.key)
    return {
        "module": row.module, "unit": row.unit, "sample": row.sample, "region": row.region, "value": row.value,
        "forward": row.forward, "backward": row.backward, "approximate": row.approximate,
        "then": None if moved is None else moved.then,
        "difference": None if moved is None else moved.difference,
        "rank": None if moved is None else moved.rank,
    }  # fmt: skip


def credit_blocks(made: CreditTable, top: int) -> tuple[Block, ...]:
    """What people read: rows that repeat another are left out, and what came in stands apart."""
    what = made.contributions.target
    blocks: list[Block] = [Text(what.text, "strong")]
    if what.alone:
        return tuple(blocks)
    if made.advice:
        blocks.append(Text(made.advice, "warning"))
    if made.unverified:
        blocks.append(Text(made.unverified, "warning"))
    blocks.extend(_comparison(made))
    blocks.extend(_terms(made))
    told = folded(made.contributions.rows, made.graph)
    upstream = "puts into it" if what.of == "value" else "upstream puts into it"
    sides: list[tuple[Sort, str]] = [
        ("forward", f"what a unit {upstream}"),
        ("backward", "what a unit makes of its gradient"),
    ]
    if what.of == "gradient":
        sides[1] = ("backward", "what a unit downstream makes of it")
    for side, title in reversed(sides) if made.sort == "backward" else sides:
        rows = made.sorted_rows((row for row in made.filtered(told) if getattr(row, side) is not None), side)
        missing = side == "backward" and made.advice and not any(row.backward for row in rows)
        if rows and not missing:
            blocks.append(_table(made, rows, side, top, title))
    if inputs := made.filtered(made.contributions.inputs):
        blocks.append(_table(made, made.sorted_rows(inputs), "forward", top, "what came in"))
    if made.only:
        blocks.append(Text(f"only contributors that match {made.only}; `filter` shows all", "dim"))
    brief = made.brief.removeprefix(made.unverified).removeprefix("; ")
    blocks.append(Text("; ".join(part for part in (brief, FOLDED + "; --json has all rows") if part), "dim"))
    return tuple(blocks)


def _comparison(made: CreditTable) -> list[Block]:
    beside = made.against
    if beside is None:
        return []
    blocks: list[Block] = []
    if beside.target is not None:
        blocks.append(Text(f"against iteration {beside.iteration:,}: {beside.target.text}"))
    if beside.said:
        blocks.append(Text(beside.said, "warning"))
    return blocks


def _terms(made: CreditTable) -> list[Block]:
    if not made.terms:
        return []
    cells = tuple((t.name, t.part, t.op, str(t.source) if t.source else None) for t in made.terms)
    return [Table(("term", "value", "op", "source"), cells, title="what is summed into it")]


def _table(made: CreditTable, rows: "Sequence[Contribution]", side: Sort, top: int, title: str) -> Table:
    shown = rows[:top] if top else rows
    left = len(rows) - len(shown)
    share = share_of(made.contributions)
    moved = {} if made.against is None else made.against.moved
    columns = ["module", "unit", "sample", "region", "value", side, "share %", "then", "difference", "rank", ""]
    cells = []
    for row in shown:
        # a row upstream is compared by what it puts into the target, whatever else it does
        beside = moved.get(row.key) if (row.forward is None) == (side == "backward") else None
        then = (None, None, None) if beside is None else (beside.then, beside.difference, beside.rank)
        cells.append([
            row.module or "root", row.unit, row.sample, row.region, row.value, getattr(row, side),
            _percent(share(row.forward)), *then, "≈" if row.approximate else "",
        ])  # fmt: skip
    fixed = ("module", "unit", "value", side)
    kept = [i for i, name in enumerate(columns) if name in fixed or any(row[i] not in (None, "") for row in cells)]
    return Table(
        tuple(columns[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in cells),
        title=title,
        note=f"{left:,} more rows; --top 0 shows all" if left else "",
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
