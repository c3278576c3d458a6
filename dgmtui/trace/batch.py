"""Which tensors bring the batch into an iteration, and along which axis its rows lie; told from the graph alone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from dgmtui.trace.graph import Graph, Node, NodeRef, Outside, OutsideRef, Ref, map_refs

_TAKES_ROWS = frozenset({"aten.index", "aten.index_select", "aten.slice"})


def batch_axes(graph: Graph) -> dict[Ref, int]:
    """For every tensor that brings the batch in, the axis along which its rows lie.

    What takes rows out of a data set within the trace, or stacks rows, makes the batch. The batch's size is found by
    vote: every tensor is for its first dimension, more so one that went into an outermost module, and nearly as much
    for its second where that may be the batch (time first); square matrices, which masks are, do not vote.
    """
    sources = [source for name in graph.outside for source in _sources(graph, OutsideRef(name))]
    metas = {ref: graph.meta(ref) for ref in sources if graph.meta(ref).shape}
    entering = {ref for call in graph.calls if call.parent < 0 for ref in call.inputs}
    votes: Counter[int] = Counter()
    for ref, meta in metas.items():
        first, *others = meta.shape
        if others == [first] and len(metas) > 1:
            continue
        votes[first] += 1500 if ref in entering else 1000
        if len(others) > 1 or (others and "float" not in meta.dtype):
            votes[others[0]] += 999
    if not votes:
        return {}
    size = max(votes, key=lambda s: votes[s])
    return {ref: meta.shape[:2].index(size) for ref, meta in metas.items() if size in meta.shape[:2]}


def batch_size(graph: Graph) -> int | None:
    """How many rows the batch has; None where nothing looks like one."""
    graph = with_drawn_batch(graph)[0]
    return next((graph.meta(ref).shape[axis] for ref, axis in batch_axes(graph).items()), None)


def with_drawn_batch(graph: Graph, *, to: int | None = None) -> tuple[Graph, dict[str, tuple[Ref, int]]]:
    """The graph with a batch that was drawn within the trace (``x = torch.randn(16, 8)``) as if it came from outside.

    Of a graph that is given a batch from outside, that graph.

    Args:
        to: only what goes into nodes up to and with this one.

    Returns:
        The graph and, by the new outside names, which tensor each is and the node that takes it.
    """
    if any(_sources(graph, OutsideRef(name)) for name in graph.outside):
        return graph, {}
    free = _without_parameters(graph)
    made = {ref.node for ref in free}
    nodes = list(graph.nodes)
    drawn: dict[str, tuple[Ref, int]] = {}
    for node in graph.nodes[: None if to is None else to + 1]:
        taken = [ref for ref in dict.fromkeys(node.inputs()) if ref in free and ref not in node.mutates]
        if node.id in made or not taken:
            continue
        names = {ref: f"input:drawn{place}.{node.id}" for place, ref in enumerate(taken)}
        drawn |= {name: (ref, node.id) for ref, name in names.items()}
        nodes[node.id] = _renamed(node, {ref: OutsideRef(name) for ref, name in names.items()})
    outside = {
        name: Outside(name, "input", replace(graph.meta(ref), requires_grad=False)) for name, (ref, _) in drawn.items()
    }
    return replace(graph, nodes=tuple(nodes), outside={**graph.outside, **outside}), drawn


def _without_parameters(graph: Graph) -> set[NodeRef]:
    """What is computed from draws and numbers that the code spells out alone."""
    free: set[Ref] = {OutsideRef(name) for name in graph.outside if name.startswith("input:literal")}
    for node in graph.nodes:
        if all(ref in free for ref in node.inputs()):
            free |= {NodeRef(node.id, out) for out, meta in enumerate(node.outs) if meta is not None}
    return {ref for ref in free if isinstance(ref, NodeRef)}


def _renamed(node: Node, names: Mapping[Ref, Ref]) -> Node:
    def change(ref: Ref) -> Ref:
        return names.get(ref, ref)

    args = tuple(map_refs(value, change) for value in node.args)
    return replace(node, args=args, kwargs={key: map_refs(value, change) for key, value in node.kwargs.items()})


def _sources(graph: Graph, ref: OutsideRef) -> list[Ref]:
    if graph.outside[ref.name].kind != "input" or ref.name.startswith("input:literal"):
        return []
    users = [graph.nodes[i] for i in graph.users(ref)]
    if users and all(user.name in _TAKES_ROWS and user.args[0] == ref for user in users):
        return [NodeRef(user.id) for user in users]
    if users and all(_stacks_rows(user) for user in users):
        return [NodeRef(user.id) for user in users]
    return [ref]


def _stacks_rows(node: Node) -> bool:
    """Whether it makes a batch of tensors that are a row each."""
    along_first = (node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)) == 0
    return node.name == "aten.stack" and along_first and isinstance(node.args[0], tuple) and len(node.args[0]) > 1
