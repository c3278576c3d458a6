"""Which rows saw a module: an iteration that failed before its backward pass holds no gradient, not a NaN."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import STATISTICS

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.session.population import Member, Window

ABSMAX, NAN = STATISTICS.index("absmax"), STATISTICS.index("nan")
TOGETHER = 8
"""From so many channels on, the statistics of all are read at once: they lie together."""
BLOCK = 256
"""Rows that are read together then."""


class SeenRows:
    """Looked up in the statistics, and kept, as rows don't change."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[NDArray[np.bool_], NDArray[np.bool_]]] = {}

    def absent(self, members: "Sequence[Member]", window: "Window | None") -> list[NDArray[np.bool_]]:
        """Of each member ``[R]``: the rows of the window that did not see it; False outside the window."""
        for rank in {member.rank for member in members}:
            self._learn([member for member in members if member.rank == rank], window)
        return [self._known[member.rank, member.channel][1] for member in members]

    def _learn(self, members: "Sequence[Member]", window: "Window | None") -> None:
        recording, (start, stop) = members[0].recording, members[0].rows(window)
        count = len(recording.rows)
        wanted = []
        for member in members:
            known, _ = self._known[member.rank, member.channel] = self._room(member, count)
            if not known[start:stop].all():
                wanted.append(member)
        stored = [member for member in wanted if not member.late]
        if len(stored) < TOGETHER:
            stored = []
        for member in wanted:
            if member not in stored:
                self._take(member, start, stop, recording.statistics(member.channel, start, stop))
        if stored:
            self._read_together(recording, stored, start, stop)

    def _room(self, member: "Member", count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which rows are known, and which are absent: new arrays where rows have come."""
        found = self._known.get((member.rank, member.channel))
        if found is None:
            return np.zeros(count, bool), np.zeros(count, bool)
        more = max(0, count - len(found[0]))
        return found if not more else (np.pad(found[0], (0, more)), np.pad(found[1], (0, more)))

    def _read_together(self, recording: "Recording", members: "Sequence[Member]", start: int, stop: int) -> None:
        for top in range(start, stop, BLOCK):
            end = min(top + BLOCK, stop)
            block = recording.statistics_block(top, end)
            for member in members:
                self._take(member, top, end, block[:, member.channel])

    def _take(self, member: "Member", start: int, stop: int, statistics: NDArray[np.float64]) -> None:
        known, absent = self._known[member.rank, member.channel]
        bad = statistics[:, NAN:].sum(axis=1) > 0
        absent[start:stop] = np.isnan(statistics[:, ABSMAX]) & ~bad
        known[start:stop] = True
