"""The forward pass cut into parts in execution order: calls of modules down to a depth, and what runs between them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dgmtui.session.network.flows import is_uninitialised, short, sources
from dgmtui.trace.graph import Call, Graph, NodeRef, Ref


@dataclass
class Part:
    """Nodes that are drawn as one."""

    kind: Literal["module", "function"]
    nodes: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    """Of modules: the call; several where repeated ones are folded."""
    repeats: int = 1
    random: bool = False


def begin_and_end(graph: Graph, scope: int) -> tuple[int, int]:
    """The nodes of a call; -1 is all."""
    return (0, len(graph.nodes)) if scope < 0 else (graph.calls[scope].begin, graph.calls[scope].end)


def children(graph: Graph) -> dict[int, list[Call]]:
    """Of each call (-1: none) those that it made and that ran something, in order."""
    return graph.once(_children)


def _children(graph: Graph) -> dict[int, list[Call]]:
    found: dict[int, list[Call]] = defaultdict(list)
    for call in graph.calls:
        if call.begin < call.end:
            found[call.parent].append(call)
    return found


def depth_of(graph: Graph, scope: int) -> int:
    """How many levels of calls are within a call."""
    made = children(graph)
    deepest, level = 0, [call.id for call in made.get(scope, ())]
    while level:
        deepest += 1
        level = [inner.id for call in level for inner in made.get(call, ())]
    return deepest


def parts_of(graph: Graph, scope: int, depth: int, fold: Callable[[list[Part]], list[Part]] = list) -> list[Part]:
    """What runs in a call, its inner calls opened ``depth`` levels deep.

    Args:
        fold: makes one part of several, in one call; what it made of several is not opened.
    """
    opened: list[Part] = []
    for part in fold(list(_directly(graph, scope))):
        if depth > 0 and len(part.calls) == 1 and children(graph).get(part.calls[0].id):
            opened += parts_of(graph, part.calls[0].id, depth - 1, fold)
        else:
            opened.append(part)
    return opened


def _directly(graph: Graph, scope: int) -> Iterator[Part]:
    at, end = begin_and_end(graph, scope)
    for call in children(graph).get(scope, ()):
        yield from functions(graph, range(at, call.begin))
        yield Part("module", list(range(call.begin, call.end)), [call])
        at = max(at, call.end)
    yield from functions(graph, range(at, end))


def functions(graph: Graph, nodes: Sequence[int]) -> list[Part]:
    """Operations one after another: of a source line those that take from each other are a part; those that draw at
    random stand alone."""
    taken = sources(graph)
    parts: list[Part] = []
    run = _Line()
    memory: set[int] = set()
    for place in nodes:
        node = graph.nodes[place]
        if is_uninitialised(node):
            memory.add(place)
            continue
        mine = [*_memory_of(taken[place], memory), place]
        if node.random:
            if run.gives(taken[place]):
                parts += run.taken_out()
            parts.append(Part("function", mine, random=True))
            continue
        if node.source != run.source:
            parts += run.taken_out()
            run.source = node.source
        run.add(mine, taken[place])
    return [*parts, *run.taken_out()]


@dataclass
class _Line:
    """Operations of one source line."""

    source: object = None
    _part_of: dict[int, Part] = field(default_factory=dict)

    def gives(self, refs: Sequence[Ref]) -> list[Part]:
        """The parts that some of ``refs`` come from, the largest first."""
        found = {id(part): part for ref in refs if isinstance(ref, NodeRef) and (part := self._part_of.get(ref.node))}
        return sorted(found.values(), key=lambda part: -len(part.nodes))

    def add(self, nodes: list[int], refs: Sequence[Ref]) -> None:
        """More operations, which make one of the parts that they take from."""
        part, *others = self.gives(refs) or [Part("function")]
        for place in (*(place for other in others for place in other.nodes), *nodes):
            part.nodes.append(place)
            self._part_of[place] = part

    def taken_out(self) -> list[Part]:
        """All parts, in order, each with its operations in order; none is left."""
        parts = list({id(part): part for _, part in sorted(self._part_of.items())}.values())
        for part in parts:
            part.nodes.sort()
        self._part_of = {}
        return parts


def _memory_of(taken: Sequence[Ref], memory: set[int]) -> list[int]:
    """What of ``memory`` is written into here first; it goes with this operation."""
    mine = sorted({ref.node for ref in taken if isinstance(ref, NodeRef) and ref.node in memory})
    memory.difference_update(mine)
    return mine


def names_of(graph: Graph, part: Part) -> tuple[str, ...]:
    """The operations of a part by name, each once."""
    return tuple(dict.fromkeys(short(graph.nodes[place]) for place in part.nodes))
