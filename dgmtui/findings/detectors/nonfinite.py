"""Non-finite values: where the first was born, as a replay shows it, else as far as the statistics tell."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dgmtui.findings.case import Case, Failure
from dgmtui.findings.causes.beginnings import Beginning, beginning_of
from dgmtui.findings.failures.explanations import Explanation, explain
from dgmtui.findings.failures.unreplayed import WORDS, from_another_rank, from_losses, from_statistics
from dgmtui.findings.layers.lineage import downstream_of
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.findings.updates.broken_weights import account_of
from dgmtui.recording.model import Match, Quantity

if TYPE_CHECKING:
    from dgmtui.trace.birth import Birth


@detector("nonfinite")
def nonfinite(case: Case) -> Iterator[Finding]:
    """The first NaN or Inf: operation, module, source line, sample, unit, and the finite value that led to it."""
    if case.failure is not None and case.failure.births:
        broken = [birth for birth in case.failure.births if _is_weight(birth)]
        if broken:
            yield from_weights(case, case.failure, broken)
        yield from _told_together(case, case.failure, [b for b in case.failure.births if not _is_weight(b)])
        return
    first = case.recording.first_nonfinite()
    replayed = case.failure is not None and case.failure.verdict.forward in (Match.MATCHES, Match.AGREES)
    if case.failure is not None and replayed and case.failure.snapshot.extra.get("averaged_over"):
        yield from_another_rank(case, case.failure, first)
    elif first is not None:
        yield from_statistics(case, first)
    else:
        yield from from_losses(case)


def from_birth(case: Case, failure: Failure, birth: "Birth") -> Finding:
    """One finding of one birth."""
    iteration = failure.snapshot.iteration
    sample = birth.sample if birth.sample is not None else birth.dominant_sample
    began = None if birth.harmless or birth.regardless else beginning_of(case, birth, failure.snapshot)
    return Finding(
        kind="nonfinite",
        severity=Severity.INFO if birth.harmless else Severity.ERROR,
        iteration=iteration,
        onset=began.iteration if began else None,
        rank=case.recording.info.rank,
        phase=birth.phase,
        turn=failure.snapshot.turn or None,
        module=birth.module,
        op=birth.op,
        autograd=birth.autograd,
        **line_of(birth.source),
        sample=sample,
        samples=birth.samples,
        dataset_index=_dataset_row(failure, sample),
        unit=birth.unit,
        value=birth.value,
        message=_message(failure, birth, sample),
        advice=_advice(birth),
        consequences=_consequences(case, failure, birth),
        evidence=_evidence(birth, iteration, began),
        data={
            "what": birth.what,
            "count": birth.count,
            "finite_in_float64": birth.finite_in_float64,
            "regardless": birth.regardless,
            **(
                {}
                if began is None
                else {"beginning": began.text, "onset_sample": began.sample, "onset_dataset_index": began.dataset_index}
            ),
            "every_row_matters": birth.sample is None and len(birth.samples) > 1,
        },
    )


def _told_together(case: Case, failure: Failure, births: list["Birth"]) -> Iterator[Finding]:
    """One finding a birth; what is computed of an earlier one's result is told as a consequence of it."""
    graph = case.graph_of(failure.snapshot)
    told: list[tuple[Finding, frozenset[int]]] = []
    for birth in births:
        cause = None if birth.harmless else next((i for i, (_, after) in enumerate(told) if birth.node in after), None)
        if cause is None:
            later = set() if graph is None or birth.node is None else downstream_of(graph, birth.node)
            told.append((from_birth(case, failure, birth), frozenset(() if birth.harmless else later)))
            continue
        finding, after = told[cause]
        further = f"Further on `{birth.op or birth.autograd}` gave {WORDS[birth.what]}"
        further += f" at {birth.source}." if birth.source else "."
        told[cause] = replace(finding, consequences=(*finding.consequences, further)), after
    yield from (finding for finding, _ in told)


def _is_weight(birth: "Birth") -> bool:
    return (birth.outside or "").startswith("param:")


def from_weights(case: Case, failure: Failure, births: list["Birth"]) -> Finding:
    """One finding of all weights that were broken before the failing iteration began."""
    first, others = births[0], [f"`{birth.outside.partition(':')[2]}`" for birth in births[1:] if birth.outside]
    account = account_of(failure.snapshot, first.outside or "")
    found = from_birth(case, failure, first)
    name = (first.outside or "").partition(":")[2]
    so = (f"So it was with {', '.join(others[:4])}{f' and {len(others) - 4} more' * (len(others) > 4)}.",)
    return replace(
        found,
        phase=account.phase,
        iteration=account.iteration,
        onset=None,
        message=account.cause.format(what=WORDS[first.what], name=name),
        advice=account.advice,
        consequences=(*(so if others else ()), *found.consequences),
    )


def _dataset_row(failure: Failure, sample: int | None) -> int | None:
    index = failure.snapshot.extra.get("dataset_index")
    return int(index[sample]) if index and sample is not None and sample < len(index) else None


def _sample(failure: Failure, sample: int) -> str:
    row = _dataset_row(failure, sample)
    return f"sample {sample}" + (f" (row {row} of the data set)" if row is not None else "")


