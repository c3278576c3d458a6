"""A loss function that is given what it was not made for: probabilities for scores, scores for log-probabilities."""

from collections.abc import Iterator
from dataclasses import dataclass

from dgmtui.findings.case import Case
from dgmtui.findings.losses.loss_terms import Form, ancestors, loss_terms, maker, origins
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.trace.graph import Graph, Node, NodeRef

_PROBABILITIES = {"aten._softmax": "softmax", "aten.sigmoid": "sigmoid"}
_LOGARITHMS = frozenset(
    "aten._log_softmax aten.log aten.log_sigmoid_forward aten.log10 aten.log2 aten.log1p aten.sub aten.logsumexp "
    "aten.xlogy aten.where aten.masked_fill aten.index aten.gather aten.logaddexp aten.add aten.mul aten.neg "
    "aten.clamp aten.clamp_min aten.clamp_max aten.cat aten.stack".split()
)
"""What may give log-probabilities; what else gives scores straight out of a layer is told by ``_SCORES``."""
_SCORES = frozenset(
    "aten.mm aten.addmm aten.bmm aten.baddbmm aten.linear aten.convolution aten.native_batch_norm "
    "aten.native_layer_norm aten.relu aten.tanh aten.gelu".split()
)


@dataclass(frozen=True)
class Misfit:
    """One operation that takes what it was not made for."""

    node: Node
    """That takes it."""
    given: Node
    """That gives it."""
    message: str
    advice: str
    severity: Severity = Severity.ERROR


@detector("wrong_loss_input")
def wrong_loss_input(case: Case) -> Iterator[Finding]:
    """The loss function is given what another function has already turned into probabilities, or the reverse."""
    seen: set[tuple[str, str | None, str]] = set()
    for snapshot in case.snapshots:
        graph = case.graph_of(snapshot)
        for misfit in () if graph is None else graph.once(misfits):
            assert graph is not None
            source = misfit.node.source or misfit.given.source
            key = (misfit.node.name, str(source) if source else None, misfit.given.name)
            if key not in seen:
                seen.add(key)
                yield _finding(case, graph, misfit, snapshot.iteration, snapshot.turn)


def _finding(case: Case, graph: Graph, misfit: Misfit, iteration: int, turn: str) -> Finding:
    source = misfit.node.source or misfit.given.source
    return Finding(
        kind="wrong_loss_input",
        severity=misfit.severity,
        iteration=iteration,
        rank=case.recording.info.rank,
        phase="forward",
        turn=turn or None,
        module=graph.module_of(misfit.given),
        op=misfit.given.name,
        **line_of(source),
        message=misfit.message,
        advice=misfit.advice,
        evidence=(
            Evidence(f"inputs node:{misfit.node.id}", f"`{misfit.node.name}` takes what `{misfit.given.name}` gives"),
        ),
        data={"taken_by": misfit.node.name, "node": misfit.node.id},
    )


def misfits(graph: Graph) -> tuple[Misfit, ...]:
    """All of a graph, in execution order."""
    reaching = ancestors(graph, graph.loss)
    learned = origins(graph).learned
    terms = {term.node: term for term in loss_terms(graph)}
    found: list[Misfit] = []
    for node in graph.nodes:
        if NodeRef(node.id) not in reaching or NodeRef(node.id) not in learned:
            continue
        if node.name == "aten._log_softmax":
            found += _into_log_softmax(graph, node)
        if node.id in terms:
            form, prediction = terms[node.id].form, maker(graph, terms[node.id].prediction)
            if prediction is None:
                continue
            if form is Form.BCE_LOGITS:
                found += _into_bce_with_logits(graph, node, prediction)
            elif form is Form.NLL and node.name.startswith("aten.nll_loss"):
                found += _into_nll(graph, node, prediction)
            if prediction.name == "aten._softmax" and form is not Form.NLL:
                found += _softmax_before_loss(graph, node, prediction)
    return tuple(found)


def _given_by(graph: Graph, node: Node) -> str:
    module = graph.module_of(node)
    name = _PROBABILITIES.get(node.name, node.name.removeprefix("aten.").strip("_"))
    return f"`{name}`" + (f" of `{module}`" if module else "")


