"""An iteration in two dtypes as data and as blocks."""

from typing import Any

from dgmtui.commands.births import birth_data
from dgmtui.commands.result import Block, Table, Text
from dgmtui.session.operations import Range
from dgmtui.session.precision import Beside, ModuleBeside, first_lost

Rows = tuple[ModuleBeside, ...]


def beside_data(compared: Beside, rows: Rows | None) -> dict[str, Any]:
    """The object ``"beside"`` of ``replay``."""
    lost = None if rows is None else first_lost(rows, compared)
    return {
        "dtype": compared.own_dtype,
        "loss": float(compared.own.replay.loss),
        "births": [birth_data(birth) for birth in compared.own_births],
        "conclusion": compared.conclusion,
        "value": compared.value,
        "limit": compared.limit,
        "sentence": compared.sentence,
        "modules": None if rows is None else [_row_data(row) for row in rows],
        "lost_at": None if lost is None else lost.module,
    }


def beside_blocks(compared: Beside, rows: Rows | None) -> tuple[Block, ...]:
    """Loss and first non-finite of both, and a sentence; with ``rows`` every module."""
    dtype = str(compared.other.replay.dtype).removeprefix("torch.")
    both = ((compared.own_dtype, compared.own, compared.own_births), (dtype, compared.other, compared.other_births))
    table = Table(
        ("dtype", "loss", "first non-finite"),
        tuple(
            (name, float(made.replay.loss), " ".join(filter(None, (births[0].what, births[0].op, births[0].phase)))
             if births else "none")
            for name, made, births in both
        ),
    )  # fmt: skip
    blocks: tuple[Block, ...] = (table, Text(compared.sentence, "strong"))
    return blocks if rows is None else (*blocks, _modules(compared, rows, dtype))


def _modules(compared: Beside, rows: Rows, dtype: str) -> Table:
    lost = first_lost(rows, compared)
    note = "no module's result differs by more than rounding explains"
    if lost is not None:
        note = f"precision is lost first in {lost.module or 'the root'}"
    columns = ("module", "min", "max", "non-finite", f"min {dtype}", f"max {dtype}", "non-finite", "difference")
    shown = ((_name(row), *_cells(row.own), *_cells(row.other), row.difference) for row in rows)
    return Table(columns, tuple(shown), note=note)


def _name(row: ModuleBeside) -> str:
    return (row.module or ".") + (f" call {row.call + 1}" if row.call else "")


def _cells(seen: Range) -> tuple[float | int | None, ...]:
    return seen[0], seen[1], seen[2] or None


def _row_data(row: ModuleBeside) -> dict[str, Any]:
    own, other = (dict(zip(("min", "max", "nonfinite"), seen, strict=True)) for seen in (row.own, row.other))
    return {"module": row.module, "call": row.call, "own": own, "other": other, "difference": row.difference}
