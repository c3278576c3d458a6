"""``clamp`` and ``scale``: what a module or a node gives out, changed before anything else takes it."""

from dataclasses import dataclass, replace

from dgmtui.errors import UsageError
from dgmtui.trace.edits.inserting import Insertion
from dgmtui.trace.edits.iteration import Iteration
from dgmtui.trace.graph import Graph, Node, NodeRef, Ref
from dgmtui.trace.unary import operation
from dgmtui.trace.units import unit_axis


@dataclass(frozen=True)
class Place:
    """The first tensor that a node, or the last call of a module, gives out; or one unit of it."""

    node: int | None
    module: str = ""
    """Where ``node`` is None; ``""`` is the root."""
    unit: int | None = None

    def __str__(self) -> str:
        name = self.module or "the root" if self.node is None else f"node {self.node}"
        return name if self.unit is None else f"{name}[{self.unit}]"


@dataclass(frozen=True)
class _Output:
    ref: Ref
    at: int
    """Id of the first node that ran after it was given out."""
    call: int
    type: str
    """Of the module that ``call`` is of."""


@dataclass(frozen=True, eq=False)
class ChangeOutput:
    """An element-wise operation on what a place gives out."""

    text: str
    place: Place
    op: str
    numbers: tuple[float, ...]
    """What follows the tensor among the operation's arguments."""

    def apply(self, iteration: Iteration) -> Iteration:
        """The iteration with the operation put in.

        Raises:
            UsageError: there is no such place or unit, or it gives out no floating tensor.
        """
        graph = iteration.graph
        output = _output_of_node(graph, self.place.node) if self.place.node is not None else self._of_module(graph)
        if "float" not in graph.meta(output.ref).dtype:
            raise UsageError(f"{self.place} gives out {graph.meta(output.ref).dtype}, and only floating numbers fit")
        nodes = self._whole(graph, output) if self.place.unit is None else self._one_unit(graph, output)
        last = NodeRef(output.at + len(nodes) - 1)
        return iteration.inserted(Insertion(output.at, tuple(nodes), {output.ref: last}))

    def _whole(self, graph: Graph, output: _Output) -> list[Node]:
        return [operation(self.op, (output.ref, *self.numbers), _like(graph, output), graph, output.at)]

    def _one_unit(self, graph: Graph, output: _Output) -> list[Node]:
        """The unit is cut out, changed, and put back among the others, which stay as they are."""
        unit, meta, like = self.place.unit, graph.meta(output.ref), _like(graph, output)
        assert unit is not None
        axis = unit_axis(meta.shape, output.type)
        count = 0 if axis is None else meta.shape[axis]
        if axis is None or unit >= count:
            has = f"has units 0 to {count - 1}" if count else "has no units"
            raise UsageError(f"{replace(self.place, unit=None)} {has}; not {unit}")
        cut = (axis, unit, unit + 1)
        one = replace(meta, shape=(*meta.shape[:axis], 1, *meta.shape[axis + 1 :]), requires_grad=False)
        slice_ = replace(operation("aten.slice.Tensor", (output.ref, *cut), like, graph, output.at), outs=(one,))
        changed = replace(slice_, id=output.at + 1, op=self.op, args=(NodeRef(output.at), *self.numbers))
        args = (output.ref, NodeRef(output.at + 1), *cut)
        return [slice_, changed, operation("aten.slice_scatter.default", args, like, graph, output.at + 2)]

    def _of_module(self, graph: Graph) -> _Output:
        calls = [call for call in graph.calls if call.module == self.place.module and call.outputs]
        if not calls:
            known = ", ".join(dict.fromkeys(call.module for call in graph.calls if call.module and call.outputs))
            raise UsageError(f"{self.place} gave out no tensor in this iteration; these did: {known or 'none'}")
        return _Output(calls[-1].outputs[0], calls[-1].end, calls[-1].id, calls[-1].type)


def _output_of_node(graph: Graph, number: int) -> _Output:
    if number >= len(graph.nodes):
        raise UsageError(f"no node {number}; there are 0 to {len(graph.nodes) - 1}, `nodes` lists them")
    node = graph.nodes[number]
    out = next((place for place, meta in enumerate(node.outs) if meta is not None), None)
    if out is None:
        raise UsageError(f"node {number} ({node.name}) gives out no tensor")
    return _Output(NodeRef(number, out), number + 1, node.call, graph.calls[node.call].type if node.call >= 0 else "")


def _like(graph: Graph, output: _Output) -> Node:
    """A node of the output's call, source line and mode; its other parts don't matter."""
    if isinstance(output.ref, NodeRef):
        return replace(graph.nodes[output.ref.node], call=output.call)
    return Node(output.at, "", (), {}, (), output.call, None)
