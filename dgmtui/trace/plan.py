"""What running a graph needs to know of it beforehand, told from the graph alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref, refs_in
from dgmtui.trace.operations import argument_at, is_alias, resolve_op, written_arguments


@dataclass(frozen=True)
class Plan:
    """One graph's; ``graph.once(plan_of)``."""

    writes: bool
    """Something is changed in place."""
    written: frozenset[str]
    """The outside tensors whose memory may be written to."""
    random: bool
    """Something draws from a generator."""
    readings: Mapping[Ref, list[int]]
    """For every reference, just before which nodes its value is asked for; views only pass memory on."""
    last_uses: Mapping[int, tuple[Ref, ...]]
    """What no node after this one takes; what none takes at all, by the node that made it."""


def plan_of(graph: Graph) -> Plan:
    """The plan of ``graph``."""
    return Plan(
        writes=any(_targets(node) for node in graph.nodes),
        written=_written(graph),
        random=any(node.random for node in graph.nodes),
        readings=_readings(graph),
        last_uses=_last_uses(graph),
    )


def _written(graph: Graph) -> frozenset[str]:
    seen: set[Ref] = set()
    stack = [ref for node in graph.nodes for ref in _targets(node)]
    while stack:
        ref = stack.pop()
        if ref in seen:
            continue
        seen.add(ref)
        if isinstance(ref, NodeRef) and _may_share(graph.nodes[ref.node]):
            stack += graph.nodes[ref.node].inputs()
    return frozenset(ref.name for ref in seen if isinstance(ref, OutsideRef))


def _targets(node: Node) -> list[Ref]:
    """What it changes in place: as traced, and as its schema has it, since a trace may be edited."""
    op = resolve_op(node.op)
    taken = [argument_at(op, place, node.args, node.kwargs) for place in written_arguments(op)]
    return [*node.mutates, *(ref for argument in taken for ref in refs_in(argument))]


def _may_share(node: Node) -> bool:
    """Whether its results may lie in memory of its operands; what is called unsafe does, and does not declare it."""
    return bool(_targets(node)) or is_alias(node.op) or "unsafe" in node.op


def _readings(graph: Graph) -> Mapping[Ref, list[int]]:
    readings: dict[Ref, set[int]] = {}
    for node in graph.nodes:
        if not is_alias(node.op):
            for ref in node.inputs():
                readings.setdefault(ref, set()).add(node.id)
    for call in graph.calls:
        for ref in call.outputs:
            readings.setdefault(ref, set()).add(call.end)
    return {ref: sorted(nodes) for ref, nodes in readings.items()}


def _last_uses(graph: Graph) -> Mapping[int, tuple[Ref, ...]]:
    last: dict[Ref, int] = {}
    for node in graph.nodes:
        last |= {NodeRef(node.id, out): node.id for out, meta in enumerate(node.outs) if meta is not None}
        last |= dict.fromkeys(node.inputs(), node.id)
    freed: dict[int, tuple[Ref, ...]] = {}
    for ref, node_id in last.items():
        freed[node_id] = (*freed.get(node_id, ()), ref)
    return freed
