"""What a person asks credit for, by name; and, where that is non-finite, the finite number that made it so."""

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from dgmtui.credit.elements import Element, decisive_operand, extremity, named_origin
from dgmtui.credit.forward import mask_of
from dgmtui.credit.grouping import Outputs
from dgmtui.credit.model import Target
from dgmtui.credit.sweep import Reader
from dgmtui.credit.table import packet
from dgmtui.errors import CreditError, UsageError
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.replay import Replay

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_TARGET = re.compile(r"(?P<name>.*?)(?:\[(?P<unit>\d+)\])?(?:@(?P<sample>\d+))?", re.ASCII)
_MOST_STEPS = 50


def parse_target(text: str, graph: Graph, replay: Replay, birth: "Birth | None" = None) -> Target:
    """The target that ``text`` names: ``MODULE``, ``MODULE[UNIT]``, ``MODULE[UNIT]@SAMPLE``, ``node:ID``, ``loss``,
    ``nonfinite``; ``.`` is the root module.

    A module that is called several times is meant at its last call. A target that is not finite is replaced by the
    finite number that made it so, and its text says so.

    Args:
        replay: has run forward.
        birth: the iteration's first non-finite value, where there is one.

    Raises:
        UsageError: there is no such module, node, unit or sample.
        CreditError: it is non-finite, and where that began is not known.
    """
    if text.strip() == "nonfinite":
        if birth is None:
            raise CreditError("nothing is non-finite at this iteration; name a module, a node or the loss instead")
        return cause_of(birth, replay)
    found = _TARGET.fullmatch(text.strip())
    assert found is not None, "the pattern fits any text"
    reader = Reader(replay)
    outputs = Outputs(graph)
    name = found["name"]
    ref = _ref_named(name, graph)
    module = outputs.label(ref) if name.startswith("node:") else "" if name == "." else name
    unit, sample = (int(found[key]) if found[key] is not None else None for key in ("unit", "sample"))
    _check_index(graph, outputs, ref, module, unit, sample)
    return _finite_or_cause(_described(reader, outputs, ref, module, unit, sample), replay, outputs, birth)


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


def _finite_or_cause(target: Target, replay: Replay, outputs: Outputs, birth: "Birth | None") -> Target:
    value = replay.value(target.ref)
    if not value.dtype.is_floating_point or torch.isfinite(value[mask_of(value, target, outputs)]).all():
        return target
    if birth is None or birth.phase == "backward":
        raise CreditError(f"{target.text} is not finite and nothing that is to blame was found; ask for another target")
    cause = cause_of(birth, replay)
    text = f"{_asked(target)} is not finite; where that began: {cause.text}"
    return replace(cause, text=text)


def _asked(target: Target) -> str:
    unit = "" if target.unit is None else f"[{target.unit}]"
    sample = "" if target.sample is None else f" of sample {target.sample}"
    return f"{target.module or 'the root'}{unit}{sample}"


def _ref_named(name: str, graph: Graph) -> Ref:
    if name == "loss":
        return graph.loss
    if name.startswith("node:"):
        return _node_named(name.removeprefix("node:"), graph)
    if name in graph.outside:
        return OutsideRef(name)
    path = "" if name == "." else name
    calls = [call for call in graph.calls if call.module == path and call.outputs]
    if not calls:
        known = sorted({call.module for call in graph.calls if call.outputs and call.module})
        near = [other for other in known if path and (path in other or other in path)] or known
        raise UsageError(
            f"no module called in this iteration has the path {name!r}; there are {', '.join(near[:8]) or 'none'}"
        )
    return calls[-1].outputs[0]


def _node_named(number: str, graph: Graph) -> Ref:
    if not number.isdecimal() or int(number) >= len(graph.nodes):
        raise UsageError(f"there is no node {number!r}; nodes go from 0 to {len(graph.nodes) - 1} (`nodes` lists them)")
    node = graph.nodes[int(number)]
    outs = [out for out, meta in enumerate(node.outs) if meta is not None]
    if not outs:
        raise UsageError(f"node {number} ({node.name}) gives no tensor; choose another (`nodes` lists them)")
    return NodeRef(node.id, outs[0])


def _check_index(graph: Graph, outputs: Outputs, ref: Ref, module: str, unit: int | None, sample: int | None) -> None:
    shape = graph.meta(ref).shape
    layout = outputs.layout_of(ref)
    for what, axis, index in (("units", layout.unit_axis, unit), ("samples", layout.sample_axis, sample)):
        if index is None:
            continue
        if axis is None:
            raise UsageError(f"{module or 'the root'} gives {list(shape)}, which has no {what} to choose from")
        if index >= shape[axis]:
            raise UsageError(
                f"{module or 'the root'} has {shape[axis]} {what}, numbered from 0; {index} is none of them"
            )


def _described(reader: Reader, outputs: Outputs, ref: Ref, module: str, unit: int | None, sample: int | None) -> Target:
    value = reader.value(ref)
    bare = Target(ref, module, unit, sample, 0.0, "")
    chosen = value[mask_of(value, bare, outputs)]
    total = float(chosen.double().sum())
    amount = f"{total:.4g}" if chosen.numel() == 1 else f"{total:.4g}, summed over {chosen.numel()} elements"
    return Target(ref, module, unit, sample, total, f"{_asked(bare)} = {amount}")


def _at_element(reader: Reader, outputs: Outputs, ref: Ref, element: Element, then: str) -> Target:
    layout = outputs.layout_of(ref)
    unit = element[layout.unit_axis] if layout.unit_axis is not None else None
    sample = element[layout.sample_axis] if layout.sample_axis is not None else None
    value = float(reader.value(ref)[element])
    module = outputs.label(ref)
    text = f"{_asked(Target(ref, module, unit, sample, value, ''))} = {value:.4g}{then}"
    return Target(ref, module, unit, sample, value, text, element)
