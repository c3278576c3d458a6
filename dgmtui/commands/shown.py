"""What each part of the screen shows, as blocks that any form can be made of; numbers whole, nothing cut."""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from dgmtui.commands.answers import last_answer
from dgmtui.commands.chart_data import chart_block, drawn_chart
from dgmtui.commands.reporting import loss_chart
from dgmtui.commands.result import Block, Pictures, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.picking import place_of
from dgmtui.session.session import Session
from dgmtui.session.view import UnitsTab, View

Part: TypeAlias = Literal[
    "answer", "tree", "loss", "dynamics", "contributions", "operations", "maps", "samples", "clusters", "findings",
    "screen",
]  # fmt: skip
"""A pane, the last answer, or the whole screen as a picture."""
_HOW = {
    "contributions": "credit", "operations": "replay", "maps": "maps", "samples": "samples", "clusters": "clusters",
}  # fmt: skip
"""Part → the command that fills it."""


def blocks_of(session: Session, part: Part) -> tuple[Block, ...]:
    """What ``part`` shows now.

    Raises:
        UsageError: there is nothing in it yet, and what to type to have it.
    """
    if part == "answer":
        return last_answer(session).blocks
    if part == "dynamics":
        chart = drawn_chart(session)
        return (chart_block(chart, session.iteration, place_of(chart, session.pick)),)
    if part == "loss":
        return (loss_chart(session),)
    blocks = _TABLES[part](session.view())
    if not blocks:
        raise UsageError(f"there is nothing in {part} yet; `{_HOW[part]}` fills it")
    return blocks


def _tree(view: View) -> tuple[Block, ...]:
    rows = tuple(("  " * row.depth + row.label, row.path, row.health, row.detail or None) for row in view.tree)
    return (_table(("network", "path", "health", "detail"), rows),)


def _findings(view: View) -> tuple[Block, ...]:
    columns = ("number", "severity", "iteration", "kind", "module", "message")
    rows = (
        (number, row.severity, row.iteration, row.kind, row.module, row.message)
        for number, row in enumerate(view.findings, start=1)
    )
    note = "" if view.findings_complete else "not all have been looked for yet; `findings` does"
    return (_table(columns, tuple(rows), note=note),)


def _contributions(view: View) -> tuple[Block, ...]:
    if view.credit is None:
        return ()
    against = "against" if view.credit.against is None else f"against {view.credit.against}"
    columns = ("module", "unit", "sample", "region", "value", "forward", "share", "backward", "approximate", against)
    rows = tuple(
        (
            row.module or "(root)",
            *(row.unit, row.sample, row.region, row.value, row.forward, row.share, row.backward),
            *(row.approximate or None, row.difference),
        )
        for row in view.credit.rows
    )
    return (_table(columns, rows, f"credit for {view.credit.target}", view.credit.note),)


def _operations(view: View) -> tuple[Block, ...]:
    if not view.operations:
        return ()
    columns = ("node", "operation", "module", "shape", "least", "greatest", "non-finite", "source", "born")
    rows = tuple(
        (
            *(row.node, row.op, row.module or "(root)", "×".join(map(str, row.shape)) or "scalar", row.low, row.high),
            *(row.nonfinite, row.source, "first bad here" if row.born else None),
        )
        for row in view.operations
    )
    return (_table(columns, rows),)


def _units(tab: UnitsTab | None) -> tuple[Block, ...]:
    if tab is None:
        return ()
    blocks: list[Block] = [Text(tab.title, "strong")]
    if tab.columns:
        blocks.append(Table(tab.columns, tab.rows, clusters=tab.clusters))
    if tab.pictures:
        blocks.append(Pictures(tab.pictures, tab.shared))
    return (*blocks, Text(tab.note, "dim")) if tab.note else tuple(blocks)


def _table(columns: tuple[str, ...], rows: tuple[tuple[object, ...], ...], title: str = "", note: str = "") -> Table:
    """Columns in which no row has anything are left out."""
    kept = [i for i in range(len(columns)) if not rows or any(row[i] is not None for row in rows)]
    cells = tuple(tuple(row[i] for i in kept) for row in rows)
    return Table(tuple(columns[i] for i in kept), cells, title, note)


_TABLES: Mapping[str, Callable[[View], tuple[Block, ...]]] = {
    "tree": _tree,
    "findings": _findings,
    "contributions": _contributions,
    "operations": _operations,
    "maps": lambda view: _units(view.maps),
    "samples": lambda view: _units(view.samples),
    "clusters": lambda view: _units(view.clusters),
}
