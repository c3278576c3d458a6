"""Commands on the data flow: one operation, what feeds it, what it feeds, and the source that ran it."""

from pathlib import Path
from typing import Annotated, Any

from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import Completes
from dgmtui.commands.registry import command
from dgmtui.commands.result import Graph as GraphBlock
from dgmtui.commands.result import Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.render.numbers import human
from dgmtui.session.dataflow import DataFlow, Direction, Step, all_the_way, direct, name_of, node_here
from dgmtui.session.listing import AROUND, ListedLine, last_telling, listing
from dgmtui.session.network.flows import QUIET, short
from dgmtui.session.network.model import Edge, Flow, Network, Vertex
from dgmtui.session.session import Session
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef

SHOWN = 40
"""Rows of `inputs -r` and `outputs -r` that are listed without being asked for more."""

NodeNumber = Annotated[int | str, Completes("node")]


@command(
    "node",
    group="look",
    keys=(("full_stop", "node next", ""), ("comma", "node prev", "")),
)
def node(session: Session, which: NodeNumber | None = None) -> Result:
    """Look at one operation: its number in `nodes`, or the next or prev of the module.

    Without a number it tells of the one that is looked at: the one selected, else where the first non-finite value was
    born. `inputs`, `outputs` and `list` are about it too.

    JSON: {"command":"node","iteration","node","op","module","shape","dtype","min","max","nonfinite","source","born",
    "takes"}; "min", "max" and "nonfinite" are null before a replay, "takes" names what goes in: "enc.0.weight" from
    outside, "#3" what node 3 gives.
    """
    if which in ("next", "prev"):
        session.operations.select(session, _neighbour(session, 1 if which == "next" else -1))
    elif which is not None:
        session.operations.select(session, _number(which))
    here = node_here(session)
    row = session.operations.row(session, here)
    values = _values(row.low, row.high, row.nonfinite if row.replayed else None, row.shape)
    took = f"; takes {', '.join(row.takes)}" if row.takes else ""
    sized = f"{_shape(row.shape)} {row.dtype}".strip()
    born = "; the first non-finite value was born here" if row.born else ""
    said = f"node {here}, {row.op} in {row.module or 'the root module'}: {sized}, {values}{took}{born}"
    data = {
        "iteration": session.needed_snapshot().iteration, "node": here, "op": row.op, "module": row.module,
        "shape": row.shape, "dtype": row.dtype, "min": row.low, "max": row.high,
        "nonfinite": row.nonfinite if row.replayed else None, "source": row.source or None, "born": row.born,
        "takes": row.takes,
    }  # fmt: skip
    return Result("node", data, (Text(said), *as_edited(session)), Text(said))


@command("inputs", group="look", keys=(("i", "inputs", ""),))
def inputs(session: Session, node: NodeNumber | None = None, *, r: bool = False, top: int = SHOWN) -> Result:
    """Show what feeds an operation: what earlier ones gave, and parameters; with -r all the way back.

    NODE is a number of `nodes`; without one it is the node that is looked at, first of all where the first non-finite
    value was born. With -r the latest comes first, down to the batch, and rails show what goes where, as in `graph`;
    the parameters of an operation stand beside it. --top N lists N (default 40; 0: all). Once the snapshot was
    replayed, ✗ is where the first non-finite value was born, ! holds some, and ranges are there.

    JSON: {"command":"inputs","iteration","node","recursive","rows":[{"node","of","name","op","module","shape","dtype",
    "min","max","nonfinite","source","born","parameters"}…],"behind","left_out"}; "node" is null for a tensor from
    outside, "of" lists the operations that take it, "behind" counts the operations that lead here, and "left_out" the
    rows that are not listed. With -r parameters are no rows of their own.
    """
    return _flow(session, "inputs", node, far=r, top=top)


@command("outputs", group="look", keys=(("O", "outputs", ""),))
def outputs(session: Session, node: NodeNumber | None = None, *, r: bool = False, top: int = SHOWN) -> Result:
    """Show what an operation feeds: the operations that take its results; with -r all the way to the loss.

    As `inputs`, in the other direction.

    JSON: {"command":"outputs","iteration","node","recursive","rows":[{"node","of","name","op","module","shape","dtype",
    "min","max","nonfinite","source","born","parameters"}…],"behind","left_out"}; "of" lists the operations whose
    results are taken, "behind" counts the operations that depend on it.
    """
    return _flow(session, "outputs", node, far=r, top=top)


