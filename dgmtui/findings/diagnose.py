"""Run every detector and put the most likely root cause first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dgmtui.findings.detectors  # noqa: F401  (importing declares them)
from dgmtui.errors import ReplayError
from dgmtui.findings.alike import gathered
from dgmtui.findings.case import Case, Failure, ReplaySource
from dgmtui.findings.causes import accounts
from dgmtui.findings.model import Finding
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT, Thresholds

if TYPE_CHECKING:
    from dgmtui.recording import Recording
    from dgmtui.trace.progress import Progress


def diagnose(
    recording: "Recording",
    *,
    replay: "ReplaySource | None" = None,
    progress: "Progress | None" = None,
    thresholds: Thresholds = DEFAULT,
) -> tuple[Finding, ...]:
    """All findings of a recording as accounts, most likely root cause first, with what follows from each.

    Args:
        replay: runs the failing iteration's snapshot; without it a non-finite value is told from the statistics only.
        progress: told which detector runs; may cancel.
    """
    case = Case(recording, thresholds, _failure(recording, replay), replay)
    return accounts(case, gathered(_all(case, progress)))


def _all(case: Case, progress: "Progress | None") -> Iterator[Finding]:
    for done, (_, detector) in enumerate(sorted(DETECTORS.items())):
        if progress is not None:
            progress.update(done / len(DETECTORS), f"looking for {detector.name.replace('_', ' ')}")
        yield from detector.detect(case)


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
