"""The tensors that an expression names, taken from a replay."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session.expression import Reference, evaluate
from dgmtui.trace.graph import NodeRef, OutsideRef

if TYPE_CHECKING:
    import torch

    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.replayed import Replayed
    from dgmtui.session.session import Session
    from dgmtui.session.summary import Value
    from dgmtui.trace.graph import Call, Graph, Ref


def print_value(session: "Session", text: str, snapshot: "SnapshotInfo | None" = None) -> "tuple[Replayed, Value]":
    """The value of an expression at a snapshot (that at or before the cursor), and the replay it was taken from.

    Raises:
        UsageError: it does not parse or names nothing.
        ReplayError: there is nothing to take it from.
    """
    made = session.results.replay(snapshot or session.needed_snapshot())
    return made, evaluate(text, lambda reference: _tensor(session, made, reference))


def snapshots_at(session: "Session", iterations: "Iterable[int] | None") -> "tuple[SnapshotInfo, ...]":
    """The snapshots at or before iterations, negative ones counted from the last, each once; None: all there are.

    Raises:
        UsageError: there is none at or before one of them.
    """
    if iterations is None:
        found = list(session.recording.snapshots)
    else:
        count, found = session.recording.last_iteration + 1, []
        for iteration in iterations:
            wanted = count + iteration if iteration < 0 else iteration
            snapshot = session.recording.nearest_snapshot(min(wanted, count - 1)) if wanted >= 0 else None
            if snapshot is None:
                kept = ", ".join(str(s.iteration) for s in session.recording.snapshots) or "none"
                raise UsageError(f"no snapshot at or before {iteration}; there are: {kept}")
            found.append(snapshot)
    unique = {(snapshot.iteration, snapshot.turn): snapshot for snapshot in found}
    return tuple(unique.values())


def outside_name(session: "Session", graph: "Graph", reference: Reference) -> str | None:
    """The outside tensor that is named: by its kind and name, or ``input[I]`` for the I-th input of the trace.

    None where it is a module, a node, a gradient or the loss that is named.

    Raises:
        UsageError: there is no such outside tensor.
    """
    if reference.kind in ("input", "param", "buffer"):
        full = f"{reference.kind}:{reference.name}"
        if full not in graph.outside:
            known = [outside for outside in graph.outside if outside.startswith(reference.kind + ":")]
            raise UsageError(f"no {full!r} in this iteration; there are: {_few(known)}")
        return full
    if (reference.kind, reference.name) != ("module", "input") or reference.unit is None:
        return None
    if any(module.path == "input" for module in session.recording.modules):
        return None
    fed = [o.name for o in graph.outside.values() if o.kind == "input" and not o.name.startswith("input:literal")]
    if reference.unit >= len(fed):
        raise UsageError(f"no input[{reference.unit}] in this iteration; there are: {_few(fed)}")
    return fed[reference.unit]


def _tensor(session: "Session", made: "Replayed", reference: Reference) -> "torch.Tensor":
    replay, name = made.replay, reference.name
    if (outside := outside_name(session, replay.graph, reference)) is not None:
        return replay.value(OutsideRef(outside))
    match reference.kind:
        case "loss":
            return replay.loss
        case "node":
            return replay.value(_node(made, name))
        case "grad":
            return _gradient(made, name)
    return _module_output(session, made, reference)


def _gradient(made: "Replayed", name: str) -> "torch.Tensor":
    """Of a parameter or input, of a node's result, or of what a module gives out."""
    replay = made.replay
    found = next((key for key in (f"param:{name}", f"input:{name}") if key in replay.gradients), None)
    if found is not None:
        return replay.gradients[found]
    ref: Ref | None = _node(made, name.removeprefix("node:")) if name.startswith("node:") else None
    module = "" if name == "." else name.removeprefix("module:")
    calls = [call for call in replay.graph.calls if call.module == module and call.outputs]
    if ref is None and calls:
        ref = calls[-1].outputs[0]
    gradient = None if ref is None else replay.gradient(ref)
    if gradient is not None:
        return gradient
    if ref is not None:
        raise UsageError(f"no gradient reaches {name}" + (f": {made.no_gradients}" if made.no_gradients else ""))
    raise UsageError(
        f"nothing named {name!r} has a gradient; there are those of {_few(replay.gradients)}, of node:ID and of modules"
    )


def _node(made: "Replayed", text: str) -> NodeRef:
    nodes = made.replay.graph.nodes
    number, _, out = text.partition(".")
    if not number.isdecimal() or int(number) >= len(nodes):
        raise UsageError(f"no node {text!r}; there are 0 to {len(nodes) - 1}, `nodes` lists them")
    outs = nodes[int(number)].outs
    place = int(out) if out.isdecimal() else 0
    if place >= len(outs) or outs[place] is None:
        raise UsageError(f"node {number} has no tensor {place}")
    return NodeRef(int(number), place)


def _module_output(session: "Session", made: "Replayed", reference: Reference) -> "torch.Tensor":
    info = session.recording.module(reference.name)
    call = _last_call(made, reference.name)
    output = made.replay.output(call)
    if reference.sample is not None:
        if not output.dim() or reference.sample >= output.shape[0]:
            raise UsageError(f"{reference.name} has {output.shape[0] if output.dim() else 0} samples")
        output = output[reference.sample : reference.sample + 1]
    if reference.unit is not None:
        if info.unit_axis is None or info.unit_axis >= output.dim():
            raise UsageError(f"{reference.name} has no units to choose from")
        if reference.unit >= output.shape[info.unit_axis]:
            raise UsageError(f"{reference.name} has units 0 to {output.shape[info.unit_axis] - 1}")
        output = output.select(info.unit_axis, reference.unit)
    return output[0] if reference.sample is not None and output.dim() else output


def _last_call(made: "Replayed", module: str) -> "Call":
    calls = [call for call in made.replay.graph.calls if call.module == module and call.outputs]
    if not calls:
        raise UsageError(f"module {module!r} gave out no tensor in this iteration")
    return calls[-1]


def _few(names: Iterable[str], most: int = 8) -> str:
    listed = [name.partition(":")[2] for name in names]
    return ", ".join(listed[:most]) + (", …" if len(listed) > most else "") if listed else "none"
