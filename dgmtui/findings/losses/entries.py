"""Where the batch meets the network's parameters first: read off the graph."""

from dataclasses import dataclass

from dgmtui.findings.losses.loss_terms import Origins, before, loss_terms, origins
from dgmtui.trace.batch import batch_axes
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

_AFFINE = frozenset(
    "aten.mm aten.addmm aten.bmm aten.baddbmm aten.linear aten.convolution aten.mv aten.addmv aten.lstm aten.gru "
    "aten.rnn_tanh aten.mkldnn_rnn_layer".split()
)
_NORMALISING = frozenset(
    "aten.native_batch_norm aten._native_batch_norm_legit aten._batch_norm_with_update aten.native_layer_norm "
    "aten.native_group_norm aten._native_batch_norm_legit_no_training".split()
)


@dataclass(frozen=True)
class Entry:
    """A floating tensor of the batch, made ready by the code, where a weight is first applied to it."""

    ref: Ref
    """The tensor as it goes into the operation, moved about at most afterwards."""
    node: int
    """Id of the operation."""
    axis: int
    """Along which its samples lie."""
    source: str
    """The outside tensor that it comes of."""
    normalised: bool
    """The operation normalises it: no scale is wrong."""


def entries(graph: Graph) -> tuple[Entry, ...]:
    """Where floating tensors of the batch go into the first weighted operations; none for tokens, which only index."""
    return graph.once(_entries)


def _entries(graph: Graph) -> tuple[Entry, ...]:
    known, axes = origins(graph), batch_axes(graph)
    size = next((graph.meta(ref).shape[axis] for ref, axis in axes.items()), 0)
    targets = {before(graph, term.target) for term in loss_terms(graph)}
    found: dict[Ref, Entry] = {}
    for node in graph.nodes:
        if node.name not in _AFFINE | _NORMALISING:
            continue
        for taken in node.inputs():
            ref = before(graph, taken)
            if taken in known.tainted or ref in found or ref in targets or not _is_taken_with_parameters(known, node):
                continue
            source = _source(graph, ref, axes)
            shape = graph.meta(ref).shape
            if source is None or "float" not in graph.meta(ref).dtype or size not in shape[:2] or not size:
                continue
            axis = axes[source] if len(shape) > axes[source] and shape[axes[source]] == size else shape.index(size)
            found[ref] = Entry(ref, node.id, axis, _name(graph, source), node.name in _NORMALISING)
    return tuple(found.values())


def _is_taken_with_parameters(known: Origins, node: Node) -> bool:
    return any(ref in known.tainted for ref in node.inputs())


def _source(graph: Graph, ref: Ref, axes: dict[Ref, int]) -> Ref | None:
    """The tensor of the batch that ``ref`` is computed from, through first arguments and then any."""
    waiting, seen = [ref], set()
    while waiting:
        one = waiting.pop(0)
        if one in axes:
            return one
        if one not in seen and isinstance(one, NodeRef):
            seen.add(one)
            waiting.extend(graph.nodes[one.node].inputs())
    return None


def _name(graph: Graph, source: Ref) -> str:
    ref = before(graph, source)
    while isinstance(ref, NodeRef):
        taken = next(graph.nodes[ref.node].inputs(), None)
        if taken is None:
            return "the batch"
        ref = taken
    assert isinstance(ref, OutsideRef)
    return ref.name
