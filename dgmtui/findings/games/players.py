"""What the outermost modules of one iteration were called on and gave: for telling who judges and who makes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.trace.graph import Graph, NodeRef, Ref

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.trace.replay import Replay


@dataclass(frozen=True)
class Play:
    """One call of an outermost module that has parameters."""

    module: str
    type: str
    index: int
    made_by: frozenset[str]
    """Other outermost modules that what went in was made by, through any operations, detached or not."""
    real: bool
    """What went in was made by no module: it is data, or noise."""
    parameters: frozenset[str]
    """Of the module that the trace holds."""
    scores: NDArray[np.float64] | None
    """``[S]``, the mean of what came out, by sample; None where more than a verdict came out."""
    spread: float
    """Of what came out: root mean square over its elements of the standard deviation over the samples."""
    taken_spread: float
    """The same of what went in."""
    gradient: float | None
    """L2 norm of the loss's gradient by what came out."""
    samples: int


def plays(replay: "Replay") -> Iterator[Play]:
    """Every call of an outermost module with parameters, in order."""
    graph = replay.graph
    made = _makers(graph)
    parameters = {name.removeprefix("param:") for name, o in graph.outside.items() if o.kind == "parameter"}
    for call in graph.calls:
        own = frozenset(p for p in parameters if not call.module or p.startswith(f"{call.module}."))
        if call.parent >= 0 or not own or not call.outputs or not call.inputs:
            continue
        given, taken = replay.output(call), replay.value(call.inputs[0], at=call.begin)
        if given.dim() == 0 or not given.numel() or not given.is_floating_point() or not given.shape[0]:
            continue
        makers = made.get(call.inputs[0], frozenset())
        by = replay.gradient(call.outputs[0])
        yield Play(
            call.module, call.type, call.index,
            makers - {call.module},
            not makers,
            own, _scores(given, taken), spread(given), spread(taken),
            None if by is None else float(by.double().norm()),
            int(given.shape[0]),
        )  # fmt: skip


def _makers(graph: Graph) -> dict[Ref, frozenset[str]]:
    """For every tensor, the outermost modules with parameters that it was made by."""
    found: dict[Ref, frozenset[str]] = {}
    outermost = _outermost(graph)
    for node in graph.nodes:
        taken: frozenset[str] = frozenset().union(*(found.get(ref, frozenset()) for ref in node.inputs()))
        maker = outermost[node.call] if node.call >= 0 else None
        for out in range(len(node.outs)):
            found[NodeRef(node.id, out)] = taken if maker is None else taken | {maker}
    return found


def _outermost(graph: Graph) -> list[str | None]:
    """For each call, the path of the outermost one around it; None where that has no parameters."""
    paths: list[str | None] = []
    parameters = [name.removeprefix("param:") for name, o in graph.outside.items() if o.kind == "parameter"]
    for call in graph.calls:
        if call.parent >= 0:
            paths.append(paths[call.parent])
        else:
            owns = any(not call.module or p.startswith(f"{call.module}.") for p in parameters)
            paths.append(call.module if owns else None)
    return paths


def _scores(given: "Tensor", taken: "Tensor") -> NDArray[np.float64] | None:
    samples = given.shape[0]
    each, into = given.numel() // samples, taken.numel() // max(1, taken.shape[0] if taken.dim() else 1)
    small = each == 1 or (given.dim() > 1 and given.shape[1] == 1 and each < into)
    if not small or taken.dim() == 0 or taken.shape[0] != samples:
        return None
    found: NDArray[np.float64] = given.detach().double().reshape(samples, -1).mean(dim=1).numpy()
    return found


def spread(t: "Tensor") -> float:
    """Root mean square over the elements of a sample of the standard deviation over the samples."""
    if t.dim() == 0 or t.shape[0] < 2 or not t.is_floating_point():
        return float("nan")
    return float(t.detach().double().reshape(t.shape[0], -1).var(dim=0).mean().sqrt())
