"""One finding of several that say the same of different layers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dgmtui.findings.causes.links import began
from dgmtui.findings.causes.order import SEVERITIES
from dgmtui.findings.model import Evidence, Finding

GATHERED = frozenset(
    {"vanishing_gradient", "exploding_gradient", "dead_units", "saturated_units", "parameter_not_updated",
     "update_too_large", "update_too_small", "overflow_ahead", "evaluation_mode"}
)  # fmt: skip
"""Kinds that a detector finds layer by layer."""
MOST = 4
"""Layers that a sentence names."""


def gathered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those of one kind (and phase, turn, rank and reason) that name different modules as one.

    It is the worst of them, of equals the one that began first, with the others told after it and in ``data["alike"]``.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_key(finding, len(groups)), []).append(finding)
    return [group[0] if len(group) == 1 else _as_one(group) for group in groups.values()]


def _key(finding: Finding, number: int) -> tuple[object, ...]:
    if finding.kind not in GATHERED or finding.module is None:
        return ("alone", number)
    return finding.kind, finding.phase, finding.turn, finding.rank, finding.data.get("why")


def _as_one(group: Sequence[Finding]) -> Finding:
    first, *others = sorted(group, key=lambda f: (SEVERITIES.index(f.severity), began(f)))
    return replace(
        first,
        message=f"{first.message} So it is in {_listed(others)}.",
        evidence=_evidence(first, others),
        data={
            **first.data,
            "modules": [finding.module for finding in (first, *others)],
            "alike": [_brief(finding) for finding in others],
        },
    )


def _brief(finding: Finding) -> dict[str, object]:
    told = {name: getattr(finding, name) for name in ("module", "onset", "value", "message")}
    return {**told, "severity": str(finding.severity), "consequences": list(finding.consequences)}


def _listed(findings: Sequence[Finding]) -> str:
    """``a`` (since 120), ``b`` and 3 more."""
    named = [
        f"{f'`{f.module}`' if f.module else 'the root'}" + ("" if f.onset is None else f" (since {f.onset:,})")
        for f in findings
    ]
    if len(named) > MOST:
        return f"{', '.join(named[:MOST])} and {len(named) - MOST} more"
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _evidence(first: Finding, others: Sequence[Finding]) -> tuple[Evidence, ...]:
    """That of the first, and a line of each other."""
    known = {item.command for item in first.evidence}
    more = {f.evidence[0].command: f.evidence[0] for f in reversed(others) if f.evidence}
    return (*first.evidence, *(item for command, item in reversed(more.items()) if command not in known))
