"""Predictions and targets whose shapes differ, so that each sample is compared with every other's target."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dgmtui.findings.case import Case
from dgmtui.findings.losses.loss_terms import ancestors, before, origins
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

_PAIRED = frozenset({"aten.sub", "aten.rsub", "aten.mul", "aten.add", "aten.div", "aten.eq", "aten.where"})
_LOSSES = frozenset(
    "aten.mse_loss aten.huber_loss aten.smooth_l1_loss aten.binary_cross_entropy aten.soft_margin_loss "
    "aten.binary_cross_entropy_with_logits".split()
)
_EXPANDS = frozenset({"aten.expand"})


@dataclass(frozen=True)
class Spread:
    """An operation whose two operands have as many elements each, and whose result has far more."""

    node: Node
    learned: tuple[int, ...]
    given: tuple[int, ...]
    result: tuple[int, ...]


@detector("broadcast_targets")
def broadcast_targets(case: Case) -> Iterator[Finding]:
    """(N,) against (N, 1) broadcasts to (N, N): every prediction is compared with every sample's target."""
    told: set[str] = set()
    for snapshot in case.snapshots:
        graph = case.graph_of(snapshot)
        for spread in () if graph is None else graph.once(spreads):
            assert graph is not None
            place = str(spread.node.source)
            if place not in told:
                told.add(place)
                yield _finding(case, graph, spread, snapshot.iteration, snapshot.turn)


def spreads(graph: Graph) -> tuple[Spread, ...]:
    """All of a graph that go into its loss."""
    reaching, known = ancestors(graph, graph.loss), origins(graph)
    found = []
    for node in graph.nodes:
        if node.name not in _PAIRED | _LOSSES or NodeRef(node.id) not in reaching or len(node.args) < 2:
            continue
        first, second = node.args[:2]
        if not isinstance(first, NodeRef | OutsideRef) or not isinstance(second, NodeRef | OutsideRef):
            continue
        if (first in known.learned) == (second in known.learned):
            continue
        learned, given = (first, second) if first in known.learned else (second, first)
        shapes = _shape(graph, learned), _shape(graph, given)
        result = _broadcast(*shapes)
        sizes = [math.prod(shape) for shape in shapes]
        ranks_differ = len(shapes[0]) != len(shapes[1])
        if sizes[0] == sizes[1] > 1 and math.prod(result) > sizes[0] and (ranks_differ or node.name in _LOSSES):
            found.append(Spread(node, *shapes, result))
    return tuple(found)


def _shape(graph: Graph, ref: Ref) -> tuple[int, ...]:
    return graph.meta(before(graph, ref, _EXPANDS)).shape


def _broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    rank = max(len(first), len(second))
    pairs = zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True)
    return tuple(max(a, b) for a, b in pairs)


def _finding(case: Case, graph: Graph, spread: Spread, iteration: int, turn: str) -> Finding:
    node = spread.node
    return Finding(
        kind="target_range",
        severity=Severity.ERROR,
        iteration=iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=turn or None,
        module=graph.module_of(node),
        op=node.name,
        **line_of(node.source),
        value=float(math.prod(spread.result)),
        message=(
            f"`{node.name}` broadcasts the network's output {list(spread.learned)} and the target {list(spread.given)} "
            f"to {list(spread.result)}: each output is compared with every sample's target, and the best it can do is "
            "to predict their mean."
        ),
        advice="Bring both to one shape before the loss: output.squeeze(-1), or target.unsqueeze(-1).",
        evidence=(Evidence(f"inputs node:{node.id}", f"{list(spread.learned)} against {list(spread.given)}"),),
        data={"output": list(spread.learned), "target": list(spread.given), "result": list(spread.result)},
    )
