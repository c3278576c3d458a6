"""Operations put into a graph: one pure function renumbers everything that names a node."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Ref, map_refs


@dataclass(frozen=True)
class Insertion:
    """Operations that run just before the node that now has id ``at``, all within one module call."""

    at: int
    nodes: tuple[Node, ...]
    """At least one. Their arguments name earlier nodes as they are, and each other by ``at``, ``at + 1``, …"""
    instead: Mapping[Ref, Ref] = field(default_factory=dict)
    """What everything that runs later takes, and in the place of what."""

    def moved(self, node: int) -> int:
        """The id after the insertion of the node that has id ``node`` before it."""
        return node if node < self.at else node + len(self.nodes)

    def later(self, ref: Ref) -> Ref:
        """What a node that runs later takes where it took ``ref``."""
        if ref in self.instead:
            return self.instead[ref]
        return self.same(ref)

    def same(self, ref: Ref) -> Ref:
        """The very tensor that ``ref`` names before the insertion."""
        return NodeRef(self.moved(ref.node), ref.out) if isinstance(ref, NodeRef) else ref


def insert(graph: Graph, insertion: Insertion) -> Graph:
    """``graph`` with the operations of ``insertion`` in it; the call that they belong to grows by them."""
    inside = _lineage(graph, insertion.nodes[0].call)
    before, after = graph.nodes[: insertion.at], graph.nodes[insertion.at :]
    new = (replace(node, id=insertion.at + place) for place, node in enumerate(insertion.nodes))
    return replace(
        graph,
        nodes=(*before, *new, *(_moved(node, insertion) for node in after)),
        calls=tuple(_call(call, insertion, call.id in inside) for call in graph.calls),
        loss=insertion.later(graph.loss),
        _users={},
    )


def rewired(node: Node, change: Mapping[Ref, Ref]) -> Node:
    """``node`` with other tensors in its arguments."""

    def new(ref: Ref) -> Ref:
        return change.get(ref, ref)

    return replace(
        node,
        args=tuple(_tuples(map_refs(value, new)) for value in node.args),
        kwargs={key: _tuples(map_refs(value, new)) for key, value in node.kwargs.items()},
        mutates=tuple(new(ref) for ref in node.mutates),
    )


def _moved(node: Node, insertion: Insertion) -> Node:
    names = {ref: insertion.later(ref) for ref in (*node.inputs(), *node.mutates)}
    return replace(rewired(node, names), id=insertion.moved(node.id))


def _call(call: Call, insertion: Insertion, inside: bool) -> Call:
    """A call that ended right before the insertion, or begins right after it, holds it only if it is ``inside``."""
    begins_later = call.begin > insertion.at or (call.begin == insertion.at and not inside)
    ends_later = begins_later or inside and call.end >= insertion.at or call.end > insertion.at
    added = len(insertion.nodes)
    return replace(
        call,
        inputs=tuple(map(insertion.later if begins_later else insertion.same, call.inputs)),
        outputs=tuple(map(insertion.later if ends_later else insertion.same, call.outputs)),
        begin=call.begin + added * begins_later,
        end=call.end + added * ends_later,
    )


def _lineage(graph: Graph, call: int) -> set[int]:
    """A call and those that made it."""
    found = set()
    while call >= 0:
        found.add(call)
        call = graph.calls[call].parent
    return found


def _tuples(value: Any) -> Any:
    """Lists, as ``map_refs`` gives them, as the tuples that a node holds."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
