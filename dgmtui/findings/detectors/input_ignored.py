"""An output that does not depend on the input: with the samples exchanged, it stays as it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import ReplayError
from dgmtui.findings.batches import chosen, named, value_of
from dgmtui.findings.case import Case
from dgmtui.findings.loss_terms import ancestors, loss_terms, origins
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import SnapshotInfo
from dgmtui.trace.batch import batch_axes
from dgmtui.trace.graph import Graph, OutsideRef, Ref

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay

_SNAPSHOTS = 2


@dataclass(frozen=True)
class Unheard:
    """An input that changes nothing."""

    snapshot: SnapshotInfo
    graph: Graph
    name: str
    """Of the outside tensor; empty where none of the batch goes into the output at all."""
    output: Ref


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
        before = value_of(replay, output)
        for name, axis in _features(graph, behind).items():
            if _is_varied(replay, name, axis) and _unchanged(replay, name, axis, output, before):
                yield Unheard(snapshot, graph, name, output)
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


def _unchanged(replay: "Replay", name: str, axis: int, output: Ref, before: NDArray[Any]) -> bool:
    """Whether the output stays as it was, up to rounding, with every sample exchanged for the next."""
    feeds = {**replay.feeds, name: replay.feeds[name].detach().roll(1, axis)}
    again = replay.again(feeds=feeds, differentiable=False, keeping=(output,))
    again.forward()
    after = value_of(again, output)
    scale = float(np.max(np.abs(before), initial=0.0))
    return bool(np.allclose(after, before, rtol=0, atol=1e-6 * max(scale, 1e-30), equal_nan=True))


def _finding(case: Case, unheard: Unheard) -> Finding:
    graph, snapshot = unheard.graph, unheard.snapshot
    name = unheard.name.partition(":")[2]
    message = (
        f"The output does not depend on `{name}`: with each sample exchanged for another, "
        f"{named(graph, unheard.output)} is what it was."
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
        module=outermost.module,
        message=message,
        advice=(
            "Follow the input through the forward pass: it is overwritten, multiplied by zero, taken at one position, "
            "or an earlier tensor is used in its place."
        ),
        evidence=(Evidence("list", "the operations of the forward pass by source line"),),
        data={"input": unheard.name},
    )
