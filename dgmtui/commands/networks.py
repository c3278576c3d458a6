"""The command that shows the network as the graph that it is."""

from typing import Any

from dgmtui.commands.describe import as_edited, elsewhere
from dgmtui.commands.grammar import ModulePath
from dgmtui.commands.registry import command
from dgmtui.commands.result import Block, Graph, Result, Text
from dgmtui.errors import UsageError
from dgmtui.session.network.model import Flow, Network, told_once
from dgmtui.session.network.shown import Asked
from dgmtui.session.session import Session


@command("graph", group="look", keys=(("D", "graph", "graph"),))
def graph(
    session: Session,
    module: ModulePath | None = None,
    *,
    depth: int | None = None,
    all: bool = False,  # noqa: A002
) -> Result:
    """Show the network as a graph: modules, the functions between them, and what flows along.

    Every row is a call of a module or a few operations between modules, in the order in which they ran; rails lead to
    what takes their results, skip connections included. Squares (■ module, □ function) are deterministic, circles (● ○)
    draw at random: dropout, sampling. Once the snapshot was replayed, ranges are those of what flows, ✗ is where the
    first non-finite value was born, ! holds what came of it, and heavy rails lead there from the input. What repeats
    one after another and alike is drawn once, with ×12; `graph blocks.3` shows the inside of one. As many levels of
    modules are opened as fit; --depth N opens N, --all all, and folds nothing. `graph .` is the whole network again.

    JSON: {"command":"graph","iteration","verdict","turns":[{"turn","module","depth","deepest","nodes":[{"id","kind",
    "label","type","modules","call","repeats","first_node","last_node","random","loss","born","health","shape","dtype",
    "min","max","nonfinite","source","on_path"}…],"edges":[{"from","to","shape","dtype","min","max","nonfinite",
    "tensors","on_path"}…]}…]}; "kind" is module, function or input, "health" error (born there), nonfinite, or before a
    replay what the recording tells, else null; "tensors" is how many different ones go along an edge, the first of
    which is described. Several turns are those of a GAN; those that are alike, ranges included, are drawn once.
    """
    if depth is not None and depth < 0:
        raise UsageError("--depth N opens N levels of modules, 0 none")
    path = "" if module in (None, ".") else str(module)
    if path:
        session.recording.module(path)
    asked = Asked(path, 10_000 if all and depth is None else depth, not all)
    networks = session.networks.networks(session, asked)
    session.networks.asked = asked
    at = session.needed_snapshot()
    data = {
        "iteration": at.iteration,
        "verdict": session.results.verdict_words(at),
        "turns": [network_data(network) for network in networks],
    }
    drawn: list[Block] = []
    for title, network in told_once(networks):
        drawn += [Text(title, "strong")] if title else []
        drawn.append(Graph(network, session.module))
    said = Text(_said(networks))
    return Result("graph", data, (*drawn, *as_edited(session), *elsewhere(session, at.iteration)), said)


def _said(networks: tuple[Network, ...]) -> str:
    vertices, edges = sum(len(n.vertices) for n in networks), sum(len(n.edges) for n in networks)
    turns = f" in {len(networks)} turns" if len(networks) > 1 else ""
    more = "" if any(network.replayed for network in networks) else "; `replay` gives ranges"
    return f"{vertices} nodes and {edges} edges{turns}{more}"


def network_data(network: Network) -> dict[str, Any]:
    """One turn as JSON has it."""
    return {
        "turn": network.turn or None,
        "module": network.module,
        "depth": network.depth,
        "deepest": network.deepest,
        "nodes": [
            {
                "id": place, "kind": v.kind, "label": v.label, "type": v.type or None, "modules": v.modules,
                "call": v.index, "repeats": v.repeats, "first_node": v.nodes[0] if v.node_count else None,
                "last_node": v.nodes[1] if v.node_count else None, "random": v.random, "loss": v.loss,
                "born": v.born, "health": v.health or None, **_flow_data(v.out), "source": v.source or None,
                "on_path": v.on_path,
            }
            for place, v in enumerate(network.vertices)
        ],
        "edges": [
            {
                "from": e.tail, "to": e.head, **_flow_data(e.flow), "tensors": e.tensors, "on_path": e.on_path,
            }
            for e in network.edges
        ],
    }  # fmt: skip


def _flow_data(flow: Flow) -> dict[str, Any]:
    return {
        "shape": flow.shape if flow.dtype else None,
        "dtype": flow.dtype or None,
        "min": flow.low,
        "max": flow.high,
        "nonfinite": flow.nonfinite if flow.replayed else None,
    }
