"""What stands behind a non-finite value: the finite number that made it so."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from dgmtui.credit.elements import Element, decisive_operand, extremity, named_origin
from dgmtui.credit.grouping import Outputs
from dgmtui.credit.model import Target
from dgmtui.credit.naming import opened_by
from dgmtui.credit.selection import Named, selected
from dgmtui.credit.sweep import Reader
from dgmtui.credit.table import packet
from dgmtui.errors import CreditError
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.replay import Replay

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_MOST_STEPS = 50


def cause_of(birth: "Birth", replay: Replay) -> Target:
    """The finite number behind a first non-finite value: what overflowed, or where a derivative is infinite.

    Where no unit's number is behind it, the non-finite value itself, which then stands alone (``Target.alone``).

    Raises:
        CreditError: a backward function made it that belongs to no operation of the trace.
    """
    reader = Reader(replay)
    outputs = Outputs(replay.graph)
    if birth.node is None:
        return _came_in(birth, reader, outputs)
    node = replay.graph.nodes[birth.node]
    found = None if birth.regardless or birth.masked_by else _blamed_operand(node, reader, birth)
    if found is None:
        return _made_alone(birth, node, outputs)
    ref, element = found
    named = named_origin(ref, element, reader, outputs)
    through: tuple[str, ...] = ()
    if named is not None and math.isfinite(float(reader.value(named[0])[named[1]])):
        ref, element, through = named
    steps = ", ".join((*through, packet(node.op)))
    return _at_element(reader, outputs, ref, element, _consequence(birth, steps))


def _came_in(birth: "Birth", reader: Reader, outputs: Outputs) -> Target:
    if birth.outside is None:
        raise CreditError(
            f"{birth.autograd or 'a backward function'} gave {birth.what} and belongs to no operation of the trace: "
            "name a module instead"
        )
    ref, element = OutsideRef(birth.outside), birth.elements[0]
    if birth.phase == "input":
        then = " as it comes in: no unit put it there, so look at that data"
        return replace(_at_element(reader, outputs, ref, element, then), alone=True)
    value = float(reader.value(ref)[element])
    text = f"{birth.outside} at {list(element)} = {value:.4g} before the forward pass: an earlier update made it so"
    return Target(ref, birth.outside, birth.unit, None, value, text, element, alone=True)


def _made_alone(birth: "Birth", node: Node, outputs: Outputs) -> Target:
    ref = NodeRef(node.id)
    where = f" ({birth.source})" if birth.source else ""
    text = f"{birth.phrase}{where}: no unit's number is behind it"
    element = birth.elements[0] if birth.elements else None
    value = float(birth.what)
    return Target(ref, outputs.label(ref), birth.unit, birth.sample, value, text, element, alone=True)


def _blamed_operand(node: Node, reader: Reader, birth: "Birth") -> tuple[Ref, Element] | None:
    """The finite operand element that made the birth: an activation if there is one, the most extreme of several."""
    carriers = reader.flow.carriers(node)
    finite = [operand for operand in birth.operands if math.isfinite(operand.value)]
    if birth.phase == "backward":
        finite.sort(key=lambda operand: (operand.ref in carriers, operand.value == birth.value), reverse=True)
    else:
        finite.sort(
            key=lambda operand: (operand.ref in carriers, extremity(node, operand.value)),
            reverse=True,
        )
    if finite:
        return finite[0].ref, finite[0].index
    return _upstream(node, birth.elements[0], reader) if birth.elements else None


def _upstream(node: Node, element: Element, reader: Reader) -> tuple[Ref, Element] | None:
    """The first finite number on the way up from an infinite one."""
    for _ in range(_MOST_STEPS):
        found = decisive_operand(node, element, reader)
        if found is None:
            return None
        ref, element = found
        if math.isfinite(float(reader.value(ref, node.id)[element])):
            return ref, element
        if not isinstance(ref, NodeRef):
            return None
        node = reader.graph.nodes[ref.node]
    return None


def _consequence(birth: "Birth", steps: str) -> str:
    if birth.phase == "backward":
        function = f" ({birth.autograd})" if birth.autograd else ""
        return f", where the derivative of {steps}{function} gives {birth.what}"
    return f", then {steps} = {birth.what}"


def _at_element(reader: Reader, outputs: Outputs, ref: Ref, element: Element, then: str) -> Target:
    module = outputs.label(ref)
    base = opened_by(reader.graph, ref, module, None, None)[0] or module or "."
    named = Named(ref, module, base, base if base.startswith("node:") else module or "the root")
    shape = reader.graph.meta(ref).shape
    target = selected(named, shape, outputs.layout_of(ref), {axis: (index,) for axis, index in enumerate(element)})
    value = float(reader.value(ref)[element])
    return replace(target, value=value, text=f"{target.text} = {value:.4g}{then}", element=element)
