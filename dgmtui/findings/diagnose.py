"""Run every detector and put the most likely root cause first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dgmtui.findings.detectors  # noqa: F401  (importing declares them)
from dgmtui.errors import ReplayError
from dgmtui.findings.case import Case, Failure, ReplaySource
from dgmtui.findings.model import Finding, Severity
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT, Thresholds

if TYPE_CHECKING:
    from dgmtui.recording import Recording
    from dgmtui.trace.progress import Progress

SEVERITIES = tuple(Severity)
CAUSES_FIRST = ("rank_divergence", "nonfinite", "overflow_ahead", "dead_units", "loss_stuck")
"""Of equal severity, what causes before what follows: dead units are why a loss is stuck."""


def diagnose(
    recording: "Recording",
    *,
    replay: "ReplaySource | None" = None,
    progress: "Progress | None" = None,
    thresholds: Thresholds = DEFAULT,
) -> tuple[Finding, ...]:
    """All findings of a recording, most likely root cause first.

    Args:
        replay: runs the failing iteration's snapshot; without it a non-finite value is told from the statistics only.
        progress: told which detector runs; may cancel.
    """
    case = Case(recording, thresholds, _failure(recording, replay), replay)
    return tuple(sorted(_all(case, progress), key=likeliest))


def _all(case: Case, progress: "Progress | None") -> Iterator[Finding]:
    for done, detector in enumerate(DETECTORS.values()):
        if progress is not None:
            progress.update(done / len(DETECTORS), f"looking for {detector.name.replace('_', ' ')}")
        yield from detector.detect(case)


def likeliest(finding: Finding) -> tuple[int, int, int]:
    """What findings are sorted by: the most likely root cause first."""
    kind = CAUSES_FIRST.index(finding.kind) if finding.kind in CAUSES_FIRST else len(CAUSES_FIRST)
    by_onset = finding.onset is not None and finding.kind != "nonfinite"  # those come in order of execution
    began = finding.onset if by_onset and finding.onset is not None else finding.iteration
    return SEVERITIES.index(finding.severity), kind, began


def _failure(recording: "Recording", source: "ReplaySource | None") -> Failure | None:
    failing = [snapshot for snapshot in recording.snapshots if snapshot.reason == "failing"]
    if source is None or not failing:
        return None
    from dgmtui.trace.birth import all_births

    try:
        replay, verdict = source(failing[0])
        return Failure(failing[0], verdict, all_births(replay))
    except ReplayError:
        return None
