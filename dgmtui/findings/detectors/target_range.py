"""Targets that the network's output can't be, or that the loss was not made for."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.losses.batches import Batch, Compared, finite, named
from dgmtui.findings.losses.levels import takes_turns
from dgmtui.findings.losses.loss_terms import MOVES, Form, before
from dgmtui.findings.losses.reach import Reach, reach_of
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.findings.visits import batches
from dgmtui.trace.graph import Graph, OutsideRef

_LEAST_TARGETS = 16
_TAKES = frozenset({"aten.index", "aten.index_select"})
"""Operations that take rows out of a data set."""


@detector("target_range")
def target_range(case: Case) -> Iterator[Finding]:
    """Targets outside what the loss is defined for or what the output's activation can give, or out of its scale."""
    terms: dict[tuple[str, int, str], list[tuple[Batch, Compared]]] = defaultdict(list)
    for batch in batches(case):
        for each in batch.compared:
            terms[batch.snapshot.turn, each.term.node, each.term.form].append((batch, each))
    for seen in terms.values():
        if seen[0][1].term.from_data and len(seen) >= min(3, len(batches(case))):
            found = _of_term(case, seen)
            if found is not None:
                yield found


def _of_term(case: Case, seen: Sequence[tuple[Batch, Compared]]) -> Finding | None:
    targets = np.concatenate([finite(each.target) for _, each in seen])
    if len(targets) < _LEAST_TARGETS:
        return None
    return (
        _not_probabilities(case, seen, targets)
        or _no_distribution(case, seen)
        or _out_of_reach(case, seen, targets)
        or _out_of_scale(case, seen, targets)
        or _all_the_same(case, seen, targets)
    )


def _not_probabilities(
    case: Case, seen: Sequence[tuple[Batch, Compared]], targets: NDArray[np.float64]
) -> Finding | None:
    """Binary cross entropy is bounded only where its targets lie in [0, 1]."""
    if seen[0][1].term.form not in (Form.BCE, Form.BCE_LOGITS) or (targets.min() >= 0 and targets.max() <= 1):
        return None
    outside = float(np.mean((targets < 0) | (targets > 1)))
    message = (
        f"{outside:.0%} of the targets lie outside 0 to 1 ({targets.min():.4g} … {targets.max():.4g}): binary cross "
        "entropy then has no least value and can fall below zero."
    )
    advice = "Map the labels to 0 and 1" + (
        ": (y + 1) / 2." if set(np.unique(targets[:1000])) <= {-1.0, 1.0} else ", or use a loss for classes or numbers."
    )
    return _finding(case, seen[0], message, advice, outside)


def _no_distribution(case: Case, seen: Sequence[tuple[Batch, Compared]]) -> Finding | None:
    """Cross entropy with a row of numbers a sample takes them for probabilities of the classes."""
    term = seen[0][1].term
    shape = seen[0][1].prediction.shape
    if term.form is not Form.SOFT_NLL or len(shape) < 2 or any(e.target.shape != e.prediction.shape for _, e in seen):
        return None
    axis = 1
    sums = np.concatenate([np.asarray(each.target, np.float64).sum(axis=axis).ravel() for _, each in seen])
    least = min(float(np.min(each.target)) for _, each in seen)
    wrong = float(np.mean(np.abs(sums - 1) > 0.01))
    if least >= 0 and wrong < 0.01:
        return None
    message = (
        f"Cross entropy takes the targets for probabilities of {shape[axis]} classes, but those of {wrong:.0%} of the "
        f"samples don't add up to 1 (sums {sums.min():.4g} … {sums.max():.4g}, least target {least:.4g})."
    )
    return _finding(case, seen[0], message, "Give class indices (int64), or rows that add up to 1.", wrong)