def _message(failure: Failure, birth: "Birth", sample: int | None) -> str:
    where = f" for {_sample(failure, sample)}" if sample is not None else ""
    if birth.unit is not None:
        where += f", unit {birth.unit}" if where else f" at unit {birth.unit}"
    said = _said(birth, where)
    if birth.sample is None and len(birth.samples) > 1:
        most = "" if sample is None else f", sample {sample} most of all"
        said += f" All {len(birth.samples)} rows of the batch go into it{most}."
    if birth.harmless:
        said += " Neither the loss nor a gradient depends on it: it does no harm."
    elif birth.finite_in_float64 is not None and not birth.regardless and birth.phase in ("forward", "backward"):
        said += _in_float64(birth)
    if failure.snapshot.extra.get("transient"):
        said += " A second run did not show it again: suspect the hardware or a race."
    if failure.verdict.forward not in (Match.MATCHES, Match.AGREES):
        said += " The replay does not match the recorded iteration, so this may not be what happened."
    return said


def _said(birth: "Birth", where: str) -> str:
    what, op = WORDS[birth.what], birth.op or birth.autograd or "an operation"
    name = (birth.outside or "").partition(":")[2]
    cause = _cause(birth)
    match birth.phase:
        case "input":
            at = f" at {list(birth.elements[0])}" if birth.elements and birth.elements[0] else ""
            return f"The batch already holds {what} in `{name}`{at}{where}, before the model has seen it."
        case "update":
            return f"`{name}` already held {what} before the forward pass of this iteration."
        case "backward":
            return f"The loss is finite, but the gradient through `{op}` became {what}{where}{cause}."
        case _:
            return f"`{op}` gave {what}{where}{cause}."


def _explanation(birth: "Birth") -> Explanation:
    return explain(
        birth.op or "",
        birth.phase,
        what=birth.what,
        value=_telling_value(birth),
        regardless=birth.regardless,
        in_float64=birth.finite_in_float64,
    )


def _cause(birth: "Birth") -> str:
    """What is told after a colon; nothing where no number and no intention explains the result."""
    number, cause = _telling_value(birth), _explanation(birth).cause
    if number is not None:
        cause = cause.format(value=f"{number:.6g}", op=f"`{birth.op}`")
    elif "{value}" in cause:
        cause = "" if birth.phrase in ("", f"{birth.op} is {birth.what}") else birth.phrase
    if birth.masked_by is not None and cause != birth.phrase:
        cause += f", masked by `{birth.masked_by.name}`"
        cause += f" at {birth.masked_by.source}" if birth.masked_by.source else ""
    return cause and f": {cause}"


def _telling_value(birth: "Birth") -> float | None:
    """The operand that explains the result: of a quotient, the divisor."""
    if birth.phase == "forward" and birth.op == "aten.div" and birth.value is not None:
        return next((operand.value for operand in birth.operands if operand.name == "other"), birth.value)
    return birth.value


def _in_float64(birth: "Birth") -> str:
    if not birth.finite_in_float64:
        return " In float64 it is not finite either: this is mathematics, not precision."
    value = "" if birth.value_in_float64 is None else f" ({birth.value_in_float64:.4g})"
    return f" In float64 it is finite{value}: a matter of the dtype's range and precision, not of mathematics."


def _advice(birth: "Birth") -> str:
    if birth.phase == "input":
        return "Leave this sample out, or clean the data where it is loaded."
    if birth.phase == "update":
        return "Look at the batches before: what a buffer sums up was not finite in one of them."
    return _explanation(birth).advice


def _consequences(case: Case, failure: Failure, birth: "Birth") -> tuple[str, ...]:
    said = []
    if birth.phase != "backward" and not np.isfinite(failure.snapshot.loss):
        said.append(f"The loss of iteration {failure.snapshot.iteration:,} is {WORDS[str(failure.snapshot.loss)]}.")
    rows = np.flatnonzero(case.recording.rows == failure.snapshot.iteration)
    if len(rows):
        counts = case.recording.statistics_row(int(rows[0]))[:, 6:].sum(axis=1)
        for quantity, word in (
            (Quantity.ACTIVATION, "outputs"),
            (Quantity.GRADIENT, "gradients of the outputs"),
            (Quantity.WEIGHT_GRADIENT, "weight gradients"),
        ):
            modules = [c.module for i, c in case.channels(quantity) if counts[i] > 0]
            if modules:
                shown = ", ".join(f"`{module}`" if module else "the root" for module in modules[:4])
                more = f" and {len(modules) - 4} more" if len(modules) > 4 else ""
                said.append(f"Non-finite {word}: {shown}{more}.")
    return tuple(said)


def _evidence(birth: "Birth", iteration: int, began: Beginning | None) -> tuple[Evidence, ...]:
    shown = [Evidence(f"goto {iteration}", "the failing iteration")]
    if began is not None:
        shown += began.evidence
    if birth.phase in ("forward", "backward"):
        shown.append(Evidence("credit nonfinite", "which units put it there"))
    return tuple(shown)
