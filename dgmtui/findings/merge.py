"""The findings of several ranks of one run as one list."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dgmtui.findings.causes.order import by_likelihood, with_reasons
from dgmtui.findings.model import Evidence, Finding


def merge(ranks: Sequence[tuple[int, Iterable[Finding]]]) -> tuple[Finding, ...]:
    """All findings of all ranks, most likely root cause first, each naming its rank.

    What every replica shows at the same place is told once, of the lowest rank, with the others as a consequence. A
    non-finite gradient that came from another rank is a consequence of what that rank shows at the same iteration, and
    so is an exception there.
    """
    every = [_of_rank(rank, finding) for rank, findings in ranks for finding in findings]
    causes = {f.iteration for f in every if f.kind == "nonfinite" and not _came_from_elsewhere(f)}
    told: dict[tuple[object, ...], Finding] = {}
    also: dict[tuple[object, ...], list[int]] = {}
    arrived: dict[int, list[int]] = {}
    ended: dict[int, list[int]] = {}
    for finding in every:
        if finding.kind == "exception" and finding.iteration in causes:  # the others wait for a rank that has stopped
            ended.setdefault(finding.iteration, []).append(finding.rank)
            continue
        if _came_from_elsewhere(finding) and finding.iteration in causes:
            arrived.setdefault(finding.iteration, []).append(finding.rank)
            continue
        key = (finding.kind, finding.module, finding.op, finding.phase, finding.source, finding.iteration, finding.unit)
        if key in told and finding.rank != told[key].rank:
            also.setdefault(key, []).append(finding.rank)
        else:
            told[(*key, len(told)) if key in told else key] = finding
    found = [_with_ranks(finding, "So it is on {} too.", also.get(key, [])) for key, finding in told.items()]
    found = [_with_followers(f, arrived, ended) if f.kind == "nonfinite" else f for f in found]
    return with_reasons(by_likelihood(found))


def _with_followers(finding: Finding, arrived: dict[int, list[int]], ended: dict[int, list[int]]) -> Finding:
    """With what came of it on other ranks, told of the first finding of an iteration."""
    brought = arrived.pop(finding.iteration, [])
    finding = _with_ranks(finding, "Averaging brought it to the gradients of {}.", brought)
    stopped = ended.pop(finding.iteration, [])
    return _with_ranks(finding, "As this one stopped, an exception ended {}.", stopped)


def _of_rank(rank: int, finding: Finding) -> Finding:
    shown = Evidence(f"rank {rank}", "the rank that it was recorded on")
    return replace(finding, evidence=(shown, *finding.evidence))


def _came_from_elsewhere(finding: Finding) -> bool:
    return bool(finding.data.get("from_another_rank"))


def _with_ranks(finding: Finding, sentence: str, ranks: Sequence[int]) -> Finding:
    if not ranks:
        return finding
    named = f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, sorted(ranks)))}"
    return replace(finding, consequences=(*finding.consequences, sentence.format(named)))