def _out_of_reach(case: Case, seen: Sequence[tuple[Batch, Compared]], targets: NDArray[np.float64]) -> Finding | None:
    """The output's activation is bounded and targets lie beyond."""
    batch, first = seen[0]
    reach = reach_of(batch.graph, first.term.prediction)
    if reach is None or first.term.form not in (Form.SQUARED, Form.ABSOLUTE):
        return None
    beyond = np.maximum(np.maximum(reach.low - targets, targets - reach.high), 0.0)
    spread = max(float(targets.std()), 1e-12)
    share, lost = float(np.mean(beyond > 0.01 * spread)), float(np.mean(beyond**2)) / spread**2
    if share < case.thresholds.target_share or lost < case.thresholds.target_lost:
        return None
    message = (
        f"`{reach.node.name.removeprefix('aten.').strip('_')}` gives {reach.words}, but {share:.0%} of the targets lie "
        f"beyond that ({targets.min():.4g} … {targets.max():.4g}): they can't be reached whatever the weights."
    )
    advice = "Leave the last activation out, or scale the targets into its range (and the predictions back)."
    return _finding(case, seen[0], message, advice, share, reach)


def _out_of_scale(case: Case, seen: Sequence[tuple[Batch, Compared]], targets: NDArray[np.float64]) -> Finding | None:
    """Targets far larger than what the network gave at first, which it had not come near to in the end."""
    if seen[0][1].term.form not in (Form.SQUARED, Form.ABSOLUTE):
        return None
    size = float(np.median([math.sqrt(float(np.mean(finite(each.target) ** 2))) for _, each in seen]))
    began, ended = (math.sqrt(float(np.mean(finite(each.prediction) ** 2))) for _, each in (seen[0], seen[-1]))
    if size < case.thresholds.target_scale * max(1.0, began):
        return None
    last = seen[-1][1]
    if last.prediction.size != last.target.size:
        return None
    off = np.asarray(last.prediction, np.float64).ravel() - np.asarray(last.target, np.float64).ravel()
    against = math.sqrt(float(np.mean(off**2))) / max(float(targets.std()), 1e-12)
    if against < 1.0:  # it does better than their mean would
        return None
    message = (
        f"The targets are of size {size:.4g} (mean {targets.mean():.4g}, standard deviation {targets.std():.4g}), "
        "where "
        f"the network's outputs were of size {began:.4g} at first and {ended:.4g} at iteration "
        f"{seen[-1][0].snapshot.iteration:,}: its error there is {against:.3g} times that of predicting their mean."
    )
    return _finding(
        case, seen[0], message, "Standardise the targets: subtract their mean, divide by their deviation.", size
    )


def _all_the_same(case: Case, seen: Sequence[tuple[Batch, Compared]], targets: NDArray[np.float64]) -> Finding | None:
    """One and the same target for every sample: the least loss is to ignore the input."""
    term, graph = seen[0][1].term, seen[0][0].graph
    taken = before(graph, term.target, MOVES | _TAKES)
    outside = isinstance(taken, OutsideRef) and not taken.name.startswith("input:literal")
    given = outside and len(graph.meta(term.target).shape) > 0
    several = len(seen) >= 3 and len(seen[0][0].compared) == 1 and not takes_turns(case)
    if not given or not several or targets.min() != targets.max() or (targets[0] == 0 and term.form is Form.SQUARED):
        return None
    message = (
        f"All {len(targets):,} targets in {len(seen)} snapshots are {targets[0]:.4g}: the loss is least where the "
        "input "
        "is ignored."
    )
    return _finding(case, seen[0], message, "Look at how the targets are read; they hold one value.", float(targets[0]))


def _finding(
    case: Case,
    first: tuple[Batch, Compared],
    message: str,
    advice: str,
    value: float,
    reach: Reach | None = None,
) -> Finding:
    batch, each = first
    graph: Graph = batch.graph
    node = graph.nodes[each.term.node] if reach is None else reach.node
    source = graph.nodes[each.term.node].source
    return Finding(
        kind="target_range",
        severity=Severity.ERROR,
        iteration=batch.snapshot.iteration,
        rank=case.recording.info.rank,
        phase="input",
        turn=batch.snapshot.turn or None,
        module=graph.module_of(node),
        op=node.name,
        **line_of(source),
        value=value,
        message=message,
        advice=advice,
        evidence=(Evidence(f"goto {batch.snapshot.iteration}", f"the targets are {named(graph, each.term.target)}"),),
        data={"form": str(each.term.form)},
    )
