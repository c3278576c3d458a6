"""Where a trace compares what the network gives with what it should give: read off the graph, however it is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from dgmtui.findings.layers.lineage import MOVING
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref


class Form(StrEnum):
    """How a term of the loss compares."""

    SQUARED = "squared"
    """By squares, near zero at least: ``mse_loss``, ``huber_loss``, ``smooth_l1_loss``, ``(p - y) ** 2``."""
    ABSOLUTE = "absolute"
    NLL = "nll"
    """Log-probabilities with class indices."""
    SOFT_NLL = "soft_nll"
    """Log-probabilities with a distribution over the classes."""
    BCE = "bce"
    """Probabilities with numbers in [0, 1]."""
    BCE_LOGITS = "bce_logits"
    """The same, before the sigmoid."""


@dataclass(frozen=True)
class LossTerm:
    """One comparison that goes into the loss."""

    node: int
    """Id of the operation that compares."""
    form: Form
    prediction: Ref
    """What is learned, before it was broadcast."""
    target: Ref
    """What it is compared with, before it was broadcast: no gradient flows into it."""
    from_data: bool
    """No parameter goes into the target, not even without a gradient."""
    is_function: bool
    """One loss function of torch, not a subtraction in the user's code."""


_FUNCTIONS = {
    "aten.mse_loss": Form.SQUARED,
    "aten.huber_loss": Form.SQUARED,
    "aten.smooth_l1_loss": Form.SQUARED,
    "aten.binary_cross_entropy": Form.BCE,
    "aten.binary_cross_entropy_with_logits": Form.BCE_LOGITS,
    "aten.nll_loss_forward": Form.NLL,
    "aten.nll_loss2d_forward": Form.NLL,
}
_DIFFERENCES = frozenset({"aten.sub", "aten.rsub"})
_SQUARES = frozenset({"aten.pow", "aten.square"})
_NORMS = frozenset({"aten.norm", "aten.linalg_vector_norm"})
_CUTS = frozenset({"aten.detach", "aten.detach_"})


@dataclass(frozen=True)
class Origins:
    """What each result of a trace comes from."""

    learned: frozenset[Ref]
    """A gradient flows from it back to a leaf."""
    tainted: frozenset[Ref]
    """A parameter or buffer goes into it, with or without a gradient."""


def origins(graph: Graph) -> Origins:
    """What is learned and what has seen a parameter; found once a graph."""
    return graph.once(_origins)


def _origins(graph: Graph) -> Origins:
    learned: set[Ref] = {OutsideRef(o.name) for o in graph.outside.values() if o.meta.requires_grad}
    tainted: set[Ref] = {OutsideRef(o.name) for o in graph.outside.values() if o.kind != "input"}
    tainted |= learned
    for node in graph.nodes:
        results = [NodeRef(node.id, out) for out, meta in enumerate(node.outs) if meta is not None]
        if any(ref in tainted for ref in node.inputs()):
            tainted.update(results)
            tainted.update(node.mutates)
        if node.grad_enabled and node.name not in _CUTS and any(ref in learned for ref in node.inputs()):
            learned.update(ref for ref in results if "float" in graph.meta(ref).dtype)
            learned.update(node.mutates)
    return Origins(frozenset(learned), frozenset(tainted))


def ancestors(graph: Graph, ref: Ref) -> set[Ref]:
    """Everything that goes into ``ref``, itself among it; what was written into a tensor too."""
    writers: dict[Ref, list[Node]] = {}
    for node in graph.nodes:
        for changed in node.mutates:
            writers.setdefault(changed, []).append(node)
    found: set[Ref] = set()
    waiting = [ref]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        if isinstance(one, NodeRef):
            waiting.extend(graph.nodes[one.node].inputs())
        for writer in writers.get(one, ()):
            waiting.extend(writer.inputs())
    return found


def loss_terms(graph: Graph) -> tuple[LossTerm, ...]:
    """The comparisons that go into the loss, in execution order; none where they have a form not known here."""
    return graph.once(_loss_terms)


def _loss_terms(graph: Graph) -> tuple[LossTerm, ...]:
    reaching = ancestors(graph, graph.loss)
    nodes = [node for node in graph.nodes if any(NodeRef(node.id, out) in reaching for out in range(len(node.outs)))]
    return tuple(term for node in nodes for term in _term(graph, node))


def _term(graph: Graph, node: Node) -> Iterator[LossTerm]:
    name = node.name
    if name in _FUNCTIONS:
        yield from _compared(graph, node, _FUNCTIONS[name], node.args[0], node.args[1], is_function=True)
    elif name in _DIFFERENCES and len(node.args) > 1:
        form = _form_of_difference(graph, node)
        if form is not None:
            yield from _compared(graph, node, form, node.args[0], node.args[1])
    elif name == "aten.mul" and len(node.args) > 1:
        for scores, other in (node.args[:2], node.args[1::-1]):
            if _is(graph, scores, "aten._log_softmax"):
                yield from _compared(graph, node, Form.SOFT_NLL, scores, other)
    elif name == "aten.gather" and _is(graph, node.args[0], "aten._log_softmax"):
        yield from _compared(graph, node, Form.NLL, node.args[0], node.args[2])


def _form_of_difference(graph: Graph, node: Node) -> Form | None:
    """How a difference goes on: squared, or by its absolute value."""
    ref = NodeRef(node.id)
    for user in (graph.nodes[i] for i in graph.users(ref)):
        squares = user.name in _SQUARES and (user.name != "aten.pow" or user.args[1] == 2)
        if squares or (user.name == "aten.mul" and user.args[0] == user.args[1] == ref) or user.name in _NORMS:
            return Form.SQUARED
        if user.name == "aten.abs":
            return Form.ABSOLUTE
    return None


def _compared(
    graph: Graph, node: Node, form: Form, first: object, second: object, *, is_function: bool = False
) -> Iterator[LossTerm]:
    """The term, where exactly one of the two is learned."""
    if not isinstance(first, NodeRef | OutsideRef) or not isinstance(second, NodeRef | OutsideRef):
        return
    known = origins(graph)
    if (first in known.learned) == (second in known.learned):
        return
    prediction, target = (first, second) if first in known.learned else (second, first)
    yield LossTerm(
        node.id,
        form,
        before(graph, prediction, frozenset({"aten.expand"})),
        before(graph, target, frozenset({"aten.expand"})),
        target not in known.tainted,
        is_function,
    )


def _is(graph: Graph, ref: object, op: str) -> bool:
    return isinstance(ref, NodeRef) and graph.nodes[ref.node].name == op


MOVES = frozenset(f"aten.{name}" for name in MOVING)
"""Operations whose result holds values of their first argument and no others."""


def before(graph: Graph, ref: Ref, through: frozenset[str] = MOVES) -> Ref:
    """What ``ref`` was before operations of the names ``through``, which take it as their first argument."""
    while isinstance(ref, NodeRef):
        node = graph.nodes[ref.node]
        source = node.args[0] if node.args else None
        if node.name not in through or not isinstance(source, NodeRef | OutsideRef):
            return ref
        ref = source
    return ref


def maker(graph: Graph, ref: Ref, through: frozenset[str] = MOVES) -> Node | None:
    """The operation that made ``ref``, looked for behind ``through``; None where it came from outside."""
    found = before(graph, ref, through)
    return graph.nodes[found.node] if isinstance(found, NodeRef) else None