@command("list", group="look", keys=(("S", "list", ""),))
def list_(session: Session, node: NodeNumber | None = None, *, lines: int = AROUND) -> Result:
    """Show your source around the line that ran an operation, each line with what it ran and its health.

    NODE is a number of `nodes`; without one it is the node that is looked at, first of all where the first non-finite
    value was born. --lines N shows N lines before and after. The file is read where it is as it was when recorded, and
    never run; elsewhere only the lines that the recording holds are shown. Of each line what it computed last is told
    (✗: born here, !: holds non-finite values), of operations that repeat how often.

    JSON: {"command":"list","iteration","node","file","function","whole","note","lines":[{"line","text","here",
    "operations":[{"node","op","module","shape","min","max","nonfinite","born"}…]}…]}; "whole" is false where the file
    is not there, or not as it was.
    """
    if lines < 0:
        raise UsageError("--lines N shows N lines before and after, 0 the line alone")
    place = node_here(session, _number(node) if node is not None else None)
    told = listing(session, place, lines)
    data = {
        "iteration": session.needed_snapshot().iteration, "node": place, "file": told.file,
        "function": told.function, "whole": told.whole, "note": told.note or None,
        "lines": [
            {
                "line": line.number, "text": line.text, "here": line.here,
                "operations": [_operation_data(session, each.id) for each in line.nodes],
            }
            for line in told.lines
        ],
    }  # fmt: skip
    rows = tuple(
        (_mark(session, [each.id for each in line.nodes], line.here), line.number, line.text, _ran(session, line))
        for line in told.lines
    )
    title = f"{told.file}, {told.function}"
    table = Table(("", "line", "source", "what it ran"), rows, title, told.note, below=True)
    return Result("list", data, (table, *as_edited(session), *elsewhere(session, session.needed_snapshot().iteration)))


def _number(which: int | str) -> int:
    """``20``, or as a target names it: ``node:20``."""
    text = str(which).removeprefix("node:")
    if not text.isdecimal():
        raise UsageError(f"{which!r} is no node; `nodes` lists them by number")
    return int(text)


def _neighbour(session: Session, step: int) -> int:
    rows = [row.node for row in session.operations.rows(session, with_users=True)]
    here = session.operations.looked_at(session)
    if not rows:
        raise UsageError(f"no operation of {session.module or 'the root module'} ran; `module .` looks at all")
    if here not in rows:
        return rows[0 if step > 0 else -1]
    return rows[min(max(0, rows.index(here) + step), len(rows) - 1)]


def _flow(session: Session, direction: Direction, node: int | str | None, *, far: bool, top: int) -> Result:
    if top < 0:
        raise UsageError("--top N lists N rows, 0 all")
    place = node_here(session, _number(node) if node is not None else None)
    graph = session.graph
    assert graph is not None, "there is a node of it"
    flow = (all_the_way if far else direct)(graph, place, direction)
    steps = flow.steps[: top + 1] if top else flow.steps
    rows = [_step_data(session, graph, step, direction) for step in steps]
    left_out = len(flow.steps) - len(steps)
    iteration = session.needed_snapshot().iteration
    data = {
        "iteration": iteration, "node": place, "recursive": far, "rows": rows[1:], "behind": flow.behind,
        "left_out": left_out,
    }  # fmt: skip
    drawn = Network(
        tuple(_vertex(graph, step, row) for step, row in zip(steps, rows, strict=True)),
        tuple(Edge(near, far, Flow()) for near, far in flow.links if far < len(steps)),
        "",
        0,
        0,
        title=f"what {'feeds' if direction == 'inputs' else 'takes'} node {place}, {_described(graph, place)}",
        note=_note(direction, place, flow, far, left_out),
    )
    return Result(direction, data, (GraphBlock(drawn), *as_edited(session), *elsewhere(session, iteration)))


def _vertex(graph: Graph, step: Step, row: dict[str, Any]) -> Vertex:
    parameters = [name.removeprefix(f"{row['module']}.") for name in row["parameters"]]
    held = f" ({', '.join(parameters)})" if parameters else ""
    number = "" if row["node"] is None else f"{row['node']} "
    known = row["nonfinite"] is not None
    return Vertex(
        "input" if isinstance(step.ref, OutsideRef) else "function",
        f"{number}{row['name'].removeprefix('aten.')}{held}",
        row["module"] or "",
        source=Path(row["source"]).name if row["source"] else "",
        random=isinstance(step.ref, NodeRef) and graph.nodes[step.ref.node].random,
        health="error" if row["born"] else "nonfinite" if row["nonfinite"] else "",
        born=row["born"],
        out=Flow(row["shape"] or (), row["dtype"] or "", row["min"], row["max"], row["nonfinite"] or 0, known),
    )


