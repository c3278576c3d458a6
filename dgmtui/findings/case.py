"""What detectors look at: a recording, its trace, and what a replay of the failing iteration showed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.thresholds import Thresholds
from dgmtui.recording.model import STATISTICS, Channel, Quantity, SnapshotInfo, Verdict
from dgmtui.trace.graph import Graph

if TYPE_CHECKING:
    from dgmtui.recording import Recording
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.replay import Replay

ReplaySource: TypeAlias = "Callable[[SnapshotInfo], tuple[Replay, Verdict]]"
"""Runs a snapshot again, forward and backward, and says whether it gave the recorded iteration."""


@dataclass(frozen=True)
class Failure:
    """What the replay of the failing iteration showed."""

    snapshot: SnapshotInfo
    verdict: Verdict
    births: "tuple[Birth, ...]"
    """In order; those that no gradient carries are marked harmless."""


@dataclass(frozen=True)
class Case:
    """One recording under examination."""

    recording: "Recording"
    thresholds: Thresholds
    failure: Failure | None = None
    """None where nothing failed, or a replay was not asked for or not possible."""

    @cached_property
    def graph(self) -> Graph | None:
        """The trace of the latest snapshot that has one."""
        for snapshot in reversed(self.recording.snapshots):
            if snapshot.trace >= 0:
                return Graph.from_json(self.recording.trace(snapshot.trace))
        return None

    def channels(self, quantity: Quantity) -> list[tuple[int, Channel]]:
        """Ids and channels of one quantity, in the order of the modules."""
        return [(i, c) for i, c in enumerate(self.recording.channels) if c.quantity == quantity]

    def statistic(self, channel: int, name: str, last: int | None = None) -> NDArray[np.float64]:
        """``[R]``, one statistic over the recorded rows, or over the last so many."""
        count = len(self.recording.rows)
        start = 0 if last is None else max(0, count - last)
        column: NDArray[np.float64] = self.recording.statistics(channel, start, count)[:, STATISTICS.index(name)]
        return column
