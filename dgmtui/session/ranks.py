"""The ranks of one run: what has been found out of each, and of all together."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from dgmtui.errors import RecordingError, UsageError
from dgmtui.session.excluding import Exclusions
from dgmtui.session.results import Results

if TYPE_CHECKING:
    from dgmtui.findings import Finding
    from dgmtui.findings.thresholds import Thresholds
    from dgmtui.recording.reader import Recording
    from dgmtui.trace.progress import Progress


class Ranks:
    """The recordings of a run by rank, with the results of each; most runs have one."""

    def __init__(self, recording: "Recording", progress_factory: "Callable[[], Progress] | None") -> None:
        self.recordings: dict[int, Recording] = {each.info.rank: each for each in recording.ranks}
        self.exclusions = Exclusions()
        """What of non-finite values is left out, in all ranks."""
        self._results = {
            rank: Results(each, progress_factory, self.exclusions) for rank, each in self.recordings.items()
        }
        self._merged: tuple[tuple[tuple[Finding, ...], ...], tuple[Finding, ...]] | None = None

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.recordings) > 1

    def recording(self, rank: int) -> "Recording":
        """The recording of a rank.

        Raises:
            UsageError: it is not open.
        """
        if rank not in self.recordings:
            raise UsageError(f"no rank {rank}; open are: {', '.join(map(str, self.recordings))}")
        return self.recordings[rank]

    def results(self, rank: int) -> Results:
        """What has been found out of a rank."""
        return self._results[rank]

    def first_to_fail(self) -> int:
        """The rank whose failing iteration is the earliest, one with a non-finite loss first; else the first."""

        def when(rank: int) -> tuple[float, bool, int]:
            try:
                failing = [s for s in self.recordings[rank].snapshots if s.reason == "failing"]
            except RecordingError:
                return float("inf"), False, rank
            first = min(failing, key=lambda s: s.iteration, default=None)
            if first is None:
                return float("inf"), False, rank
            return first.iteration, math.isfinite(first.loss), rank

        return min(self.recordings, key=when)

    def findings(self, *, quick: bool = False) -> "tuple[Finding, ...]":
        """The findings of all ranks, most likely root cause first; as ``Results.findings``."""
        found = tuple(results.findings(quick=quick) for results in self._results.values())
        if not self.several:
            return found[0]
        if self._merged is None or any(a is not b for a, b in zip(self._merged[0], found, strict=True)):
            from dgmtui.findings.merge import merge

            self._merged = found, merge(list(zip(self._results, found, strict=True)))
        return self._merged[1]

    @property
    def thresholds(self) -> "Thresholds":
        """The numbers that decide what is a finding, of every rank."""
        return next(iter(self._results.values())).diagnosis.thresholds

    def judge_by(self, thresholds: "Thresholds") -> None:
        """Take other thresholds; findings are made anew when they are next asked for."""
        for results in self._results.values():
            results.diagnosis.judge_by(thresholds)

    def look_again(self) -> None:
        """Something else is left out: findings are made anew when they are next asked for."""
        for results in self._results.values():
            results.diagnosis.forget()

    @property
    def complete(self) -> bool:
        """Whether the failing iterations of all were looked at."""
        return all(results.findings_complete for results in self._results.values())

    def cancel(self) -> None:
        """Cancel the work under way, of whichever rank."""
        for results in self._results.values():
            results.cancel()
