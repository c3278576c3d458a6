"""What values an operation can give at all, whatever goes into it: a sigmoid nothing outside (0, 1)."""

import math
from dataclasses import dataclass

from dgmtui.findings.losses.loss_terms import MOVES, before
from dgmtui.trace.graph import Graph, Node, NodeRef, Ref


@dataclass(frozen=True)
class Reach:
    """An interval that the values of a tensor can't leave."""

    low: float
    high: float
    node: Node
    """The operation that bounds them."""

    @property
    def words(self) -> str:
        """As a sentence writes it."""
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        if math.isinf(self.low):
            return f"at most {self.high:g}"
        return f"{self.low:g} to {self.high:g}"


_INTERVALS = {
    "aten.sigmoid": (0.0, 1.0),
    "aten._softmax": (0.0, 1.0),
    "aten.hardsigmoid": (0.0, 1.0),
    "aten.tanh": (-1.0, 1.0),
    "aten.relu": (0.0, math.inf),
    "aten.softplus": (0.0, math.inf),
    "aten.exp": (0.0, math.inf),
    "aten.abs": (0.0, math.inf),
    "aten._log_softmax": (-math.inf, 0.0),
    "aten.log_sigmoid_forward": (-math.inf, 0.0),
    "aten.silu": (-0.2785, math.inf),
    "aten.gelu": (-0.1700, math.inf),
}
"""Of each bounded activation function, by definition; those of ``silu`` and ``gelu`` are their minima."""
_CLAMPS = frozenset({"aten.hardtanh", "aten.clamp", "aten.clamp_min", "aten.clamp_max"})


def reach_of(graph: Graph, ref: Ref) -> Reach | None:
    """The interval that ``ref`` can't leave, through literal factors and offsets; None where there is no such bound."""
    scale, shift = 1.0, 0.0
    while True:
        ref = before(graph, ref, MOVES)
        if not isinstance(ref, NodeRef):
            return None
        node = graph.nodes[ref.node]
        bounds = _bounds(node)
        if bounds is not None:
            ends = sorted(scale * bound + shift if math.isfinite(bound) else scale * bound for bound in bounds)
            return Reach(ends[0], ends[1], node)
        step = _affine(node)
        if step is None:
            return None
        shift += scale * step[1]
        scale *= step[0]
        source = node.args[0]
        if scale == 0 or not isinstance(source, NodeRef):
            return None
        ref = source


def _bounds(node: Node) -> tuple[float, float] | None:
    name = node.name.rstrip("_")
    if name == "aten.elu":
        return (-1.0, math.inf) if len(node.args) == 1 else None
    if name in _CLAMPS:
        given = [*node.args[1:], None, None]
        low, high = (each if isinstance(each, int | float) else None for each in given[:2])
        if name == "aten.hardtanh":
            low, high = (-1.0 if low is None else low), (1.0 if high is None else high)
        if name == "aten.clamp_max":
            low, high = None, low
        ends = -math.inf if low is None else float(low), math.inf if high is None else float(high)
        return None if ends == (-math.inf, math.inf) else ends
    return _INTERVALS.get(name)


def _affine(node: Node) -> tuple[float, float] | None:
    literal = node.args[1] if len(node.args) > 1 else None
    if node.name == "aten.neg":
        return -1.0, 0.0
    if isinstance(literal, bool) or not isinstance(literal, int | float) or node.kwargs or len(node.args) > 2:
        return None
    match node.name:
        case "aten.mul":
            return float(literal), 0.0
        case "aten.div":
            return (1 / literal, 0.0) if literal else None
        case "aten.add":
            return 1.0, float(literal)
        case "aten.sub":
            return 1.0, -float(literal)
    return None
