"""Following one element of a result back to the operands that it came from."""

import math

import torch
from torch import Tensor

from dgmtui.credit.flow import is_float
from dgmtui.credit.grouping import Outputs
from dgmtui.credit.ops import vjp
from dgmtui.credit.sweep import Reader
from dgmtui.credit.table import Rule, packet, rule_of
from dgmtui.errors import CreditError
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments, resolve_op, run_node

Element = tuple[int, ...]


def element_of(node: Node, operand: Ref, element: Element, reader: Reader, out: int = 0) -> Element | None:
    """Which element of ``operand`` the node's result at ``element`` came from; None if from none of it.

    Exact for operations on single elements and for moved data; where many elements went in, the one whose term
    ``x·∂z/∂x`` is largest.
    """
    shape = reader.graph.meta(operand).shape
    if is_pointwise(node):
        return _broadcast_element(shape, element)
    if rule_of(node.op) is Rule.MOVING:
        return _largest(_pulled(node, operand, element, reader, out))
    read = reader.at(node.id)
    return _largest(read(operand).double() * _pulled(node, operand, element, reader, out))


def is_pointwise(node: Node) -> bool:
    """Whether each element of the result comes from one element of each operand."""
    return torch.Tag.pointwise in resolve_op(node.op).tags or rule_of(node.op) is Rule.ELEMENTWISE


def _broadcast_element(shape: tuple[int, ...], element: Element) -> Element:
    last = element[len(element) - len(shape) :]
    return tuple(0 if size == 1 else index for size, index in zip(shape, last, strict=True))


def _pulled(node: Node, operand: Ref, element: Element, reader: Reader, out: int) -> Tensor:
    """``Jᵀe``: how the one element depends on every element of ``operand``, in float64."""
    read = reader.at(node.id)

    def wide(ref: Ref) -> Tensor:
        value = read(ref)
        return value.double() if value.dtype.is_floating_point else value

    meta = node.outs[out]
    assert meta is not None, "an element is of a tensor"
    cotangent = torch.zeros(meta.shape, dtype=torch.float64)
    cotangent[element] = 1.0
    cotangents = [cotangent if i == out else None for i in range(len(node.outs))]
    return vjp(node, reader.graph, wide, (operand,), cotangents)[0]


def _largest(t: Tensor) -> Element | None:
    size = torch.where(torch.isnan(t), 0.0, t.abs())
    if not size.numel() or not size.any():
        return None
    return tuple(int(i) for i in torch.unravel_index(size.argmax(), t.shape))


def decisive_operand(node: Node, element: Element, reader: Reader) -> tuple[Ref, Element] | None:
    """The operand element that made the node's result at ``element`` what it is: the most extreme one.

    Of a quotient that is the one whose logarithm is farthest from zero, of anything else the largest. Activations come
    before parameters.
    """
    found = []
    for ref in dict.fromkeys(node.inputs()):
        if not is_float(reader.graph.meta(ref).dtype):
            continue
        try:
            at = element_of(node, ref, element, reader)
        except CreditError:
            continue
        if at is not None:
            carries = ref in reader.flow.carriers(node)
            found.append((carries, extremity(node, float(reader.value(ref, node.id)[at])), ref, at))
    if not found:
        return None
    best = max(found, key=lambda item: item[:2])
    return best[2], best[3]


def extremity(node: Node, value: float) -> float:
    """How far an operand's value is from harmless."""
    if not math.isfinite(value):
        return math.inf
    if rule_of(node.op) is Rule.RATIO:
        return math.inf if value == 0 else abs(math.log(abs(value)))
    return abs(value)


def named_origin(
    ref: Ref, element: Element, reader: Reader, outputs: Outputs
) -> tuple[Ref, Element, tuple[str, ...]] | None:
    """The module output that this element was before operations on single elements and moves only, and these in order.

    None where something else comes between.
    """
    through: list[str] = []
    while outputs.innermost(ref) is None:
        if not isinstance(ref, NodeRef):
            return None
        node = reader.graph.nodes[ref.node]
        carriers = reader.flow.carriers(node)
        passes = is_pointwise(node) or rule_of(node.op) is Rule.MOVING
        if len(carriers) != 1 or not passes:
            return None
        at = element_of(node, carriers[0], element, reader, ref.out)
        if at is None:
            return None
        if rule_of(node.op) is not Rule.MOVING:
            through.insert(0, packet(node.op))
        ref, element = carriers[0], at
    return ref, element, tuple(through)


def chosen_by(reader: Reader, ref: NodeRef, element: Element) -> tuple[OutsideRef, Element] | None:
    """The index that chose the row of an embedding that ``element`` of ``ref`` is of; None where that is not known."""
    node = reader.graph.nodes[ref.node]
    while packet(node.op) != "embedding":
        sources = [used for used in node.inputs() if isinstance(used, NodeRef)]
        if len(sources) != 1 or rule_of(node.op) is not Rule.MOVING:
            return None
        moved = _came_from(node, sources[0], element, reader)
        node, element = reader.graph.nodes[sources[0].node], moved
    at = named_arguments(node)["indices"]
    element = element[:-1]
    while isinstance(at, NodeRef):
        mover = reader.graph.nodes[at.node]
        sources_of = list(dict.fromkeys(mover.inputs()))
        if len(sources_of) != 1 or rule_of(mover.op) not in (Rule.MOVING, Rule.ELEMENTWISE):
            return None
        element, at = _came_from(mover, sources_of[0], element, reader), sources_of[0]
    return (at, element) if isinstance(at, OutsideRef) and reader.graph.outside[at.name].kind == "input" else None


def _came_from(node: Node, source: Ref, element: Element, reader: Reader) -> Element:
    """Where the value that a moving operation put at ``element`` lay: it is run on the places themselves."""
    shape = reader.value(source, node.id).shape
    places = torch.arange(math.prod(shape)).reshape(shape)
    moved = run_node(node, lambda used: places if used == source else reader.value(used, node.id), reader.graph)[0]
    assert isinstance(moved, Tensor), "it moves a tensor"
    return tuple(int(i) for i in torch.unravel_index(moved[element].long(), shape))
