"""Commands on one iteration run again: replay it, list its operations."""

from typing import TYPE_CHECKING, Any, Literal

from dgmtui.commands.births import birth_data, birth_line, outcome_line
from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Result, Table, Text
from dgmtui.commands.twodtypes import beside_blocks, beside_data
from dgmtui.session.operations import range_of
from dgmtui.session.precision import Beside, modules_beside
from dgmtui.session.precision import beside as compare
from dgmtui.session.replayed import Replayed, edited_words
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.view import OperationRow
    from dgmtui.trace.birth import Birth

DType = Literal["float64", "float32", "bfloat16", "float16"]


@command("replay", group="analyse", keys=(("r", "replay", "replay"),), needs_replay=True)
def replay(session: Session, *, dtype: DType | None = None, beside: bool = False, to: int | None = None) -> Result:
    """Run the snapshot here (or the nearest before) again, and say whether it is what was recorded.

    `replay matches` means bit for bit: loss, every module's statistics, every gradient stored; `replay agrees` means
    within the dtype's tolerance with the same elements non-finite, as on another machine. --dtype runs it in another
    dtype and puts that beside the recorded one: was it precision (one of them is finite: which value left the range) or
    the mathematics (neither is)? --beside (in float64, unless --dtype says another) adds what every module gives out in
    both, with the difference, so that one sees where precision is lost first. --to NODE stops after that node of
    `nodes` and shows it.

    JSON: {"command":"replay","iteration","dtype","verdict","forward","gradient","detail","loss","recorded_loss",
    "births":[{"phase","op","module","source","node","what","count","sample","unit","value","harmless"}…],"node",
    "beside"}; "node" is null or, with --to, {"node","op","module","shape","min","max","nonfinite"}. "beside" is null
    or, in another dtype, {"dtype","loss","births","conclusion","value","limit","sentence","modules","lost_at"}: the
    iteration in its own dtype, "conclusion" one of finite, precision, mathematics, the value that left the range and
    that range (null where none did); with --beside "modules" is [{"module","call","own":{"min","max","nonfinite"},
    "other":{…},"difference"}…], the difference relative to the largest value, and "lost_at" the first module where it
    is more than 1,000 times what the dtype resolves or not as much is non-finite, else null.
    """
    snapshot = session.needed_snapshot()
    if to is not None:
        return _to_node(session, to, dtype)
    dtype = "float64" if beside and dtype is None else dtype
    compared = _compared(session, snapshot, dtype) if dtype else None
    made = session.results.replay(snapshot, dtype or "")
    births = session.results.births(snapshot, dtype or "")
    loss = float(made.replay.loss)
    verdict = made.verdict
    rows = modules_beside(compared) if compared is not None and beside else None
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
        "beside": None if compared is None else beside_data(compared, rows),
    }
    more = () if compared is None else beside_blocks(compared, rows)
    blocks = (
        *_account(made, loss, births, excluded=bool(session.ranks.exclusions)),
        *more,
        *elsewhere(session, snapshot.iteration),
    )
    return Result("replay", data, blocks, _in_a_line(made, loss, births, compared))


def _in_a_line(made: Replayed, loss: float, births: "tuple[Birth, ...]", compared: "Beside | None") -> Text:
    if compared is not None:
        return Text(f"loss {loss:.6g} · {compared.sentence}")
    words = edited_words(made.edits) if made.edits else made.words
    return outcome_line(made.snapshot.iteration, words, loss, births)


def _compared(session: Session, snapshot: "SnapshotInfo", dtype: str) -> "Beside":
    own = session.results.replay(snapshot)
    session.results.births(snapshot)
    return compare(session.results, own, session.results.replay(snapshot, dtype))


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


def _nodes_note(session: Session, shown: "list[OperationRow]") -> str:
    if any(row.born for row in shown):
        return "✗: the first non-finite value was born here"
    return "" if shown or not session.module else f"none in {session.module}; `module .` looks at all"


def _account(made: Replayed, loss: float, births: "tuple[Birth, ...]", *, excluded: bool) -> tuple[Block, ...]:
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
        excepted = " but what is excluded" if excluded else ""
        blocks.append(Text(f"everything in it{excepted} is finite, forward and backward"))
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
        "beside": None,
        "node": {
            "node": to, "op": node.name, "module": graph.module_of(node), "shape": tuple(value.shape),
            "min": low, "max": high, "nonfinite": bad,
        },
    }  # fmt: skip
    said = f"node {to}, {node.name}: {shape}, {seen}, {bad:,} non-finite"
    return Result("replay", data, (Text(said), *as_edited(session), *elsewhere(session, snapshot.iteration)))
