"""The exception that ended the training: labels or indices out of range, or whatever else it was."""

from collections.abc import Iterator, Mapping
from typing import Any

from dgmtui.findings.case import Case
from dgmtui.findings.failures.raised import explain_raised
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import RAISED, Event

KINDS = {"labels": ("target_range", "aten.nll_loss_forward"), "indices": ("bad_input", "aten.embedding")}
"""What was refused → kind, and the operation that refuses it."""


@detector("exception", live=True)
def exception(case: Case) -> Iterator[Finding]:
    """What ended the script, where, and of numbers that are out of range which, of which sample."""
    for event in case.recording.events():
        if event.kind == RAISED:
            yield _finding(case, event)


def _finding(case: Case, event: Event) -> Finding:
    facts = event.data
    kind, op = KINDS.get(str(facts.get("refused")), ("exception", None))
    if op == "aten.nll_loss_forward" and len(facts.get("first", ())) > 1:
        op = "aten.nll_loss2d_forward"
    cause, advice = _told(facts) if op else _explained(facts)
    samples = tuple(int(row) for row in facts.get("samples", ()))
    name, said = facts.get("type", ""), facts.get("message", "")
    return Finding(
        kind=kind,
        severity=Severity.ERROR,
        iteration=event.iteration,
        rank=case.recording.info.rank,
        phase="input" if op else facts.get("phase"),
        module="" if kind == "target_range" else facts.get("module", ""),
        op=op,
        source=facts.get("source"),
        source_text=facts.get("text"),
        sample=samples[0] if samples else None,
        samples=samples,
        dataset_index=facts.get("dataset_index"),
        value=facts.get("number"),
        message=cause,
        advice=advice,
        consequences=(f"The script ended with {name}: {_short(said)}",) if op else (),
        evidence=(Evidence(f"goto {event.iteration}", "the iteration in which it was raised"),),
        data={"exception": name, "numbers": facts.get("numbers", []), "limit": facts.get("limit")},
    )


def _explained(facts: Mapping[str, Any]) -> tuple[str, str]:
    known = explain_raised(str(facts.get("message", "")))
    said = f"The script ended with {facts.get('type', 'an exception')}: {_short(facts.get('message', ''))}"
    where = f" in `{facts['module']}`" if facts.get("module") else ""
    return f"{said.rstrip('.')}{where}. {known.cause}".rstrip(), known.advice


def _told(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Cause and cure of numbers that are out of range."""
    limit, count = int(facts["limit"]), int(facts["count"])
    numbers = ", ".join(str(number) for number in facts["numbers"])
    rows = facts.get("samples", ())
    whose = f" The first is {facts['number']} in {_sample(facts)}." if rows else ""
    if facts["refused"] == "labels":
        cause = f"{_counted(count, 'label')} out of range for {limit} classes, numbered 0 to {limit - 1}: {numbers}."
        advice = (
            "Number the classes from 0 without gaps, give the loss ignore_index for labels that do not count, or give "
            "the model as many outputs as there are classes."
        )
    else:
        cause = f"{_counted(count, 'index', 'indices')} out of range for a table of {limit} rows (0 to {limit - 1})"
        where = f" of `{facts['module']}`" if facts.get("module") else ""
        cause += f"{where}: {numbers}."
        advice = "Make the table as large as the greatest index and one, or map unknown tokens to one that is in it."
    return cause + whose, advice


def _sample(facts: Mapping[str, Any]) -> str:
    row = facts.get("dataset_index")
    return f"sample {facts['samples'][0]}" + (f" (row {row} of the data set)" if row is not None else "")


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'} of the batch {'is' if count == 1 else 'are'}"


def _short(text: Any, most: int = 300) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
