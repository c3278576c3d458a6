"""The findings of a recording, looked for when first asked for and again when the run has gone on."""

from typing import TYPE_CHECKING, TypeAlias

from dgmtui.errors import ReplayError
from dgmtui.recording.model import ONSET, SnapshotInfo, Verdict
from dgmtui.session.edits import RECORDED
from dgmtui.trace.available import torch_is_installed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from dgmtui.findings import Finding
    from dgmtui.findings.case import Failure, Visited
    from dgmtui.findings.diagnose import Look
    from dgmtui.findings.thresholds import Thresholds
    from dgmtui.recording.reader import Recording
    from dgmtui.session.results import Results
    from dgmtui.trace.replay import Replay

Extent: TypeAlias = tuple[int, int, int, bool]
"""How many iterations, rows and snapshots there were, and whether the failing iteration had been replayed."""


class Diagnosis:
    """A quick look needs no replay and is made again whenever the run has gone on; a full one replays."""

    def __init__(self, recording: "Recording", results: "Results") -> None:
        self._recording = recording
        self._results = results
        self._thresholds: Thresholds | None = None
        self._latest: tuple[Extent, Look] | None = None
        """The last look of either kind."""
        self._full: tuple[Extent, tuple[object, ...], Look] | None = None
        """The last look that replayed, and what was there to be replayed."""
        self._begun: tuple[tuple[int, int], Visited] | None = None
        """What a full look that was cancelled had seen, of so many rows and snapshots; the next goes on there."""
        self._kept: tuple[tuple[Finding, ...], tuple[Finding, ...]] | None = None
        """Findings, and those of them that are not excluded."""

    @property
    def thresholds(self) -> "Thresholds":
        """The numbers that decide what is a finding."""
        from dgmtui.findings.thresholds import DEFAULT

        return DEFAULT if self._thresholds is None else self._thresholds

    def judge_by(self, thresholds: "Thresholds") -> None:
        """Take other thresholds; findings are made anew when they are next asked for."""
        if thresholds != self.thresholds:
            self._thresholds = thresholds
            self.forget()

    def forget(self) -> None:
        """Findings are made anew when they are next asked for."""
        self._latest = self._full = self._kept = self._begun = None

    def findings(self, *, quick: bool = False) -> "tuple[Finding, ...]":
        """As ``Results.findings``."""
        found = self._found(quick=quick)
        exclusions = self._results.exclusions
        if not exclusions:
            return found
        if self._kept is None or self._kept[0] is not found:
            explained = self._results.explained()
            self._kept = (
                found,
                tuple(
                    each
                    for each in found
                    if not (exclusions.of_finding(each) or (_untraced(each) and each.iteration in explained))
                ),
            )
        return self._kept[1]

    def _found(self, *, quick: bool) -> "tuple[Finding, ...]":
        from dgmtui.findings.diagnose import look, look_again

        quick = quick or not torch_is_installed()
        extent = self._extent()
        full = self._full
        if full is not None and not quick:
            quick = self.complete and full[0][2] == extent[2]  # no snapshot has come since
        if not quick:
            failure = self._left_over() if self._results.exclusions else None
            if self._begun is None or self._begun[0] != extent[1:3]:
                self._begun = extent[1:3], {}
            with self._results.one_work() as progress:
                made = look(
                    self._recording,
                    replay=self._replay,
                    failure=failure,
                    progress=progress,
                    thresholds=self.thresholds,
                    visited=self._begun[1],
                )
            self._begun = None
            self._full, self._latest = (extent, self._due(), made), (extent, made)
            return made.findings
        if self._latest is None or self._latest[0] != extent:
            made = (
                look(self._recording, failure=self._failure(), thresholds=self.thresholds)
                if full is None
                else look_again(self._recording, full[2], self.thresholds)
            )
            self._latest = extent, made
        return self._latest[1].findings

    @property
    def complete(self) -> bool:
        """Whether a full look was made since the last snapshot of a failure or an onset came, or the run ended; also
        where nothing can be replayed."""
        if self._full is None:
            return not torch_is_installed() or not any(snapshot.trace >= 0 for snapshot in self._recording.snapshots)
        return self._full[1] == self._due()

    def _extent(self) -> Extent:
        recording = self._recording
        return recording.iteration_count, len(recording.rows), len(recording.snapshots), self._failure() is not None

    def _due(self) -> tuple[object, ...]:
        """What makes a full look worth its time when it changes."""
        told = [
            (s.iteration, s.turn) for s in self._recording.snapshots if s.reason in ("failing", ONSET) and s.trace >= 0
        ]
        return self._recording.end is not None, *told

    def _failure(self) -> "Failure | None":
        """What the replay of the failing iteration showed, if somebody had it made."""
        failing = self._results.failing()
        births = () if failing is None else self._results.births_if_made(failing, RECORDED)
        made = None if failing is None or not births else self._results.verdict(failing)
        if failing is None or made is None:
            return None
        from dgmtui.findings.case import Failure

        return Failure(failing, made, births)

    def _left_over(self) -> "Failure | None":
        """What the replay of the failing iteration shows but for what is excluded."""
        from dgmtui.findings.case import Failure

        failing = self._results.failing()
        if failing is None:
            return None
        try:
            _, verdict = self._replay(failing)
        except ReplayError:
            return None
        return Failure(failing, verdict, self._results.births(failing, edits=RECORDED))

    def _replay(self, snapshot: SnapshotInfo) -> "tuple[Replay, Verdict]":
        made = self._results.replay(snapshot, edits=RECORDED)
        if snapshot.reason == "failing":
            self._results.births(snapshot, edits=RECORDED)  # cheap now, and the operations' table marks them
        assert made.verdict is not None, "a replay in its own dtype has a verdict"
        return made.replay, made.verdict


def _untraced(finding: "Finding") -> bool:
    """Told from statistics or losses, which do not say what operation it came from."""
    return finding.kind == "nonfinite" and finding.op is None


def first_at(findings: "Sequence[Finding]", iteration: int, rows: "NDArray[np.int64]") -> "Finding | None":
    """The first finding at an iteration, else the first that was on its way or still is; ``rows`` are the measured
    iterations, ascending."""
    place = int(rows.searchsorted(iteration, side="right")) - 1
    measured = int(rows[place]) if place >= 0 else iteration

    def goes_on(finding: "Finding") -> bool:
        begun = finding.iteration if finding.onset is None else finding.onset
        return begun <= iteration <= finding.iteration or measured == finding.iteration

    here = (finding for finding in findings if finding.iteration == iteration)
    return next(here, None) or next(filter(goes_on, findings), None)
