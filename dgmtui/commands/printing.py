"""``print``: expressions over the tensors of an iteration, or of several side by side."""

import re
from collections.abc import Mapping
from typing import Any

from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import Expression
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.replayed import edited_words
from dgmtui.session.session import Session
from dgmtui.session.summary import Summary, summarise
from dgmtui.session.tensors import print_value, snapshots_at

_AT = re.compile(r"(?P<expression>.*\S)\s+(?:--)?at[\s=]+(?P<at>all|-?\d+(?:[\s,]+-?\d+)*)\s*,?")
_SAID = ("shape", "dtype", "min", "max", "mean", "elements", "nan", "inf", "values", "table")
MOST = 64
"""Snapshots that are printed side by side."""


@command("print", group="analyse", aliases=("p",), needs_replay=True)
def print_(session: Session, expression: Expression) -> Result:
    """Show a tensor of the iteration, or what is computed from tensors.

    `print max(abs(enc.0)) / mean(enc.0)`, say. `print EXPRESSION at 0 640 -1` shows it at several snapshots side by
    side (those at or before these iterations; `at all` means every snapshot).

    Names: loss, MODULE, MODULE[UNIT], MODULE[UNIT]@SAMPLE (a module's last output; `module:0` where the path is a
    number), node:ID, input:NAME, param:PATH, buffer:PATH, and gradients: grad:PATH of a parameter, grad:MODULE,
    grad:node:ID. With them: numbers, + - * / // % **, comparisons (0 < x < 1), & | ^ ~ of conditions, indices and
    slices ([0, -1, 2:8:2], [[0, 3]], [x > 1]). Functions along an axis or over all: mean(x), mean(x, 0), and so min max
    sum prod std var median norm any all count argmin argmax softmax log_softmax sort topk(x, k) quantile(x, q) cumsum;
    abs sign exp log log1p sqrt square tanh sigmoid erf relu softplus gelu silu round floor ceil isnan isinf isfinite;
    clamp(x, low, high) where(c, x, y) minimum maximum unique flatten shape float64.

    JSON: {"command":"print","expression","iteration","shape","dtype","min","max","mean","elements","nan","inf",
    "values","table"}: range and mean over finite values, the first eight values, and of a tensor of at most 16×12 all,
    as rows (else null). With `at`: {"command":"print","expression","at":[{"iteration", and these}…]}.
    """
    if several := _AT.fullmatch(expression):
        return _side_by_side(session, several["expression"], several["at"])
    made, value = print_value(session, expression)
    said = summarise(value)
    data = {"expression": expression, "iteration": made.snapshot.iteration, **_data(said)}
    blocks: list[Block] = []
    if said.shape:
        row = ("×".join(map(str, said.shape)), said.dtype, said.low, said.high, said.mean, said.nan, said.inf)
        blocks += [Table(("shape", "dtype", "min", "max", "mean", "nan", "inf"), (row,)), _values(said)]
    else:
        blocks.append(Text(f"{expression} = {said.values[0]:.9g}"))
    return Result("print", data, (*blocks, *as_edited(session), *elsewhere(session, made.snapshot.iteration)))


def _side_by_side(session: Session, expression: str, at: str) -> Result:
    wanted = None if at == "all" else [int(word) for word in re.split(r"[\s,]+", at)]
    snapshots = snapshots_at(session, wanted)
    if len(snapshots) > MOST:
        raise UsageError(f"{len(snapshots)} snapshots are too many side by side; name at most {MOST}")
    found = [(snapshot, summarise(print_value(session, expression, snapshot)[1])) for snapshot in snapshots]
    data = [{"iteration": snapshot.iteration, **_data(said)} for snapshot, said in found]
    heads = tuple(f"{snapshot.iteration:,}" + (f" {snapshot.turn}" if snapshot.turn else "") for snapshot, _ in found)
    standing = [(s, session.results.edits.of(s)) for s in snapshots]
    notes = [f"{snapshot.iteration:,} as {edited_words(edits)}" for snapshot, edits in standing if edits]
    table = Table(("iteration", *heads), tuple(_rows([said for _, said in found])), note="; ".join(notes))
    return Result("print", {"expression": expression, "at": data}, (Text(expression, "strong"), table))


def _rows(found: list[Summary]) -> list[tuple[Any, ...]]:
    if all(not said.shape for said in found):
        return [("value", *(said.values[0] for said in found))]
    rows: list[tuple[Any, ...]] = [
        ("shape", *("×".join(map(str, said.shape)) for said in found)),
        ("min", *(said.low for said in found)),
        ("max", *(said.high for said in found)),
        ("mean", *(said.mean for said in found)),
        ("nan", *(said.nan or None for said in found)),
        ("inf", *(said.inf or None for said in found)),
    ]
    shown = min(len(said.values) for said in found)
    return rows + [(f"[{place}]", *(said.values[place] for said in found)) for place in range(shown)]


def _values(said: Summary) -> Block:
    """All of a small tensor as a table, else its first values."""
    if said.table and len(said.shape) == 2:
        heads = ("", *(str(column) for column in range(len(said.table[0]))))
        return Table(heads, tuple((f"[{place}]", *row) for place, row in enumerate(said.table)))
    more = ", …" if said.elements > len(said.values) and not said.table else ""
    values = said.table[0] if said.table else said.values
    return Text("values: " + ", ".join(f"{value:.6g}" for value in values) + more)


def _data(said: Summary) -> Mapping[str, Any]:
    named = (
        said.shape, said.dtype, said.low, said.high, said.mean, said.elements, said.nan, said.inf, said.values,
        said.table or None,
    )  # fmt: skip
    return dict(zip(_SAID, named, strict=True))
