"""Run every detector and put the most likely root cause first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dgmtui.findings.detectors  # noqa: F401  (importing declares them)
from dgmtui.errors import ReplayError
from dgmtui.findings.case import Case, Failure, ReplaySource, Visited
from dgmtui.findings.causes.alike import gathered
from dgmtui.findings.causes.folding import accounts
from dgmtui.findings.model import Finding
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT, Thresholds
from dgmtui.findings.visits import SHARE as VISITS

if TYPE_CHECKING:
    from dgmtui.recording import Recording
    from dgmtui.trace.progress import Progress


@dataclass(frozen=True)
class Look:
    """One look at a recording."""

    findings: tuple[Finding, ...]
    """As accounts, the most likely root cause first, with what follows from each."""
    failure: Failure | None
    """What the replay of the failing iteration showed."""
    replayed: Mapping[str, tuple[Finding, ...]]
    """What each detector found that had an iteration run again."""


def diagnose(
    recording: "Recording",
    *,
    replay: "ReplaySource | None" = None,
    progress: "Progress | None" = None,
    thresholds: Thresholds = DEFAULT,
) -> tuple[Finding, ...]:
    """The findings of ``look``."""
    return look(recording, replay=replay, progress=progress, thresholds=thresholds).findings


def look(
    recording: "Recording",
    *,
    replay: "ReplaySource | None" = None,
    failure: Failure | None = None,
    progress: "Progress | None" = None,
    thresholds: Thresholds = DEFAULT,
    visited: "Visited | None" = None,
) -> Look:
    """Run every detector.

    Args:
        replay: runs a snapshot's iteration again; without it a non-finite value is told from the statistics only.
        failure: what a replay of the failing iteration has shown already.
        progress: told which detector runs, or which iteration; may cancel.
        visited: is filled with what iterations that were run again have shown, and spares running them once more: of a
            look at the same recording by the same thresholds, which was cancelled.
    """
    if progress is not None:
        progress.begin_part(0.0, VISITS[0], "the failing iteration")
    failure = failure or _failure(recording, replay)
    case = Case(recording, thresholds, failure, replay, progress, {} if visited is None else visited)
    return _looked(case, {}, progress)


def look_again(recording: "Recording", before: Look, thresholds: Thresholds = DEFAULT) -> Look:
    """Look at what a run has recorded since; what was told by replays stays as it was, and none is made."""
    return _looked(Case(recording, thresholds, before.failure), before.replayed, None)


def _looked(case: Case, known: Mapping[str, tuple[Finding, ...]], progress: "Progress | None") -> Look:
    found: list[Finding] = []
    replayed = dict(known)
    for done, (name, detector) in enumerate(sorted(DETECTORS.items())):
        if progress is not None:
            progress.begin_part(*_share(done), f"looking for {name.replace('_', ' ')}")
        if name not in known:
            made = case.replays
            own = tuple(detector.detect(case))
            if case.replays > made:
                replayed[name] = own
            found += own
        else:
            found += known[name]
    return Look(accounts(case, gathered(found)), case.failure, replayed)


def _share(done: int) -> tuple[float, float]:
    """Of all the work, what the next detector takes: but for running iterations again, next to none."""
    begin, each = VISITS[1], (1 - VISITS[1]) / len(DETECTORS)
    return (begin + done * each if done else VISITS[0]), begin + (done + 1) * each


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
