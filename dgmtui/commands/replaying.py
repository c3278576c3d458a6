"""Commands on one iteration run again: replay it, list its operations, assign credit."""

import math
from typing import TYPE_CHECKING, Any, Literal

from dgmtui.commands.births import birth_data, birth_line
from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.session.folding import FOLDED, folded, share_of
from dgmtui.session.operations import range_of
from dgmtui.session.results import CreditTable, Replayed, edited_words
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.credit import Contribution
    from dgmtui.session.view import OperationRow
    from dgmtui.trace.birth import Birth

DType = Literal["float64", "float32", "bfloat16", "float16"]
By = Literal["unit", "unit,sample", "module"]


@command("replay", group="analyse", keys=(("r", "replay", "replay"),), needs_replay=True)
def replay(session: Session, *, dtype: DType | None = None, to: int | None = None) -> Result:
    """Run the snapshot here (or the nearest before) again, and say whether it is what was recorded.

    `replay matches` means bit for bit: loss, every module's statistics, every gradient stored; `replay agrees` means
    within the dtype's tolerance with the same elements non-finite, as on another machine. --dtype runs it in another
    dtype, where there is nothing to compare, as there is not while edits stand; --to NODE stops after that node of
    `nodes` and shows it.

    JSON: {"command":"replay","iteration","dtype","verdict","forward","gradient","detail","loss","recorded_loss",
    "births":[{"phase","op","module","source","node","what","count","sample","unit","value","harmless"}…],"node"};
    "node" is null or, with --to, {"node","op","module","shape","min","max","nonfinite"}.
    """
    snapshot = session.needed_snapshot()
    if to is not None:
        return _to_node(session, to, dtype)
    made = session.results.replay(snapshot, dtype or "")
    births = session.results.births(snapshot, dtype or "")
    loss = float(made.replay.loss)
    verdict = made.verdict
    data = {
        "iteration": snapshot.iteration,
        "dtype": dtype,
        "verdict": made.words,
        "forward": None if verdict is None else str(verdict.forward),
        "gradient": None if verdict is None else str(verdict.gradient),
        "detail": None if verdict is None else verdict.detail,
        "loss": loss,
        "recorded_loss": snapshot.loss,
        "births": [birth_data(birth) for birth in births],
        "node": None,
    }
    return Result("replay", data, (*_account(made, loss, births), *elsewhere(session, snapshot.iteration)))


@command("nodes", group="analyse")
def nodes(session: Session, text: str = "", *, bad: bool = False) -> Result:
    """List the operations of the iteration that the selected module ran (all, at the root).

    TEXT keeps those whose operation, module or source holds it; --bad those with non-finite results. Ranges are there
    once the snapshot was replayed.

    JSON: {"command":"nodes","iteration","verdict","nodes":[{"node","op","module","shape","min","max","nonfinite",
    "source","born"}…]}.
    """
    snapshot = session.needed_snapshot()
    shown = [
        row
        for row in session.operations.rows(session)
        if (not bad or row.nonfinite) and any(text in part for part in (row.op, row.module, row.source))
    ]
    data = [
        {
            "node": r.node, "op": r.op, "module": r.module, "shape": r.shape, "min": r.low, "max": r.high,
            "nonfinite": r.nonfinite, "source": r.source or None, "born": r.born,
        }
        for r in shown
    ]  # fmt: skip
    table = Table(
        ("", "node", "operation", "module", "shape", "min", "max", "non-finite", "source"),
        tuple(
            ("✗" if r.born else "", r.node, r.op, r.module, "×".join(map(str, r.shape)), r.low, r.high,
             r.nonfinite or None, r.source)
            for r in shown
        ),
        note=_nodes_note(session, shown),
    )  # fmt: skip
    verdict = session.results.verdict_words(snapshot)
    return Result(
        "nodes",
        {"iteration": snapshot.iteration, "verdict": verdict, "nodes": data},
        (table, *as_edited(session), *elsewhere(session, snapshot.iteration)),
    )


