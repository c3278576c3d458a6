"""What a person asks credit for, by name; and, where that is non-finite, the finite number that made it so."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dgmtui.credit.cause import cause_of
from dgmtui.credit.grouping import Layout, Outputs
from dgmtui.credit.model import Target
from dgmtui.credit.selection import Named, mask_of_target, other_axes, selected
from dgmtui.credit.sweep import Reader
from dgmtui.credit.terms import term_named
from dgmtui.credit.typed import Typed, numbers, place, taken_apart
from dgmtui.errors import CreditError, UsageError
from dgmtui.trace.graph import Call, Graph, NodeRef, OutsideRef
from dgmtui.trace.replay import Replay

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth

_FEW = 8


def parse_target(text: str, graph: Graph, replay: Replay, birth: "Birth | None" = None) -> Target:
    """The target that ``text`` names (see ``typed.FORMS``); ``.`` is the root module.

    ``UNITS`` and ``SAMPLES`` are numbers and ranges (``3,17,40-48``), ``POSITION`` an index along each of the other
    axes (``4,7`` or ``8:16,0:8``). ``MODULE:N`` is a module's Nth call, counted from 0; without it, where it is called
    several times, its last is meant. Behind ``node:ID`` and ``grad:PARAMETER`` brackets with a comma hold an index into
    the tensor. A target that is not finite is replaced by the finite number that made it so, and its text says so.

    Args:
        replay: has run forward, and backward where a gradient is asked for.
        birth: the iteration's first non-finite value, where there is one.

    Raises:
        UsageError: there is no such module, call, node, term, parameter, unit, sample or position.
        CreditError: it is non-finite, and where that began is not known; or it is a gradient, and there is none.
    """
    text = text.strip()
    if text == "nonfinite":
        if birth is None:
            raise CreditError("nothing is non-finite at this iteration; name a module, a node or the loss instead")
        return cause_of(birth, replay)
    reader, outputs = Reader(replay), Outputs(graph)
    typed = Typed(text, None, None, None) if _calls(graph, text) else taken_apart(text)
    named = _named(typed.name, reader, outputs, replay)
    layout = outputs.layout_of(named.ref)
    shape = graph.meta(named.ref).shape
    target = selected(named, shape, layout, _chosen(typed, named, shape, layout))
    value = _value(named, reader, replay)
    return _finite_or_cause(_counted(target, value, layout), value, replay, layout, birth)


def _chosen(typed: Typed, named: Named, shape: Sequence[int], layout: Layout) -> dict[int, Sequence[int]]:
    """The indices along each axis that was spoken of."""
    whose = named.label
    if typed.units is not None and (named.of == "gradient" or ("," in typed.units and named.base.startswith("node:"))):
        if typed.samples is not None or typed.position is not None:
            raise UsageError(
                f"[{typed.units}] is an index into {whose}, which has {list(shape)}; nothing can follow it"
            )
        return dict(enumerate(place(typed.units, shape, whose, "elements")))
    chosen: dict[int, Sequence[int]] = {}
    asked = (("units", layout.unit_axis, typed.units), ("samples", layout.sample_axis, typed.samples))
    for what, axis, listed in asked:
        if listed is None:
            continue
        if axis is None:
            raise UsageError(f"{whose} gives {list(shape)}, which has no {what} to choose from")
        chosen[axis] = numbers(listed, shape[axis], whose, what)
    if typed.position is not None:
        others = other_axes(len(shape), layout)
        chosen.update(zip(others, place(typed.position, [shape[axis] for axis in others], whose), strict=True))
    return chosen


def _named(name: str, reader: Reader, outputs: Outputs, replay: Replay) -> Named:
    """The tensor of a target's name, without its brackets."""
    graph = reader.graph
    if name == "loss":
        return Named(graph.loss, "loss", "loss", "loss")
    if name.startswith("loss:"):
        return Named(term_named(name, reader).ref, name, name, name)
    if name.startswith("node:"):
        ref = _node_named(name.removeprefix("node:"), graph)
        return Named(ref, outputs.label(ref), name, outputs.label(ref) or "the root")
    if name.startswith("grad:"):
        return _gradient_named(name, graph, replay)
    if name in graph.outside:
        return Named(OutsideRef(name), name, name, name)
    return _module_named(name, graph)


