"""Findings while a run is recorded: the detectors that are cheap enough, each finding said once."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import dgmtui.findings.detectors  # noqa: F401  (importing declares them)
from dgmtui.findings.case import Case
from dgmtui.findings.causes.alike import gathered
from dgmtui.findings.causes.folding import accounts
from dgmtui.findings.model import Finding, Severity
from dgmtui.findings.registry import DETECTORS
from dgmtui.findings.thresholds import DEFAULT, Thresholds
from dgmtui.recorder.watching import Told

if TYPE_CHECKING:
    from dgmtui.recorder.so_far import SoFar
    from dgmtui.recording import Recording

MARKS = {Severity.ERROR: "✗", Severity.WARNING: "▲"}
"""Of what is said; what is worth knowing only is not."""


class Watcher:
    """Looks for what has gone wrong so far with the detectors that are declared ``live``.

        with dgmtui.Recorder("run.h5", model, optimizer, watcher=dgmtui.Watcher()) as rec:
            …

    Each warning or error is said once as one line on standard error, and kept as an event in the recording.
    """

    def __init__(self, thresholds: Thresholds = DEFAULT) -> None:
        self._thresholds = thresholds
        self._said: set[tuple[object, ...]] = set()

    def look(self, seen: "SoFar") -> list[Told]:
        """What is new since the last look; of a kind that several layers show, or that comes again, the first."""
        case = Case(cast("Recording", seen), self._thresholds)
        new = []
        for finding in accounts(case, gathered(_found(case))):
            key = finding.kind, finding.turn
            if finding.severity in MARKS and key not in self._said:
                self._said.add(key)
                new.append(_told(finding, seen))
        return new


def _found(case: Case) -> Iterable[Finding]:
    for _, detector in sorted(DETECTORS.items()):
        if detector.live:
            yield from detector.detect(case)


def _told(finding: Finding, seen: "SoFar") -> Told:
    rank = f"rank {finding.rank}: " if seen.info.world_size > 1 else ""
    text = f"{MARKS[finding.severity]} {rank}iteration {finding.iteration:,}: {' '.join(finding.message.split())}"
    names = ("kind", "iteration", "onset", "module", "message")
    data = {name: getattr(finding, name) for name in names} | {"severity": str(finding.severity)}
    return Told(text, data)
