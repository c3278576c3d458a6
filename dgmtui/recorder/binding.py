"""A trace taken in one iteration, and where its outside tensors are found in another."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recorder.frames import Variable, find_variable, read_variable
from dgmtui.recorder.naming import Names
from dgmtui.recorder.narrowing import narrow
from dgmtui.recorder.window import Window
from dgmtui.trace.assemble import Traced
from dgmtui.trace.graph import Graph, Node, Outside, OutsideRef
from dgmtui.trace.operations import run_node
from dgmtui.trace.tensors import meta_of


@dataclass(frozen=True)
class Argument:
    """An argument of an outermost module call."""

    call: int
    """Which tensor argument of the window, counted over its outermost calls."""


@dataclass
class Plan:
    """A finished trace with the place of every outside tensor."""

    graph: Graph
    places: dict[str, Argument | Variable]
    literals: dict[str, Tensor]
    missing: tuple[str, ...]
    """What could not be found, in words."""
    refused: str
    signature: str
    resumed: tuple[int, ...] = ()
    """The first node of each part of the window but the first."""
    generation: int = 0
    """Of the names; where the parameters are others since, the trace is out of date."""
    trace_id: int = -1
    """In the recording, once it was written there."""
    feeds_now: dict[str, Tensor] = field(default_factory=dict)
    """The outside tensors of the iteration that was traced; let go when it ends."""
    loose: dict[str, weakref.ref[Tensor]] = field(default_factory=dict)
    """Parameters that no module holds, by the name of their variable."""
    cuts: Mapping[str, Node] = field(default_factory=dict)
    """Outside tensors that are parts of others: the operation that cuts them out."""

    def loose_parameters(self) -> dict[str, Tensor]:
        """Those that still live."""
        return {path: tensor for path, ref in self.loose.items() if (tensor := ref()) is not None}


def finish(window: Window, loss: Tensor, names: Names) -> Plan:
    """End the window's trace at ``loss`` and find a place for every outside tensor.

    Raises:
        ReplayError: the loss was not made while the trace was taken.
    """
    assert window.tracer is not None
    places: dict[str, Argument | Variable] = {}

    def name(tensor: Tensor) -> Outside | None:
        return _name(tensor, window, names, places)

    traced = window.tracer.finish(loss, name, window.signature)
    late = [o.name for o in traced.graph.outside.values() if _made_before(o, traced)]
    missing = [f"a tensor that {' and '.join(u.uses[:2])} took" for u in traced.unnamed]
    missing += [f"what made {item.removeprefix('input:')}" for item in late]
    narrowed = narrow(traced.graph)
    return Plan(
        graph=narrowed.graph,
        cuts=narrowed.cuts,
        places=places,
        literals=dict(traced.literals),
        missing=tuple(missing),
        refused=traced.refused,
        signature=window.signature,
        resumed=traced.resumed,
        generation=names.generation,
        feeds_now=dict(traced.outside),
        loose={
            o.name.removeprefix("param:"): weakref.ref(traced.outside[o.name])
            for o in traced.graph.outside.values()
            if o.kind == "parameter" and names.parameter(traced.outside[o.name]) is None
        },
    )


def feeds_of(plan: Plan, window: Window, names: Names) -> tuple[dict[str, Tensor], list[str]]:
    """This iteration's outside tensors by name, and what could not be found, in words."""
    feeds: dict[str, Tensor] = {}
    missing = list(plan.missing)
    parameters, buffers = names.parameters, names.buffers
    for outside in plan.graph.outside.values():
        path = outside.name.partition(":")[2]
        found: Tensor | None
        if outside.kind == "parameter":
            found = parameters.get(path)
            found = plan.loose_parameters().get(path) if found is None else found
        elif outside.kind == "buffer":
            found = _buffer(plan, outside.name, window).get(path, buffers.get(path))
        else:
            found = _input(plan, outside.name, window)
        if found is None or tuple(found.shape) != outside.meta.shape:
            missing.append(f"{path} ({outside.origin})" if outside.origin else path)
        else:
            feeds[outside.name] = found
    return feeds, missing


def _buffer(plan: Plan, name: str, window: Window) -> Mapping[str, Tensor]:
    """The copies that were made before the part of the pass that first takes this buffer."""
    first = min(plan.graph.users(OutsideRef(name)), default=0)
    part = sum(node <= first for node in plan.resumed)
    return window.parts[min(part, len(window.parts) - 1)].buffers


def _input(plan: Plan, name: str, window: Window) -> Tensor | None:
    """A tensor that is neither parameter nor buffer; None where it is not found."""
    if name in plan.cuts:
        parts = {ref: _input(plan, ref.name, window) for ref in plan.cuts[name].inputs() if isinstance(ref, OutsideRef)}
        found = {ref: part for ref, part in parts.items() if part is not None}
        try:
            return run_node(plan.cuts[name], lambda ref: found[ref])[0] if len(found) == len(parts) else None  # type: ignore[index]
        except ReplayError:
            return None
    if name in plan.literals:
        return plan.literals[name]
    known = plan.feeds_now.get(name)
    return _look_up(plan.places, name, window) if known is None else known


def _name(tensor: Tensor, window: Window, names: Names, places: dict[str, Argument | Variable]) -> Outside | None:
    parameter, buffer = names.parameter(tensor), names.buffer(tensor)
    if parameter is not None:
        return Outside(f"param:{parameter}", "parameter", meta_of(tensor), "parameter")
    if buffer is not None:
        return Outside(f"buffer:{buffer}", "buffer", meta_of(tensor), "buffer")
    place = _place(tensor, window)
    if place is None:
        return None
    short, origin = _described(place, window)
    leaf = tensor.requires_grad and tensor.is_leaf
    trained = leaf and (names.trains(tensor) or not isinstance(place, Argument))  # a penalty's input is a leaf too
    name = _free(f"param:{short}" if trained else f"input:{short}", places)
    places[name] = place
    return Outside(name, "parameter" if trained else "input", meta_of(tensor), origin)


def _place(tensor: Tensor, window: Window) -> Argument | Variable | None:
    """An argument of the model comes first: it is held for certain; its variable may be assigned anew."""
    for number, (_, _, argument) in enumerate(window.arguments):
        if argument._cdata == tensor._cdata:
            return Argument(number)
    return find_variable(tensor)


def _described(place: Argument | Variable, window: Window) -> tuple[str, str]:
    if isinstance(place, Variable):
        return str(place), f"variable {place} of {place.function}"
    call, path, tensor = window.arguments[place.call]
    variable = find_variable(tensor)
    shown = "".join(f"[{key!r}]" for key in path)
    return str(variable) if variable else f"argument{place.call}", f"argument {shown} of {call or 'the model'}"


def _free(name: str, taken: Mapping[str, object]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}#{number}", number + 1
    return free


def _look_up(places: Mapping[str, Argument | Variable], name: str, window: Window) -> Tensor | None:
    place = places.get(name)
    if isinstance(place, Argument):
        return window.arguments[place.call][2] if place.call < len(window.arguments) else None
    if place is None:
        return None
    try:
        value = read_variable(place)
    except LookupError:
        return None
    return value if isinstance(value, Tensor) else None


def _made_before(outside: Outside, traced: Traced) -> bool:
    """It carries a history that the trace did not see, and that matters: it is not only taken to be detached."""
    tensor = traced.outside[outside.name]
    if outside.kind != "input" or not tensor.requires_grad or tensor.is_leaf:
        return False
    users = [traced.graph.nodes[i] for i in traced.graph.users(OutsideRef(outside.name))]
    return any(user.grad_enabled and user.name != "aten.detach" for user in users) or not users