def _module_named(name: str, graph: Graph) -> Named:
    """A module's last call, or ``MODULE:N``; ``module:PATH`` is a path too, as in ``print``."""
    asked = name.removeprefix("module:") if _calls(graph, name.removeprefix("module:")) else name
    path = "" if asked == "." else asked
    calls, which = _calls(graph, path), -1
    if not calls:
        before, colon, number = asked.rpartition(":")
        path = "" if before == "." else before.removeprefix("module:")
        calls = _calls(graph, path) if colon and number.isdecimal() else []
        if not calls:
            raise UsageError(_no_module(name, graph))
        which = int(number) if len(number) < _FEW else len(calls)
        if which >= len(calls):
            times = (
                "once: it has call 0" if len(calls) == 1 else f"{len(calls)} times: it has calls 0 to {len(calls) - 1}"
            )
            raise UsageError(f"{path or 'the root'} is called {times} only")
    label = path or "the root"
    if len(calls) > 1:
        label += f":{which % len(calls)}"
    base = (path or ".") + ("" if which < 0 else f":{which}")
    return Named(calls[which].outputs[0], path, base, label)


def _calls(graph: Graph, path: str) -> list[Call]:
    return [call for call in graph.calls if call.module == path and call.outputs]


def _no_module(name: str, graph: Graph) -> str:
    known = sorted({call.module for call in graph.calls if call.outputs and call.module})
    near = [other for other in known if name and (name in other or other in name)] or known
    return f"no module called in this iteration has the path {name!r}; there are {', '.join(near[:_FEW]) or 'none'}"


def _gradient_named(name: str, graph: Graph, replay: Replay) -> Named:
    parameter = name.removeprefix("grad:").removeprefix("param:")
    ref = OutsideRef(f"param:{parameter}")
    known = [outside.removeprefix("param:") for outside in replay.gradients if outside.startswith("param:")]
    if ref.name in graph.outside and replay.gradient(ref) is not None:
        owner = parameter.rpartition(".")[0]
        return Named(ref, owner, f"grad:{parameter}", parameter, "gradient")
    if not known:
        raise CreditError("there is no backward pass to replay at this iteration, so no parameter has a gradient")
    near = [other for other in known if parameter and (parameter in other or other in parameter)] or known
    raise UsageError(f"no parameter {parameter!r} has a gradient in this iteration; there are {', '.join(near[:_FEW])}")


def _node_named(number: str, graph: Graph) -> NodeRef:
    if not number.isdecimal() or int(number) >= len(graph.nodes):
        raise UsageError(f"there is no node {number!r}; nodes go from 0 to {len(graph.nodes) - 1} (`nodes` lists them)")
    node = graph.nodes[int(number)]
    outs = [out for out, meta in enumerate(node.outs) if meta is not None]
    if not outs:
        raise UsageError(f"node {number} ({node.name}) gives no tensor; choose another (`nodes` lists them)")
    return NodeRef(node.id, outs[0])


def _value(named: Named, reader: Reader, replay: Replay) -> Tensor:
    """The numbers that are explained, half precision widened."""
    gradient = replay.gradient(named.ref) if named.of == "gradient" else None
    if gradient is None:
        return reader.value(named.ref)
    return gradient.float() if gradient.dtype in (torch.float16, torch.bfloat16) else gradient


def _counted(target: Target, value: Tensor, layout: Layout) -> Target:
    """With its value, and how many elements that is summed over."""
    chosen = value[mask_of_target(value.shape, target, layout)]
    total = float(chosen.double().sum())
    amount = f"{total:.4g}" if chosen.numel() == 1 else f"{total:.4g}, summed over {chosen.numel()} elements"
    return replace(target, value=total, text=f"{target.text} = {amount}")


def _finite_or_cause(target: Target, value: Tensor, replay: Replay, layout: Layout, birth: "Birth | None") -> Target:
    if not value.dtype.is_floating_point:
        return target
    if torch.isfinite(value[mask_of_target(value.shape, target, layout)]).all():
        return target
    if birth is None or (birth.phase == "backward" and target.of == "value"):
        raise CreditError(f"{target.text} is not finite and nothing that is to blame was found; ask for another target")
    cause = cause_of(birth, replay)
    asked = target.text.rpartition(" = ")[0]
    return replace(cause, text=f"{asked} is not finite; where that began: {cause.text}")
