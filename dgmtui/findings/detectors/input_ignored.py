"""An output that does not depend on the input: with the samples exchanged, it stays as it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import ReplayError
from dgmtui.findings.case import Case
from dgmtui.findings.losses.batches import chosen, named, value_of
from dgmtui.findings.losses.loss_terms import ancestors, loss_terms, origins
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.recording.model import SnapshotInfo
from dgmtui.trace.batch import batch_axes
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay

_SNAPSHOTS = 2
_GIVE_NOTHING = frozenset(
    "aten.relu aten.hardtanh aten.threshold aten.hardswish aten.sigmoid aten.hardsigmoid aten.tanh aten.softplus "
    "aten._softmax aten._log_softmax aten.clamp aten.clamp_min aten.clamp_max aten.silu aten.gelu aten.elu".split()
)
"""Where these give the same for every sample they are dead or saturated, which is another finding."""


@dataclass(frozen=True)
class Unheard:
    """An input that changes nothing."""

    snapshot: SnapshotInfo
    graph: Graph
    name: str
    """Of the outside tensor; empty where none of the batch goes into the output at all."""
    output: Ref
    lost: Node | None = None
    """The operation at which what differs between samples is lost."""


@detector("input_ignored")
def input_ignored(case: Case) -> Iterator[Finding]:
    """The network's output is the same whichever samples go in, from the first iterations on."""
    looked: dict[str, list[list[Unheard]]] = {}
    for snapshot in chosen(case) if case.source is not None else ():
        graph = case.graph_of(snapshot)
        seen = looked.setdefault(snapshot.turn, [])
        if graph is None or len(seen) >= _SNAPSHOTS:
            continue
        replay = case.replay(snapshot)
        if replay is not None:
            seen.append(list(_unheard(snapshot, graph, replay)))
    for seen in looked.values():
        if len(seen) == _SNAPSHOTS:
            always = {each.name for each in seen[1]}
            yield from (_finding(case, each) for each in seen[0] if each.name in always)


def _unheard(snapshot: SnapshotInfo, graph: Graph, replay: "Replay") -> Iterator[Unheard]:
    output = _output(graph)
    if output is None:
        return
    behind = ancestors(graph, output)
    if not any(_brings_something(graph, ref) for ref in behind):
        yield Unheard(snapshot, graph, "", output)
        return
    try:
        for name, axis in _features(graph, behind).items():
            lost = _lost(replay, name, axis, output, behind) if _is_varied(replay, name, axis) else None
            if lost is not None and lost.name.rstrip("_") not in _GIVE_NOTHING:
                yield Unheard(snapshot, graph, name, output, lost)
    except ReplayError:
        return


def _output(graph: Graph) -> Ref | None:
    """What is compared with the targets, where modules with parameters made it of a batch."""
    terms = [term for term in loss_terms(graph) if term.from_data]
    outermost = [call for call in graph.calls if call.parent < 0]
    if not terms or not outermost or not batch_axes(graph):
        return None
    return terms[-1].prediction if terms[-1].prediction in origins(graph).learned else None


def _brings_something(graph: Graph, ref: Ref) -> bool:
    """Whether it differs from iteration to iteration: the batch, or a draw."""
    if isinstance(ref, OutsideRef):
        outside = graph.outside[ref.name]
        return outside.kind == "input" and not ref.name.startswith("input:literal")
    return graph.nodes[ref.node].random


def _features(graph: Graph, behind: set[Ref]) -> dict[str, int]:
    """The outside tensors of the batch that go into the output and into a module, with the axis of their samples."""
    entering = {ref for call in graph.calls for ref in call.inputs}
    return {
        ref.name: axis
        for ref, axis in batch_axes(graph).items()
        if isinstance(ref, OutsideRef) and ref in behind and ref in entering and graph.meta(ref).dtype != "bool"
    }


def _is_varied(replay: "Replay", name: str, axis: int) -> bool:
    """Whether its samples differ at all."""
    values = np.moveaxis(value_of(replay, OutsideRef(name)), axis, 0)
    return len(values) > 1 and bool(np.any(values != values[:1]))


def _lost(replay: "Replay", name: str, axis: int, output: Ref, behind: set[Ref]) -> Node | None:
    """The last operation that takes what changes and gives what does not, when every sample is exchanged for the next;
    None where the output changes, beyond rounding."""
    feeds = {**replay.feeds, name: replay.feeds[name].detach().roll(1, axis)}
    again = replay.again(feeds=feeds, differentiable=False)
    again.forward(to=output.node if isinstance(output, NodeRef) else None)
    changed: set[Ref] = {OutsideRef(name)}
    lost: Node | None = None
    for node in replay.graph.nodes[: output.node + 1 if isinstance(output, NodeRef) else 0]:
        results = [NodeRef(node.id, out) for out, meta in enumerate(node.outs) if meta is not None]
        if not any(ref in changed for ref in node.inputs()) or not any(ref in behind for ref in results):
            continue
        differ = [ref for ref in results if _differ(value_of(replay, ref), value_of(again, ref))]
        changed.update(differ)
        changed.update(node.mutates if differ else ())
        lost = lost if differ else node
    return None if output in changed else lost


def _differ(before: NDArray[Any], after: NDArray[Any]) -> bool:
    """Whether they are not the same up to rounding."""
    if before.dtype.kind not in "fc":
        return not np.array_equal(before, after)
    scale = float(np.max(np.abs(before), initial=0.0, where=np.isfinite(before)))
    return not np.allclose(after, before, rtol=0, atol=1e-6 * scale, equal_nan=True)


def _finding(case: Case, unheard: Unheard) -> Finding:
    graph, snapshot, lost = unheard.graph, unheard.snapshot, unheard.lost
    name = unheard.name.partition(":")[2]
    message = (
        f"The output does not depend on `{name}`: with each sample exchanged for another, "
        f"{named(graph, unheard.output)} is what it was{_place(unheard)}."
        if name
        else f"Nothing of the batch goes into {named(graph, unheard.output)}: the output is made of parameters alone."
    )
    outermost = next(call for call in graph.calls if call.parent < 0)
    return Finding(
        kind="input_ignored",
        severity=Severity.ERROR,
        iteration=snapshot.iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=snapshot.turn or None,
        module=outermost.module if lost is None else graph.module_of(lost),
        op=None if lost is None else lost.name,
        **line_of(None if lost is None else lost.source),
        message=message,
        advice=(
            "Follow the input through the forward pass: it is overwritten, multiplied by zero, taken at one position, "
            "or an earlier tensor is used in its place."
        ),
        evidence=(Evidence("list", "the operations of the forward pass by source line"),),
        data={"input": unheard.name},
    )


def _place(unheard: Unheard) -> str:
    """Where it is lost, in words."""
    if unheard.lost is None:
        return ""
    return f"; `{unheard.lost.name}` is the last that takes something of it, and gives the same for all"
