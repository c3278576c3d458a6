"""A network made from a trace: parts become vertices, what one takes from another becomes an edge."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from dgmtui.session.network.flows import QUIET, short, sources
from dgmtui.session.network.folding import folded, signature
from dgmtui.session.network.model import Edge, Flow, Network, Vertex
from dgmtui.session.network.naming import function_vertex, input_vertex, module_vertex, taken_vertex
from dgmtui.session.network.parts import Part, begin_and_end, depth_of, parts_of
from dgmtui.session.network.paths import marked
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref

FITTING = 40
"""Vertices that are drawn without being asked for more: levels are opened as long as there are no more."""

Range = tuple[float | None, float | None, int]


@dataclass(frozen=True)
class Seen:
    """What is known of the values."""

    ranges: Callable[[Ref], Range | None] = lambda ref: None
    """Of a tensor, least and greatest finite value and how many are not finite; None where it was not replayed."""
    bad: frozenset[int] = frozenset()
    """Nodes with a non-finite result."""
    born: int | None = None
    """The node that the first non-finite value came from."""
    born_outside: str | None = None
    """Or the tensor of the batch that it came in with."""
    led_to: bool = True
    """Values led to it; not so where a parameter held it already."""
    replayed: bool = False
    health: Mapping[str, str] = field(default_factory=dict)
    """Module → ``error`` or ``warning``, as the recording tells."""


def network_of(
    graph: Graph, seen: Seen, *, scope: int = -1, module: str = "", depth: int | None = None, fold: bool = True
) -> Network:
    """The inside of a module call, or all.

    Args:
        scope: id of the call; -1 for all.
        depth: how many levels of modules are opened; None: as many as fit.
        fold: draw what repeats once, and leave out what only moves data.
    """
    deepest = depth_of(graph, scope)
    if depth is not None:
        return replace(_Making(graph, seen, scope, min(depth, deepest), fold).network(), module=module, deepest=deepest)
    outermost = 0 if scope >= 0 or deepest == 0 else 1
    made = _Making(graph, seen, scope, outermost, fold).network()
    for level in range(outermost + 1, deepest + 1):
        finer = _Making(graph, seen, scope, level, fold).network()
        if len(finer.vertices) > FITTING:
            break
        made = finer
    return replace(made, module=module, deepest=deepest)


class _Making:
    """One network at one depth."""

    def __init__(self, graph: Graph, seen: Seen, scope: int, depth: int, fold: bool) -> None:
        self._graph, self._seen, self._depth = graph, seen, depth
        self._begin, self._end = begin_and_end(graph, scope)
        self._sources = sources(graph)
        together = partial(folded, graph, alike=self._alike) if fold else list
        self._owner: dict[int, int] = {}
        """Of each node the vertex that it is part of."""
        self._outside: dict[Ref, int] = {}
        """Of each tensor from outside the vertex that stands for it."""
        self._vertices: list[Vertex] = []
        self._edges: dict[tuple[int, int], dict[Ref, None]] = {}
        for part in parts_of(graph, scope, depth, together):
            self._add(part, fold)

    def network(self) -> Network:
        """As added up, with what is known of the values."""
        first = {tail: ref for (tail, _), refs in reversed(self._edges.items()) for ref in refs}
        loss = self._graph.loss
        if isinstance(loss, NodeRef) and loss.node in self._owner:
            place = self._owner[loss.node]
            self._vertices[place] = replace(self._vertices[place], loss=True)
            first.setdefault(place, loss)
        for place, vertex in enumerate(self._vertices):
            if vertex.node_count and place not in first:
                first[place] = NodeRef(vertex.nodes[1])
        vertices = tuple(
            replace(vertex, out=self._flow(first[place]) if place in first else vertex.out)
            for place, vertex in enumerate(self._vertices)
        )
        edges = tuple(
            Edge(tail, head, self._flow(next(iter(refs))), len(refs))
            for (tail, head), refs in sorted(self._edges.items())
        )
        network = Network(vertices, edges, "", self._depth, 0, replayed=self._seen.replayed)
        return marked(network) if self._seen.led_to else network

    def _alike(self, part: Part) -> Hashable:
        nodes = set(part.nodes)
        return signature(self._graph, part), self._seen.born in nodes, not nodes.isdisjoint(self._seen.bad)

    def _add(self, part: Part, fold: bool) -> None:
        taken = self._taken(part)
        givers = {self._giver(ref) for ref in taken} - {None}
        if part.kind == "function" and not part.random and self._seen.born not in part.nodes:
            if not givers and not self._gives_loss(part):
                return
            if fold and len(givers) == 1 and self._is_quiet(part):
                (giver,) = givers
                self._owner.update(dict.fromkeys(part.nodes, giver))  # type: ignore[arg-type]
                return
        for ref in taken:
            self._bring_in(ref)
        place = len(self._vertices)
        self._owner.update(dict.fromkeys(part.nodes, place))
        self._vertices.append(self._vertex(part))
        for ref in taken:
            if (giver := self._giver(ref)) is not None and giver >= 0:
                self._edges.setdefault((giver, place), {})[ref] = None

    def _vertex(self, part: Part) -> Vertex:
        make = module_vertex if part.kind == "module" else function_vertex
        nodes = set(part.nodes)
        born = self._seen.born in nodes
        health = "error" if born else "nonfinite" if not nodes.isdisjoint(self._seen.bad) else ""
        if not health and not self._seen.replayed:
            told = [self._seen.health.get(call.module, "") for call in part.calls]
            health = next((word for word in ("error", "warning") if word in told), "")
        return replace(make(self._graph, part), born=born, health=health)

    def _taken(self, part: Part) -> tuple[Ref, ...]:
        """What it takes from before it or from outside, in order."""
        mine = set(part.nodes)
        refs = (ref for place in part.nodes for ref in self._sources[place])
        return tuple(dict.fromkeys(r for r in refs if not (isinstance(r, NodeRef) and r.node in mine)))

    def _giver(self, ref: Ref) -> int | None:
        """The vertex that gives a tensor: -1 for one that is still to be brought in from outside; None: nothing gives
        it, it is a parameter or a constant."""
        if ref in self._outside:
            return self._outside[ref]
        if isinstance(ref, OutsideRef):
            outside = self._graph.outside[ref.name]
            return -1 if outside.kind == "input" and not outside.name.startswith("input:literal") else None
        return self._owner.get(ref.node, None if self._begin <= ref.node < self._end else -1)

    def _bring_in(self, ref: Ref) -> None:
        if self._giver(ref) != -1:
            return
        self._outside[ref] = len(self._vertices)
        if isinstance(ref, OutsideRef):
            made, born = input_vertex(self._graph, ref), ref.name == self._seen.born_outside
        else:
            made, born = taken_vertex(self._graph, ref), False
        seen = self._seen.ranges(ref)
        health = "error" if born else "nonfinite" if seen is not None and seen[2] else ""
        self._vertices.append(replace(made, born=born, health=health, out=self._flow(ref)))

    def _is_quiet(self, part: Part) -> bool:
        """Whether it only moves data, gradients included."""
        names = {short(self._graph.nodes[place]) for place in part.nodes}
        return names <= QUIET and "detach" not in names and not self._gives_loss(part)

    def _gives_loss(self, part: Part) -> bool:
        return isinstance(self._graph.loss, NodeRef) and self._graph.loss.node in part.nodes

    def _flow(self, ref: Ref) -> Flow:
        if isinstance(ref, NodeRef) and self._graph.nodes[ref.node].outs[ref.out] is None:
            return Flow()
        meta, seen = self._graph.meta(ref), self._seen.ranges(ref)
        if seen is None:
            return Flow(meta.shape, meta.dtype)
        return Flow(meta.shape, meta.dtype, seen[0], seen[1], seen[2], replayed=True)
