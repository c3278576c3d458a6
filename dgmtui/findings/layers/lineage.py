"""Where an operation's input comes from, read off a trace without running it."""

from dataclasses import dataclass

from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Ref

MOVING = frozenset(
    "view reshape _unsafe_view permute transpose t flatten squeeze unsqueeze clone contiguous detach alias slice "
    "select expand _to_copy".split()
)
"""Operations whose result holds values of their first argument and no others."""


@dataclass(frozen=True)
class Affine:
    """``scale · x + shift`` of the output of a module."""

    call: Call
    scale: float
    shift: float


def output_call(graph: Graph, ref: Ref) -> Call | None:
    """The innermost module call that made ``ref`` and gave it out; one that hands its input on did not make it."""
    if not isinstance(ref, NodeRef):
        return None
    calls = [call for call in graph.calls if ref in call.outputs and call.begin <= ref.node < call.end]
    return max(calls, key=lambda call: call.id, default=None)


def affine_source(graph: Graph, ref: Ref) -> Affine | None:
    """The module output that ``ref`` is an affine function of, through literals only; None where there is none."""
    scale, shift = 1.0, 0.0
    while isinstance(ref, NodeRef):
        call = output_call(graph, ref)
        if call is not None:
            return Affine(call, scale, shift)
        node = graph.nodes[ref.node]
        step = _affine_step(node)
        if step is None or not isinstance(node.args[0], NodeRef):
            return None
        factor, offset = step
        shift += scale * offset
        scale *= factor
        ref = node.args[0]
    return None


def called_with(graph: Graph | None, module: str) -> Call | None:
    """The first call of a module."""
    return next((call for call in graph.calls if call.module == module), None) if graph else None


def feeding_call(graph: Graph, call: Call) -> Call | None:
    """The module call whose output is the first input of ``call``."""
    return made_by(graph, call.inputs[0], call) if call.inputs else None


def made_by(graph: Graph, ref: Ref, taker: Call | None = None) -> Call | None:
    """The module call whose output ``ref`` is, moved about at most; ``taker`` itself does not count."""
    while isinstance(ref, NodeRef):
        source = output_call(graph, ref)
        if source is not None and source is not taker:
            return source
        node = graph.nodes[ref.node]
        if _operation(node) not in MOVING or not isinstance(node.args[0], NodeRef):
            return None
        ref = node.args[0]
    return None


def downstream_of(graph: Graph, node: int) -> set[int]:
    """The nodes that are computed of a node's results, itself not among them."""
    found: set[int] = set()
    for later in graph.nodes[node + 1 :]:
        if any(isinstance(ref, NodeRef) and (ref.node == node or ref.node in found) for ref in later.inputs()):
            found.add(later.id)
    return found


def _operation(node: Node) -> str:
    return node.op.split(".")[1]


def _affine_step(node: Node) -> tuple[float, float] | None:
    """``(factor, offset)`` of an operation that is affine in its first argument with literal coefficients."""
    name, args = _operation(node), node.args
    if name in MOVING:
        return 1.0, 0.0
    if name == "neg":
        return -1.0, 0.0
    literal = args[1] if len(args) > 1 else None
    if isinstance(literal, bool) or not isinstance(literal, int | float):
        return None
    alpha = args[2] if len(args) > 2 else node.kwargs.get("alpha", 1)
    if name in ("add", "sub") and alpha == 1:
        return 1.0, float(literal) if name == "add" else -float(literal)
    if name == "mul":
        return float(literal), 0.0
    if name == "div" and literal != 0 and not node.kwargs:
        return 1.0 / literal, 0.0
    return None