@command("credit", group="analyse", keys=(("c", "credit", "credit"),), needs_replay=True)
def credit(
    session: Session,
    target: str = "",
    *,
    by: By = "unit",
    top: int = 20,
    backward: bool = False,
    epsilon: float = 1e-6,
) -> Result:
    """Say which units put the target there: forward by LRP-ε, backward by what they made of its gradient.

    A target is MODULE, MODULE[UNIT], MODULE[UNIT]@SAMPLE, node:ID, loss or nonfinite; without one it is what is
    selected, or the first non-finite value where the iteration failed. For a non-finite value it is the finite value
    that went out of range; the module, unit and sample that the target turns out to be are looked at from then on.
    --by unit, unit,sample or module groups; --top N limits (0: all); --backward sorts by the part of the gradient;
    --epsilon is the stabiliser of the linear rule.

    JSON: {"command":"credit","target":{"text","module","unit","sample","value","iteration","note"},"rows":[{"module",
    "unit","sample","value","forward","backward","approximate"}…],"conserved":{…}}; "forward" is the relevance at the
    module's output summed over positions, "conserved" where the target's value went, "iteration" the snapshot's.
    """
    if top < 0:
        raise UsageError("--top takes a number from 0, which means all")
    if not 0 < epsilon < math.inf:
        raise UsageError("--epsilon takes a number above zero, such as the usual 1e-6")
    snapshot = session.needed_snapshot()
    wanted = target or session.target
    made = session.results.credit(snapshot, wanted, by=by, epsilon=epsilon)
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
def chain(session: Session, target: str = "") -> Result:
    """Follow the target back to the input, largest contributor by largest contributor.

    Targets are as for `credit`.

    JSON: {"command":"chain","iteration","links":[{"module","unit","sample","value","share","op","source"}…],
    "sentence"}.
    """
    snapshot = session.needed_snapshot()
    made = session.results.chain(snapshot, target or session.target)
    links = [
        {
            "module": link.module, "unit": link.unit, "sample": link.sample, "value": link.value,
            "share": link.share, "op": link.op or None, "source": str(link.source) if link.source else None,
        }
        for link in made.links
    ]  # fmt: skip
    columns = ("module", "unit", "sample", "value", "share", "op", "source")
    table = Table(columns, tuple(tuple(link[name] for name in columns) for link in links))
    data = {"iteration": snapshot.iteration, "links": links, "sentence": made.sentence}
    told = (table, Text(made.sentence, "strong"), *as_edited(session), *elsewhere(session, snapshot.iteration))
    return Result("chain", data, told)


def _nodes_note(session: Session, shown: "list[OperationRow]") -> str:
    if any(row.born for row in shown):
        return "✗: the first non-finite value was born here"
    return "" if shown or not session.module else f"none in {session.module}; `module .` looks at all"


def _account(made: Replayed, loss: float, births: "tuple[Birth, ...]") -> tuple[Block, ...]:
    head = f"iteration {made.snapshot.iteration:,}: {made.words}; loss {loss:.9g}"
    if made.replay.dtype is not None:
        dtype = str(made.replay.dtype).removeprefix("torch.")
        edited = f" {edited_words(made.edits)}" if made.edits else ""
        head = f"iteration {made.snapshot.iteration:,}{edited} in {dtype}: loss {loss:.9g}"
    blocks = [Text(f"{head} (recorded {made.snapshot.loss:.9g})", "strong")]
    if made.verdict is not None and made.verdict.detail:
        blocks.append(Text(made.verdict.detail))
    if made.no_gradients:
        blocks.append(Text(made.no_gradients, "warning"))
    if not births:
        blocks.append(Text("everything in it is finite, forward and backward"))
    return (*blocks, *map(birth_line, births))


def _to_node(session: Session, to: int, dtype: str | None) -> Result:
    snapshot = session.needed_snapshot()
    value = session.results.run_to(snapshot, to, dtype or "")
    graph = session.graph
    assert graph is not None, "a node of it has just run"
    node, standing = graph.nodes[to], session.results.edits.of(snapshot)
    words = edited_words(standing) if standing else "replay not verified"
    low, high, bad = range_of(value)
    shape = "×".join(map(str, value.shape)) or "scalar"
    seen = "no finite value" if low is None else f"{low:.6g} to {high:.6g}"
    data: dict[str, Any] = {
        "iteration": snapshot.iteration, "dtype": dtype, "verdict": words, "forward": None,
        "gradient": None, "detail": None, "loss": None, "recorded_loss": snapshot.loss, "births": [],
        "node": {
            "node": to, "op": node.name, "module": graph.module_of(node), "shape": tuple(value.shape),
            "min": low, "max": high, "nonfinite": bad,
        },
    }  # fmt: skip
    said = f"node {to}, {node.name}: {shape}, {seen}, {bad:,} non-finite"
    return Result("replay", data, (Text(said), *as_edited(session), *elsewhere(session, snapshot.iteration)))


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
