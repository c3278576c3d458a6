"""Which tensors bring the batch into an iteration, and along which axis its rows lie; told from the graph alone."""

from collections import Counter

from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref

_TAKES_ROWS = frozenset({"aten.index", "aten.index_select", "aten.slice"})


def batch_axes(graph: Graph) -> dict[Ref, int]:
    """For every tensor that brings the batch in, the axis along which its rows lie.

    Where rows are taken out of a data set within the trace, what is taken is the batch. The batch's size is found by
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
    return next((graph.meta(ref).shape[axis] for ref, axis in batch_axes(graph).items()), None)


def _sources(graph: Graph, ref: OutsideRef) -> list[Ref]:
    if graph.outside[ref.name].kind != "input" or ref.name.startswith("input:literal"):
        return []
    users = [graph.nodes[i] for i in graph.users(ref)]
    if users and all(user.name in _TAKES_ROWS and user.args[0] == ref for user in users):
        return [NodeRef(user.id) for user in users]
    return [ref]
