"""Root cause first: findings that follow from another become its consequences."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dgmtui.findings.case import Case
from dgmtui.findings.causes.links import Terrain, began
from dgmtui.findings.causes.order import SEVERITIES, by_likelihood, place_in_precedence, with_reasons
from dgmtui.findings.causes.relations import RELATIONS, Relation
from dgmtui.findings.model import Evidence, Finding, Severity

_BY_KINDS: Mapping[tuple[str, str], tuple[Relation, ...]] = {
    pair: tuple(r for r in RELATIONS if (r.cause, r.symptom) == pair)
    for pair in {(r.cause, r.symptom) for r in RELATIONS}
}


def accounts(case: Case, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings as accounts, the likeliest root cause first.

    A finding that follows from another is told as its consequence and is listed no more, but an error-level non-finite
    value, which stays, after its cause. Of several causes the first in ``PRECEDENCE`` is taken; none is taken that
    follows, by however many steps, from the finding itself, so nothing is lost in a circle.
    """
    every = sorted(findings, key=_plain_order)
    parents = _parents(Terrain(case), every)
    return with_reasons(by_likelihood(_told(every, parents)))


def _plain_order(finding: Finding) -> tuple[object, ...]:
    """A total order that no order of the detectors changes; births of one iteration stay in the order of execution."""
    severity, place = SEVERITIES.index(finding.severity), place_in_precedence(finding.kind)
    if finding.kind == "nonfinite":
        return place, finding.rank, severity, finding.iteration
    where = finding.module or "", -1 if finding.unit is None else finding.unit
    return place, finding.rank, severity, began(finding), finding.iteration, *where, finding.message


def _parents(terrain: Terrain, findings: Sequence[Finding]) -> dict[int, tuple[int, Relation]]:
    """Which finding each follows from, by their places; as each has one cause, the chains are trees."""
    parents: dict[int, tuple[int, Relation]] = {}
    for cause, one in enumerate(findings):
        if one.severity is Severity.INFO:  # worth knowing, but no harm comes of it
            continue
        for symptom, other in enumerate(findings):
            if symptom == cause or symptom in parents or _is_harmless(other) or _root(parents, cause) == symptom:
                continue
            relations = _BY_KINDS.get((one.kind, other.kind), ())
            found = next((r for r in relations if r.holds(terrain, one, other)), None)
            if found is not None:
                parents[symptom] = cause, found
    return parents


def _is_harmless(finding: Finding) -> bool:
    """A non-finite value that nothing depends on has its own line, as whoever looks for it is to read so."""
    return finding.kind == "nonfinite" and finding.severity is not Severity.ERROR


def _root(parents: Mapping[int, tuple[int, Relation]], finding: int) -> int:
    while finding in parents:
        finding = parents[finding][0]
    return finding


def _stays(finding: Finding) -> bool:
    return finding.kind == "nonfinite" and finding.severity is Severity.ERROR


def _told(findings: Sequence[Finding], parents: Mapping[int, tuple[int, Relation]]) -> list[Finding]:
    """What is listed: roots, and those that stay listed, each with what follows from it."""
    teller = {i: _teller(findings, parents, i) for i in range(len(findings))}
    listed = [i for i, finding in enumerate(findings) if i not in parents or _stays(finding)]
    told = []
    for i in listed:
        near = [j for j in _in_chains(findings, parents, i) if teller[j] == i]
        told.append(_account(findings, parents, i, near))
    return told


def _teller(findings: Sequence[Finding], parents: Mapping[int, tuple[int, Relation]], finding: int) -> int:
    """The listed finding that a finding is told by: the nearest on the way to its root."""
    while finding in parents:
        finding = parents[finding][0]
        if _stays(findings[finding]):
            break
    return finding


def _in_chains(findings: Sequence[Finding], parents: Mapping[int, tuple[int, Relation]], cause: int) -> list[int]:
    """What follows from a finding, by when it began, each directly after what it follows from."""
    found = []
    for symptom in sorted((j for j, (i, _) in parents.items() if i == cause), key=lambda j: (began(findings[j]), j)):
        found += [symptom, *_in_chains(findings, parents, symptom)]
    return found


def _account(
    findings: Sequence[Finding], parents: Mapping[int, tuple[int, Relation]], place: int, near: Sequence[int]
) -> Finding:
    """One listed finding with the others that it tells; ``near``: these and the listed ones that follow from it."""
    finding, own = findings[place], [j for j in near if not _stays(findings[j])]
    told = [line for j in near for line in sentences_of(findings[j], parents[j][1].why)]
    led = [began(findings[j]) for j in own if parents[j][1].gives_onset and parents[j][0] == place]
    data, message = dict(finding.data), finding.message
    if own:
        data["followed_by"] = [brief(findings[j]) for j in own]
    if place in parents:
        data["follows_from"] = cause = brief(findings[_teller(findings, parents, place)])
        since = cause["iteration"] if cause["onset"] is None else cause["onset"]
        message += f" It follows from the {cause['kind']} of iteration {since:,}."
        data["follows_why"] = parents[place][1].why
    return replace(
        finding,
        severity=min((finding.severity, *(findings[j].severity for j in own)), key=SEVERITIES.index),
        onset=min(led, default=None) if finding.onset is None else finding.onset,
        message=message,
        consequences=(*finding.consequences, *told),
        evidence=(*finding.evidence, *_evidence(finding, [findings[j] for j in own])),
        data=data,
    )


def sentences_of(finding: Finding, why: str) -> tuple[str, ...]:
    """A finding as a consequence: why it follows and what it says, then what followed from itself; of one that stays
    listed, that it does."""
    if _stays(finding):
        return (f"{why} The first non-finite value came at iteration {finding.iteration:,}, which is listed too.",)
    return f"{why} {finding.message}", *finding.consequences


def brief(finding: Finding) -> dict[str, object]:
    """What tells which finding is meant."""
    return {
        "kind": finding.kind,
        "severity": str(finding.severity),
        "iteration": finding.iteration,
        "onset": finding.onset,
        "rank": finding.rank,
        "module": finding.module,
        "modules": finding.data.get("modules", []),
        "message": finding.message,
    }


def _evidence(finding: Finding, own: Sequence[Finding]) -> list[Evidence]:
    known = {item.command for item in finding.evidence}
    more: dict[str, Evidence] = {}
    for other in own:
        for item in other.evidence:
            if item.command not in known:
                more.setdefault(item.command, item)
    return list(more.values())
