"""What an operation takes values from: its arguments, unless it looks at their shape only, and what was written in
place since into the memory that they name."""

from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

VIEWS = frozenset(
    "view _unsafe_view reshape _reshape_alias alias detach t transpose permute select slice squeeze unsqueeze expand "
    "as_strided unbind split split_with_sizes chunk diagonal narrow unfold movedim swapaxes view_as_real "
    "view_as_complex".split()
)
QUIET = VIEWS | frozenset("clone contiguous _to_copy to lift_fresh flatten unflatten".split())
"""Operations that move values and change none."""
_UNINITIALISED = frozenset("empty empty_like empty_strided new_empty new_empty_strided empty_permuted".split())


def short(node: Node) -> str:
    """``exp`` of ``aten.exp.default``; that it works in place is left out."""
    return node.op.split(".")[1].rstrip("_") if node.op.count(".") else node.op


def is_uninitialised(node: Node) -> bool:
    """Whether its result is memory that nothing was written into."""
    return short(node) in _UNINITIALISED


def looks_at_shape_only(node: Node) -> bool:
    """Whether the values of what it takes don't matter: ``randn_like``, or a draw into memory, whatever it held."""
    name = short(node)
    return name.endswith("_like") or name.startswith("new_") or (node.random and _overwrites(node))


def _overwrites(node: Node) -> bool:
    return bool(node.mutates) and len(set(node.inputs())) == 1


def sources(graph: Graph) -> tuple[tuple[Ref, ...], ...]:
    """Of each node, the tensors whose values it takes; of one that overwrites memory, that memory."""
    return graph.once(_sources)


def _sources(graph: Graph) -> tuple[tuple[Ref, ...], ...]:
    root: dict[Ref, Ref] = {}
    written: dict[Ref, list[int]] = {}
    found = []
    for node in graph.nodes:
        taken = tuple(dict.fromkeys(node.inputs()))
        refs: dict[Ref, None] = {}
        for ref in () if looks_at_shape_only(node) and not node.mutates else taken:
            refs[ref] = None
            made = ref.node if isinstance(ref, NodeRef) else -1
            writers = written.get(root.get(ref, ref), ())
            refs.update({NodeRef(writer): None for writer in writers if writer > made})
        found.append(tuple(refs))
        _note_memory(graph, node, taken, root, written)
    return tuple(found)


def _note_memory(
    graph: Graph, node: Node, taken: tuple[Ref, ...], root: dict[Ref, Ref], written: dict[Ref, list[int]]
) -> None:
    """Keep which tensors share memory, and what wrote into it; statistics that a layer keeps are no flow."""
    for ref in node.mutates:
        if isinstance(ref, OutsideRef) and graph.outside[ref.name].kind == "buffer":
            continue
        place = root.get(ref, ref)
        root[NodeRef(node.id)] = place
        written.setdefault(place, []).append(node.id)
    if not node.mutates and taken and short(node) in VIEWS:
        for out in range(len(node.outs)):
            root[NodeRef(node.id, out)] = root.get(taken[0], taken[0])
