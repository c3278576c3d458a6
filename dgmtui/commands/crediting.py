"""Commands that assign credit: which units put a value there, and the way from it back to the input."""

import math
from typing import TYPE_CHECKING, Any, Literal

from dgmtui.commands.chain_data import account_blocks, chain_data
from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.registry import REGISTRY, command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.crediting import CreditTable
from dgmtui.session.folding import FOLDED, folded, share_of
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.credit import Chain, Contribution

By = Literal["unit", "unit,sample", "module"]
Rule = Literal["epsilon", "gamma", "alphabeta", "composite"]


@command("credit", group="analyse", keys=(("c", "credit", "credit"),), needs_replay=True)
def credit(
    session: Session,
    target: str = "",
    *,
    by: By = "unit",
    top: int = 20,
    backward: bool = False,
    rule: Rule = "epsilon",
    epsilon: float = 1e-6,
) -> Result:
    """Say which units put the target there: forward by LRP-ε, backward by what they made of its gradient.

    A target is MODULE, MODULE[UNIT], MODULE[UNIT]@SAMPLE, node:ID, loss or nonfinite; without one it is what is
    selected, or the first non-finite value where the iteration failed. For a non-finite value it is the finite value
    that went out of range; the module, unit and sample that the target turns out to be are looked at from then on.
    --by unit, unit,sample or module groups; --top N limits (0: all); --backward sorts by the part of the gradient;
    --epsilon is the stabiliser of the linear rule. --rule says how layers with weights share: epsilon by size, gamma in
    favour of the sum's sign, alphabeta apart by sign, composite epsilon in dense layers and z⁺ in convolutions.

    JSON: {"command":"credit","target":{"text","module","unit","sample","value","iteration","note"},"rows":[{"module",
    "unit","sample","value","forward","backward","approximate"}…],"conserved":{…}}; "forward" is the relevance at the
    module's output summed over positions, "conserved" where the target's value went, "iteration" the snapshot's.
    """
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    if not 0 < epsilon < math.inf:
        raise UsageError("--epsilon takes a number above zero, such as the usual 1e-6")
    from dgmtui.credit import Propagation

    snapshot = session.needed_snapshot()
    wanted = target or session.target
    made = session.results.crediting.credit(snapshot, wanted, by=by, propagation=Propagation(rule, epsilon))
    what = made.contributions.target
    session.aim(wanted, what.module, what.unit, what.sample)
    rows = list(made.contributions.rows)
    if backward:
        rows.sort(key=lambda row: abs(row.backward or 0.0), reverse=True)
    rows = rows[:top] if top else rows
    told = _credit_blocks(session, made, top, backward)
    blocks = (*told, *as_edited(session), *elsewhere(session, snapshot.iteration))
    return Result("credit", _credit_data(made, rows), blocks)


@command("chain", group="analyse", keys=(("C", "chain", "chain"),), needs_replay=True)
def chain(
    session: Session,
    target: str = "",
    *,
    backward: bool = False,
    open: int | None = None,  # noqa: A002
) -> Result:
    """Follow the target back to the input, largest contributor by largest contributor.

    Targets are as for `credit`. Each line of the account names the command that shows more of it; --open N runs that of
    line N, and a unit's value becomes the target, from which `down` leads back; `up N` goes N units up at once. Of a
    gradient that is not finite the account begins with the one that came in, the operation and where it went.
    --backward follows the target's gradient instead: through which operations it grew on its way from the loss.

    JSON: {"command":"chain","iteration","links":[{"module","unit","sample","value","share","op","source","command"}…],
    "sentence","account":[{"line","what","value","share","op","source","note","command"}…]}; the account is the links
    (after the gradient's lines) and then the region of the input and the parameters; with --backward "links" is empty
    and "value" is the norm of a gradient, "share" how many times that of the line before. With --open the answer is
    that of the line's command.
    """
    snapshot = session.needed_snapshot()
    wanted = target or session.target
    if backward:
        made = session.results.crediting.gradient_chain(snapshot, wanted)
    else:
        made = session.results.crediting.chain(snapshot, wanted)
    if open is not None:
        return _opened(session, wanted, made, open)
    told = (*account_blocks(made, ways=not backward), *as_edited(session), *elsewhere(session, snapshot.iteration))
    return Result("chain", {"iteration": snapshot.iteration, **chain_data(made)}, told)


def _opened(session: Session, wanted: str, made: "Chain", number: int) -> Result:
    if not 0 <= number < len(made.account):
        raise UsageError(f"the chain has lines 0 to {len(made.account) - 1}; {number} is none of them")
    line = made.account[number]
    if line.target:
        session.open_link(wanted, made, line)
    name, _, rest = line.command.partition(" ")
    return REGISTRY.find(name).call(session, rest)


def _credit_data(made: CreditTable, rows: "list[Contribution]") -> dict[str, Any]:
    what = made.contributions.target
    return {
        "target": {
            "text": what.text, "module": what.module, "unit": what.unit, "sample": what.sample, "value": what.value,
            "iteration": made.snapshot.iteration, "note": made.note or None,
        },
        "rows": [
            {
                "module": r.module, "unit": r.unit, "sample": r.sample, "value": r.value,
                "forward": r.forward, "backward": r.backward, "approximate": r.approximate,
            }
            for r in rows
        ],
        "conserved": dict(made.contributions.conserved),
    }  # fmt: skip


def _credit_blocks(session: Session, made: CreditTable, top: int, backward: bool) -> tuple[Block, ...]:
    """What people read: rows that repeat another are left out, and what came in stands apart."""
    blocks: list[Block] = [Text(made.contributions.target.text, "strong")]
    if made.contributions.target.alone:
        return tuple(blocks)
    if made.advice:
        blocks.append(Text(made.advice, "warning"))
    told = folded(made.contributions.rows, made.graph)
    sides = [("forward", "puts into it"), ("backward", "makes of its gradient")]
    for side, what in reversed(sides) if backward else sides:
        rows = sorted((r for r in told if getattr(r, side) is not None), key=lambda r: -abs(getattr(r, side)))
        if rows:
            blocks.append(_credit_table(made, rows, side, top, f"what a unit {what}"))
    if inputs := made.contributions.inputs:
        blocks.append(_credit_table(made, list(inputs), "forward", top, "what came in"))
    blocks.append(Text("; ".join(part for part in (made.brief, FOLDED + "; --json has all rows") if part), "dim"))
    return tuple(blocks)


def _credit_table(made: CreditTable, rows: "list[Contribution]", side: str, top: int, title: str) -> Table:
    shown = rows[:top] if top else rows
    left = len(rows) - len(shown)
    share = share_of(made.contributions)
    columns = ["module", "unit", "sample", "value", side, "share %", ""]
    cells = [
        [r.module or "root", r.unit, r.sample, r.value, getattr(r, side), _percent(share(r.forward)),
         "≈" if r.approximate else ""]
        for r in shown
    ]  # fmt: skip
    empty = [
        i
        for i, name in enumerate(columns)
        if name in ("sample", "share %", "") and all(row[i] in (None, "") for row in cells)
    ]
    kept = [i for i in range(len(columns)) if i not in empty]
    return Table(
        tuple(columns[i] for i in kept),
        tuple(tuple(row[i] for i in kept) for row in cells),
        title=title,
        note=f"{left:,} more rows; --top 0 shows all" if left else "",
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 1)