def _into_log_softmax(graph: Graph, node: Node) -> Iterator[Misfit]:
    first = node.args[0]
    given = maker(graph, first) if isinstance(first, NodeRef) else None
    shape = graph.meta(NodeRef(node.id)).shape
    axis = node.args[1] if isinstance(node.args[1], int) else -1
    if shape and shape[axis] == 1:
        yield Misfit(
            node,
            given or node,
            "Cross entropy is taken over a single class: `log_softmax` over a dimension of size 1 is zero whatever "
            "goes "
            "in, so the loss is zero and nothing is learned.",
            "Give the last layer one output a class, or use BCEWithLogitsLoss for the single output.",
        )
    elif given is not None and given.name in _PROBABILITIES:
        name = _given_by(graph, given)
        classes = shape[axis] if shape else 0
        yield Misfit(
            node,
            given,
            f"Cross entropy applies log_softmax to what {name} has already squeezed into 0 to 1: of {classes} classes "
            f"none can then get a probability above {_most(classes):.3g}, and gradients are small.",
            "Give CrossEntropyLoss the scores of the last layer as they are, and apply softmax only to read "
            "probabilities off.",
        )
    elif given is not None and given.name == "aten.relu":
        yield Misfit(
            node,
            given,
            f"Cross entropy is given scores from which {_given_by(graph, given)} has cut all that was below zero: a "
            "class "
            "can't be ruled out, and a score at zero gets no gradient.",
            "Leave the ReLU out after the last layer.",
            Severity.WARNING,
        )


def _most(classes: int) -> float:
    """The greatest probability that scores between 0 and 1 can give."""
    return 2.718281828 / (2.718281828 + max(1, classes) - 1)


def _into_bce_with_logits(graph: Graph, node: Node, given: Node) -> Iterator[Misfit]:
    name = _given_by(graph, given)
    if given.name in _PROBABILITIES:
        yield Misfit(
            node,
            given,
            f"BCE with logits applies a sigmoid to what {name} has already made a probability: no sample can then "
            "get a "
            "probability below 0.5 or above 0.731.",
            "Give BCEWithLogitsLoss the last layer's output as it is, or use BCELoss after the sigmoid.",
        )
    elif given.name in ("aten.relu", "aten.log_sigmoid_forward", "aten._log_softmax"):
        side = "below" if given.name == "aten.relu" else "above"
        yield Misfit(
            node,
            given,
            f"BCE with logits is given what {name} made: no sample can then get a probability {side} 0.5.",
            "Give BCEWithLogitsLoss the last layer's output as it is.",
        )


def _into_nll(graph: Graph, node: Node, given: Node) -> Iterator[Misfit]:
    name = _given_by(graph, given)
    if given.name in _PROBABILITIES:
        yield Misfit(
            node,
            given,
            f"NLLLoss is given the probabilities of {name} where it needs their logarithms: the loss lies between −1 "
            "and "
            "0 and its gradient is not that of a likelihood.",
            "Use log_softmax before NLLLoss, or CrossEntropyLoss on the scores.",
        )
    elif given.name in _SCORES:
        yield Misfit(
            node,
            given,
            f"NLLLoss is given the scores of {name} where it needs log-probabilities: raising one score lowers the "
            "loss "
            "without bound, as nothing normalises them.",
            "Use log_softmax before NLLLoss, or CrossEntropyLoss on the scores.",
        )
    elif given.name == "aten._log_softmax":
        yield from _over_wrong_axis(graph, node, given)


def _over_wrong_axis(graph: Graph, node: Node, given: Node) -> Iterator[Misfit]:
    taken = node.args[0]
    shape = graph.meta(NodeRef(given.id)).shape
    axis = given.args[1]
    if not isinstance(axis, int) or taken != NodeRef(given.id) or len(shape) < 2:
        return
    if axis % len(shape) != 1:
        yield Misfit(
            node,
            given,
            f"`log_softmax` normalises over dimension {axis} of {list(shape)}, where the classes lie along dimension "
            "1: "
            "the samples of a batch compete, not the classes.",
            "Pass dim=1.",
        )


def _softmax_before_loss(graph: Graph, node: Node, given: Node) -> Iterator[Misfit]:
    shape = graph.meta(NodeRef(given.id)).shape
    axis = given.args[1]
    if not isinstance(axis, int) or not shape:
        return
    if shape[axis] == 1:
        yield Misfit(
            node,
            given,
            f"{_given_by(graph, given)} over a dimension of size 1 gives 1 whatever goes in: the prediction is "
            "constant "
            "and no gradient comes back.",
            "Use sigmoid for a single output.",
        )
    elif axis % len(shape) == 0 and len(shape) == 2:
        yield Misfit(
            node,
            given,
            f"{_given_by(graph, given)} normalises over dimension 0 of {list(shape)}, the batch: the samples "
            "compete, not "
            "the classes.",
            "Pass dim=1.",
        )