def _note(direction: Direction, place: int, flow: DataFlow, far: bool, left_out: int) -> str:
    if len(flow.steps) == 1:
        return "nothing goes in" if direction == "inputs" else "nothing takes it: it is the loss, or does not reach it"
    if left_out:
        return f"{left_out:,} more; --top 0 lists them"
    if not far and flow.behind:
        where = "that leads here" if direction == "inputs" else "that depends on it"
        count = f"{flow.behind:,} operation{'s' * (flow.behind != 1)}"
        return f"all {where}: {count}; `{direction} {place} -r` follows them"
    return ""


def _described(graph: Graph, place: int) -> str:
    node = graph.nodes[place]
    module = graph.module_of(node)
    return node.name + (f" in {module}" if module else "") + (f" at {node.source}" if node.source else "")


def _step_data(session: Session, graph: Graph, step: Step, direction: Direction) -> dict[str, Any]:
    ref = step.ref
    node = graph.nodes[ref.node] if isinstance(ref, NodeRef) else None
    if node is not None and direction == "outputs":
        ref = NodeRef(node.id, next((i for i, meta in enumerate(node.outs) if meta is not None), 0))
    known = node is None or node.outs[ref.out if isinstance(ref, NodeRef) else 0] is not None
    meta = graph.meta(ref) if known else None
    seen = session.operations.range_here(session, ref) if known else None
    low, high, bad = seen if seen is not None else (None, None, None)
    return {
        "node": None if node is None else node.id,
        "of": list(step.of),
        "name": name_of(graph, ref) + "".join(f", {name}" for name in step.through),
        "op": None if node is None else node.name,
        "module": None if node is None else graph.module_of(node),
        "shape": None if meta is None else meta.shape,
        "dtype": None if meta is None else meta.dtype,
        "min": low,
        "max": high,
        "nonfinite": bad,
        "source": str(node.source) if node is not None and node.source else None,
        "born": node is not None and session.operations.born(session, node.id),
        "parameters": step.parameters,
    }


def _operation_data(session: Session, place: int) -> dict[str, Any]:
    graph = session.graph
    assert graph is not None, "there is a node of it"
    row = _step_data(session, graph, Step(NodeRef(place), ()), "outputs")
    return {key: row[key] for key in ("node", "op", "module", "shape", "min", "max", "nonfinite", "born")}


def _ran(session: Session, line: ListedLine) -> str:
    """``exp, mul → 16×64, -2 … 3, 1 of 1,024 not finite``; where it was born, that operation."""
    if not line.nodes:
        return ""
    born = next((each for each in line.nodes if session.operations.born(session, each.id)), None)
    told = born or last_telling(line.nodes)
    row = _operation_data(session, told.id)
    counts: dict[str, int] = {}
    for each in [n for n in line.nodes if short(n) not in QUIET] or line.nodes:
        counts[short(each)] = counts.get(short(each), 0) + 1
    names = [name + (f" ×{count}" if count > 1 else "") for name, count in counts.items()]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    values = _values(row["min"], row["max"], row["nonfinite"], row["shape"])
    at = f"node {told.id}, {short(told)}: " if len(line.nodes) > 1 else f"node {told.id}: "
    return f"{', '.join(names[:6])}{more} → {at}{_shape(row['shape'] or ())}, {values}"


def _mark(session: Session, places: list[int], here: bool) -> str:
    if any(session.operations.born(session, place) for place in places):
        return "✗"
    if any((_operation_data(session, place)["nonfinite"] or 0) for place in places):
        return "!"
    return "▶" if here else ""


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _span(low: float | None, high: float | None) -> str:
    return "nothing finite" if low is None else f"{human(low, 3)} … {human(high, 3)}"


def _values(low: float | None, high: float | None, bad: int | None, shape: tuple[int, ...] | None) -> str:
    """``-2 … 3, 1 of 1,024 not finite``; before a replay that it is not known."""
    if bad is None:
        return "`replay` gives its range"
    count = 1
    for size in shape or ():
        count *= size
    return _span(low, high) + (f", {bad:,} of {count:,} not finite" if bad else "")
