"""What repeats, one after another and alike, drawn once: the blocks of a transformer, the steps of a recurrence."""

from collections.abc import Callable, Hashable, Sequence

from dgmtui.session.network.flows import short, sources
from dgmtui.session.network.parts import Part
from dgmtui.trace.graph import Graph, NodeRef

LEAST = 3
"""Repeats that are folded."""
LONGEST = 6
"""Parts of one repeat."""


def folded(graph: Graph, parts: Sequence[Part], alike: Callable[[Part], Hashable]) -> list[Part]:
    """Repeats of one to ``LONGEST`` parts, each holding a module and taking from the one before, as one part.

    Args:
        alike: what has to be equal for two parts to be alike.
    """
    keys = [alike(part) for part in parts]
    made: list[Part] = []
    at = 0
    while at < len(parts):
        length, repeats = max(
            ((length, _repeats(graph, parts, keys, at, length)) for length in range(1, LONGEST + 1)),
            key=lambda found: (found[0] * found[1] if found[1] >= LEAST else 0, -found[0]),
        )
        run = parts[at : at + length * repeats]
        if repeats >= LEAST and any(part.kind == "module" for part in run[:length]):
            made.append(_together(run, repeats))
            at += length * repeats
        else:
            made.append(parts[at])
            at += 1
    return made


def _repeats(graph: Graph, parts: Sequence[Part], keys: Sequence[Hashable], at: int, length: int) -> int:
    first, count = keys[at : at + length], 1
    while len(first) == length:
        begin = at + count * length
        if keys[begin : begin + length] != first:
            break
        if not _follows(graph, parts[begin - length : begin], parts[begin : begin + length]):
            break
        count += 1
    return count


def _follows(graph: Graph, before: Sequence[Part], after: Sequence[Part]) -> bool:
    """Whether a module of ``after`` takes what comes of ``before``."""
    reached, taken = {place for part in before for place in part.nodes}, sources(graph)
    for part in after:
        refs = (ref for place in part.nodes for ref in taken[place])
        if any(isinstance(ref, NodeRef) and ref.node in reached for ref in refs):
            if part.kind == "module":
                return True
            reached.update(part.nodes)
    return False


def _together(parts: Sequence[Part], repeats: int) -> Part:
    return Part(
        "module",
        [place for part in parts for place in part.nodes],
        [call for part in parts for call in part.calls],
        repeats,
        any(part.random for part in parts),
    )


def signature(graph: Graph, part: Part) -> Hashable:
    """Type, operations and shapes: what makes two parts alike."""
    kinds = node_kinds(graph)
    return part.kind, tuple(call.type for call in part.calls), tuple(kinds[place] for place in part.nodes)


def node_kinds(graph: Graph) -> tuple[int, ...]:
    """Of each node a number that is equal for equal operations with results of equal shape."""
    return graph.once(_node_kinds)


def _node_kinds(graph: Graph) -> tuple[int, ...]:
    known: dict[Hashable, int] = {}
    return tuple(
        known.setdefault((short(node), tuple(None if m is None else m.shape for m in node.outs)), len(known))
        for node in graph.nodes
    )
