"""Compares what ``findings`` says with the truth.

``python tests/faults/score.py [--small] [--every 100] [THEME | THEME/SCRIPT]…`` prints a line a script.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)

from faults.run import Outcome, running
from faults.truth import Truth, corpus

WARNINGS_ALLOWED = 1
"""Of a healthy script."""
Finding = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """How one script was judged."""

    truth: Truth
    first: bool
    """The first finding is the root cause, with every field that the truth gives; of a healthy script: no
    false alarm."""
    listed: bool
    """Some finding is."""
    said: str
    """The first finding, and what of it disagrees with the truth."""
    false_alarms: tuple[str, ...]
    """Of a healthy script each error and each warning beyond one; else each error that neither is nor follows from the
    cause."""
    thinned: bool = False


def judge(truth: Truth, outcome: Outcome) -> Score:
    """Score what was said of a script."""
    if truth.healthy:
        alarms = (*_alarms_of_healthy(outcome.findings), *filter(None, (outcome.trouble,)))
        return Score(truth, not alarms, not alarms, _said(truth, outcome), alarms, outcome.thinned)
    agree = [not disagreements(truth, finding) for finding in outcome.findings]
    expected = {truth.kind} | truth.also | truth.consequences
    alarms = tuple(
        summary(finding)
        for finding in outcome.findings
        if finding["severity"] == "error" and finding["kind"] not in expected
    )
    return Score(truth, agree[:1] == [True], any(agree), _said(truth, outcome), alarms, outcome.thinned)


def disagreements(truth: Truth, finding: Finding) -> list[str]:
    """``module is dec.xv, not enc.0``: what the finding says otherwise than the truth."""
    found = []
    if finding["kind"] not in {truth.kind} | truth.also:
        found.append(f"kind is {finding['kind']}, not {truth.kind}")
    for name, right in truth.fields.items():
        if finding.get(name) not in right:
            found.append(f"{name} is {finding.get(name)!r}, not {' or '.join(map(repr, right))}")
    for name, (first, last) in truth.times.items():
        value = finding.get(name)
        if value is None:
            value = finding["iteration"]
        if not first <= value <= last:
            found.append(f"{name} is {value}, not {first}" + (f" to {last}" if last > first else ""))
    return found


def summary(finding: Finding) -> str:
    """One line."""
    place = " · ".join(str(finding[name]) for name in ("module", "op") if finding.get(name))
    where = f" ({place})" if place else ""
    return f"{finding['severity']} {finding['kind']} at {finding['iteration']}{where}: {finding['message']}"


def _said(truth: Truth, outcome: Outcome) -> str:
    if not outcome.findings:
        return outcome.trouble or "nothing"
    first = outcome.findings[0]
    wrong = [] if truth.healthy else disagreements(truth, first)
    return summary(first) + (f" [{'; '.join(wrong)}]" if wrong else "")


def _alarms_of_healthy(findings: Sequence[Finding]) -> list[str]:
    errors = [finding for finding in findings if finding["severity"] == "error"]
    warnings = [finding for finding in findings if finding["severity"] == "warning"]
    return [summary(finding) for finding in (*errors, *warnings[WARNINGS_ALLOWED:])]


def scores(truths: Sequence[Truth], options: Sequence[str] = (), *, small: bool = False) -> list[Score]:
    """Record each script with these options (``small``: as small as it can be), ask, and judge."""
    with running() as at_work:
        asked = [at_work.submit(truth, options, small=small) for truth in truths]
        return [judge(truth, outcome.result()) for truth, outcome in zip(truths, asked, strict=True)]


def lines(judged: Iterable[Score]) -> Iterable[str]:
    """A line or more a script."""
    for score in judged:
        mark = "✓" if score.first else "~" if score.listed else "✗"
        yield f"{mark} {score.truth.name}: {score.said}"
        yield from (f"    false alarm: {alarm}" for alarm in score.false_alarms)


def main(arguments: list[str]) -> int:
    """Score what is named (all, where nothing is) and return how many are not right first, at most 1."""
    options: list[str] = []
    small = arguments[:1] == ["--small"]
    arguments = arguments[small:]
    while arguments and arguments[0].startswith("--"):
        options += arguments[:2]
        arguments = arguments[2:]
    judged = scores(corpus(arguments), options, small=small)
    print("\n".join(lines(judged)))
    faulty = [score for score in judged if not score.truth.healthy]
    healthy = [score for score in judged if score.truth.healthy]
    print(
        f"first {sum(s.first for s in faulty)}, listed {sum(s.listed for s in faulty)} of {len(faulty)}; "
        f"healthy without false alarm {sum(s.first for s in healthy)} of {len(healthy)}"
    )
    return int(not all(score.first for score in judged))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
