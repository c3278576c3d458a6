"""What feeds an operation and what it feeds, step by step or all the way."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dgmtui.errors import UsageError
from dgmtui.session.network.flows import VIEWS, short, sources
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref

if TYPE_CHECKING:
    from dgmtui.session.session import Session

Direction = Literal["inputs", "outputs"]


@dataclass(frozen=True)
class Step:
    """One operation or tensor on the way."""

    ref: Ref
    """The tensor that goes in; of an operation that takes one, its first result."""
    of: tuple[int, ...]
    """The nodes that it goes into; of outputs those that it takes from."""
    through: tuple[str, ...] = ()
    """Operations that look at it in another way first, where it is a parameter: ``t``."""
    parameters: tuple[str, ...] = ()
    """Those that an operation takes, by name; empty where they have steps of their own."""


@dataclass(frozen=True)
class DataFlow:
    """What is behind a node, in one direction; the node itself comes first, the nearest next."""

    steps: tuple[Step, ...]
    links: tuple[tuple[int, int], ...]
    """Between steps, by their place: the one nearer to the node, then the one behind it."""
    behind: int
    """How many operations there are all the way."""


def users(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Of each node those that take its results, in order."""
    return graph.once(_users)


def _users(graph: Graph) -> dict[int, tuple[int, ...]]:
    found: dict[int, list[int]] = {}
    for place, taken in enumerate(sources(graph)):
        for giver in dict.fromkeys(ref.node for ref in taken if isinstance(ref, NodeRef)):
            found.setdefault(giver, []).append(place)
    return {giver: tuple(places) for giver, places in found.items()}


def node_here(session: "Session", node: int | None = None) -> int:
    """The node that is named, else the one that is looked at.

    That is the one that was selected, else where the first non-finite value was born, else the last of the module.

    Raises:
        UsageError: there is none.
    """
    graph = session.graph
    if graph is None or not graph.nodes:
        raise UsageError("no iteration at or before this one was traced; `goto 0` may stand on one that was")
    if node is not None:
        if not 0 <= node < len(graph.nodes):
            raise UsageError(f"there is no node {node}; they are 0 to {len(graph.nodes) - 1}, `nodes` lists them")
        return node
    looked_at = session.operations.looked_at(session)
    if looked_at is not None:
        return looked_at
    rows = session.operations.rows(session)
    if rows:
        return rows[-1].node
    return graph.loss.node if isinstance(graph.loss, NodeRef) else len(graph.nodes) - 1


def direct(graph: Graph, node: int, direction: Direction) -> DataFlow:
    """What goes into a node, parameters first, or what takes its results."""
    behind = len(_reached(graph, node, direction)) - 1
    if direction == "outputs":
        found = [Step(NodeRef(user), (node,)) for user in users(graph).get(node, ())]
    else:
        given = sorted(_given(graph, node).items(), key=lambda each: isinstance(each[0], NodeRef))
        found = [Step(ref, (node,), through) for ref, through in given]
    itself = Step(NodeRef(node), ())
    return DataFlow((itself, *found), tuple((0, place) for place in range(1, len(found) + 1)), behind)


def all_the_way(graph: Graph, node: int, direction: Direction) -> DataFlow:
    """All that leads to a node, latest first, back to the batch; or all that depends on it, up to the loss."""
    reached = _reached(graph, node, direction)
    if direction == "outputs":
        order: list[Ref] = [NodeRef(place) for place in sorted(reached)]
        beside: dict[int, list[Ref]] = {place: [NodeRef(u) for u in users(graph).get(place, ())] for place in reached}
    else:
        beside = {place: [ref for ref in _given(graph, place) if not _is_parameter(graph, ref)] for place in reached}
        latest = {ref: place for place in sorted(reached, reverse=True) for ref in beside[place]}
        inputs = [(place - 0.5, ref) for ref, place in latest.items() if isinstance(ref, OutsideRef)]
        nodes: list[tuple[float, Ref]] = [(place, NodeRef(place)) for place in reached]
        order = [ref for _, ref in sorted([*inputs, *nodes], key=lambda each: -each[0])]
    at = {_key(ref): place for place, ref in enumerate(order)}
    links = sorted({(at[place], at[_key(ref)]) for place, refs in beside.items() for ref in refs if _key(ref) in at})
    of: dict[int, list[int]] = {}
    for near, far in links:
        ref = order[near]
        assert isinstance(ref, NodeRef), "a tensor from outside takes nothing"
        of.setdefault(far, []).append(ref.node)
    steps = (
        Step(ref, tuple(of.get(place, ())), (), _parameters(graph, ref) if direction == "inputs" else ())
        for place, ref in enumerate(order)
    )
    return DataFlow(tuple(steps), tuple(links), len(reached) - 1)


def _key(ref: Ref) -> int | str:
    return ref.node if isinstance(ref, NodeRef) else ref.name


def _reached(graph: Graph, node: int, direction: Direction) -> set[int]:
    found = {node}
    if direction == "inputs":
        for place in range(node, -1, -1):
            if place in found:
                found.update(ref.node for ref in _given(graph, place) if isinstance(ref, NodeRef))
    else:
        for place in range(node, len(graph.nodes)):
            if place in found:
                found.update(users(graph).get(place, ()))
    return found


def _given(graph: Graph, place: int) -> dict[Ref, tuple[str, ...]]:
    """What a node takes; of a parameter that is looked at in another way, the parameter, and that way."""
    return graph.once(_all_given)[place]


def _all_given(graph: Graph) -> tuple[dict[Ref, tuple[str, ...]], ...]:
    held: dict[int, tuple[Ref, tuple[str, ...]]] = {}
    found = []
    for node, taken in zip(graph.nodes, sources(graph), strict=True):
        given: dict[Ref, tuple[str, ...]] = {}
        for ref in taken:
            origin, through = held.get(ref.node, (ref, ())) if isinstance(ref, NodeRef) else (ref, ())
            given.setdefault(origin, through)
        found.append(given)
        if len(given) == 1 and short(node) in VIEWS:
            ((origin, through),) = given.items()
            if _is_parameter(graph, origin):
                held[node.id] = origin, (*through, short(node))
    return tuple(found)


def _is_parameter(graph: Graph, ref: Ref) -> bool:
    """A parameter, a buffer or a constant: nothing of the batch."""
    if isinstance(ref, NodeRef):
        return False
    return graph.outside[ref.name].kind != "input" or ref.name.startswith("input:literal")


def _parameters(graph: Graph, ref: Ref) -> tuple[str, ...]:
    if isinstance(ref, OutsideRef):
        return ()
    return tuple(name_of(graph, given) for given in _given(graph, ref.node) if _is_parameter(graph, given))


def name_of(graph: Graph, ref: Ref) -> str:
    """``enc.0.weight``, ``argument0``, or the operation that made it."""
    if isinstance(ref, OutsideRef):
        return ref.name.partition(":")[2] if not ref.name.startswith("input:literal") else "a constant"
    return graph.nodes[ref.node].name
