"""Of a data set that a trace only indexes, the part that the iteration used: a snapshot holds a batch, not the data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dgmtui.trace.graph import Graph, Node, Outside, OutsideRef, Ref

INDEXING = frozenset({"aten.index", "aten.index_select"})
"""Operations that copy a part of their first argument."""


@dataclass(frozen=True)
class Narrowed:
    """A graph whose indexed parts come from outside, and the operations that cut them out."""

    graph: Graph
    cuts: Mapping[str, Node]
    """By the name of the new outside tensor, the node as it was traced."""


def narrow(graph: Graph) -> Narrowed:
    """Turn each ``data[index]`` of two outside inputs into one outside input, where that is smaller."""
    changed = {ref for node in graph.nodes for ref in node.mutates}
    cuts: dict[str, Node] = {}
    nodes = list(graph.nodes)
    outside = dict(graph.outside)
    for node in graph.nodes:
        if not _cuts_outside(graph, node, changed):
            continue
        name = _name(node)
        if name not in outside:
            meta = node.outs[0]
            assert meta is not None
            outside[name] = Outside(name, "input", meta, f"indexed at {node.source}" if node.source else "indexed")
            cuts[name] = node
        nodes[node.id] = replace(node, op="aten.clone.default", args=(OutsideRef(name),), kwargs={})
    if not cuts:
        return Narrowed(graph, cuts)
    used = {ref for node in nodes for ref in (*node.inputs(), *node.mutates)}
    used |= {ref for call in graph.calls for ref in (*call.inputs, *call.outputs)} | {graph.loss}
    kept = {name: found for name, found in outside.items() if OutsideRef(name) in used}
    return Narrowed(replace(graph, nodes=tuple(nodes), outside=kept, _users={}), cuts)


def _cuts_outside(graph: Graph, node: Node, changed: set[Ref]) -> bool:
    refs = tuple(node.inputs())
    if node.name not in INDEXING or len(refs) < 2 or node.outs[0] is None:
        return False
    for ref in refs:
        if not isinstance(ref, OutsideRef) or ref in changed:
            return False
        outside = graph.outside[ref.name]
        if outside.kind != "input" or outside.meta.requires_grad:
            return False
    return math.prod(node.outs[0].shape) < math.prod(graph.meta(refs[0]).shape)


def _name(node: Node) -> str:
    data, *index = [ref.name.removeprefix("input:") for ref in node.inputs() if isinstance(ref, OutsideRef)]
    return f"input:{data}[{','.join(index)}]"
