"""In which order accounts are listed, and the reasons of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dgmtui.findings.causes.links import began
from dgmtui.findings.causes.relations import PRECEDENCE
from dgmtui.findings.model import Finding, Severity

SEVERITIES = tuple(Severity)
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def place_in_precedence(kind: str) -> int:
    """Small for what causes; what is not in the table comes last."""
    return PRECEDENCE.index(kind) if kind in PRECEDENCE else len(PRECEDENCE)


def likeliest(finding: Finding) -> tuple[int, ...]:
    """What accounts are sorted by: how bad, whether a failure is (or follows from) it, whether anything else does, then
    what causes before what follows, and the earlier before the later."""
    return (
        SEVERITIES.index(finding.severity),
        not fails(finding),
        not finding.data.get("followed_by"),
        place_in_precedence(finding.kind),
        finding.iteration if finding.kind == "nonfinite" else began(finding),
    )


def fails(finding: Finding) -> bool:
    """Whether the run's failure is this, or follows from it."""
    if finding.severity is not Severity.ERROR:
        return False
    return finding.kind in ("nonfinite", "rank_divergence") or bool(finding.data.get("leads_to"))


def by_likelihood(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Accounts by ``likeliest``; what stays listed though it follows from another comes right after that."""
    every = tuple(findings)
    roots = [f for f in every if _cause_of(f, every) is None]
    followers = [f for f in every if _cause_of(f, every) is not None]
    ordered: list[Finding] = []
    for root in sorted((_with_failure(root, followers) for root in roots), key=likeliest):
        ordered.append(root)
        ordered += _behind(root, followers)
    return tuple(ordered)


def _behind(cause: Finding, followers: Sequence[Finding]) -> list[Finding]:
    found: list[Finding] = []
    for follower in followers:
        if is_meant(follower.data["follows_from"], cause):
            found += [follower, *_behind(follower, [f for f in followers if f is not follower])]
    return found


def _cause_of(finding: Finding, every: Sequence[Finding]) -> Finding | None:
    meant = finding.data.get("follows_from")
    return None if meant is None else next((f for f in every if f is not finding and is_meant(meant, f)), None)


def is_meant(meant: "dict[str, object]", finding: Finding) -> bool:
    """Whether a finding is the one that another names as its cause; its message may have been added to since."""
    same = all(meant[name] == getattr(finding, name) for name in ("kind", "iteration", "rank", "module"))
    return same and finding.message.startswith(str(meant["message"]))


def _with_failure(root: Finding, followers: Sequence[Finding]) -> Finding:
    led_to = [f.kind for f in _behind(root, followers)]
    if not led_to:
        return root
    worst = min((root.severity, *(f.severity for f in _behind(root, followers))), key=SEVERITIES.index)
    return replace(root, severity=worst, data={**root.data, "leads_to": led_to})


def with_reasons(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Each with the reasons of its place, as ``explain`` tells them, in ``data["order"]``."""
    return tuple(
        replace(finding, data={**finding.data, "order": _reasons(place, finding, findings)})
        for place, finding in enumerate(findings)
    )


def _reasons(place: int, finding: Finding, findings: Sequence[Finding]) -> str:
    name = ORDINALS[place] if place < len(ORDINALS) else f"number {place + 1}"
    if cause := finding.data.get("follows_from"):
        return f"{name}, because it follows from the {cause['kind']} before it."
    kind = f"{'an' if finding.severity is not Severity.WARNING else 'a'} {finding.severity}"
    reasons = [f"is {kind} that no other finding explains"]
    if followed := [item["kind"] for item in finding.data.get("followed_by", ())] + finding.data.get("leads_to", []):
        many = f"{len(followed)} other{'s' * (len(followed) > 1)}"
        reasons.append(f"explains {many} ({', '.join(dict.fromkeys(followed))})")
    others = [began(other) for other in findings if other is not finding and "follows_from" not in other.data]
    if others and began(finding) < min(others):
        reasons.append(f"began before all others (iteration {began(finding):,})")
    return f"{name}, because it {', '.join(reasons[:-1])}{' and ' * (len(reasons) > 1)}{reasons[-1]}."
