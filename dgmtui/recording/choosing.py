"""What of a recording is kept so that it becomes as small as asked."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.marks import loss_jumps, stretches
from dgmtui.recording.model import MODE, PARAMETERS, SETTINGS, THINNED
from dgmtui.recording.ranges import Ranges
from dgmtui.recording.schedule import aged, filled, near, spread
from dgmtui.recording.schema import Committed, LogKind
from dgmtui.recording.source import Source

NEAR_ROWS = (10, 4, 1)
"""Rows kept on either side of what happened; fewer only where nothing else helps."""
NEWEST_BLOCKS = (4, 2, 1)
STEPS = 6
COARSEST = 40
_FACTS = (THINNED, PARAMETERS, SETTINGS, MODE)
"""Kinds of events at which nothing happened to the numbers."""


@dataclass(frozen=True)
class Choice:
    """What is kept."""

    rows: NDArray[np.bool_]
    """``[R]``."""
    late_rows: NDArray[np.bool_]
    """``[n]`` of ``/late/rows``."""
    dropped: frozenset[int] = frozenset()
    """Places in the log of snapshots that go."""


def everything(source: Source) -> Choice:
    """All of it."""
    return Choice(np.ones(len(source.rows), np.bool_), np.ones(len(source.late_rows), np.bool_))


class Chooser:
    """Looks for the most that fits."""

    def __init__(self, source: Source, every: int, staged: int = 0, block: int | None = None) -> None:
        """Gather what happened.

        Args:
            staged: how many of the last rows will be written over.
            block: rows that take room together; by default those of a chunk, of which compression leaves what is used.
        """
        self._block = source.block_rows if block is None else block
        self._source = source
        self._every = max(1, every)
        self._staged = staged
        self._marks = marks_of(source, self._every)
        self._fixed = source.overhead + sum(
            _chunks(like, source.length(name))
            for name, like in source.shapes.items()
            if name not in (schema.TENSORS, schema.LOG_DATA, schema.LATE_SERIES) and not self._thinned(name)
        )
        used = source.log_table[:, 2].sum() if len(source.log_table) else 0
        self._fixed += _chunks(source.shapes[schema.LOG_DATA], int(used) + 4096)
        chunk = sum(like.block_bytes for name, like in source.shapes.items() if self._per_row(name))
        self._row_block = chunk * self._block // source.block_rows

    @staticmethod
    def _per_row(name: str) -> bool:
        return name == schema.STATISTIC_VALUES or name.startswith("series/")

    def _thinned(self, name: str) -> bool:
        return self._per_row(name) or name in (schema.LATE_ROWS, schema.LATE_STATISTICS)

    def choose(self, goal: int) -> Choice | None:
        """The densest choice of at most ``goal`` bytes; None where even the least takes more."""
        for (near_rows, blocks), step in product(product(NEAR_ROWS, NEWEST_BLOCKS), range(STEPS + 1)):
            dropped, tensors = self._snapshots(step)
            if step < STEPS and tensors > (goal - self._fixed) // 2:
                continue
            rows = self._densest(near_rows, blocks * self._block, goal - self._fixed - tensors)
            if rows is not None:
                return Choice(rows, self._late(rows), dropped)
        return None

    def _snapshots(self, step: int) -> tuple[frozenset[int], int]:
        """Those dropped where every 2^step-th is kept besides the first, the newest and what failed; bytes of the rest.

        At the last step none is kept besides those.
        """
        known = self._source.snapshots
        times = sorted({one.iteration for one in known})
        kept = {times[0], times[-1]} if times else set()
        if step < STEPS:
            kept |= spread(times, 1 << step)
        kept_records = [one for one in known if one.iteration in kept or one.reason != "scheduled"]
        places = {one.place for one in kept_records}
        size = Ranges(part for one in kept_records for part in one.parts).total
        dropped = frozenset(one.place for one in known if one.place not in places)
        return dropped, _chunks(self._source.shapes[schema.TENSORS], size)

    def _densest(self, near_rows: int, newest: int, room: int) -> NDArray[np.bool_] | None:
        """The rows kept by the least coarse schedule that takes at most ``room`` bytes; None where none does."""
        rows = self._source.rows
        if not len(rows):
            return np.ones(0, np.bool_) if self._bytes(rows.astype(np.bool_)) <= room else None
        protected = near(rows, self._marks, near_rows * self._every)

        def kept(bias: int) -> NDArray[np.bool_]:
            chosen = aged(rows, self._every, newest, bias) | protected
            return filled(chosen, self._staged, self._block)

        if self._bytes(kept(COARSEST)) > room:
            return None
        fits = bisect_left(range(-COARSEST, COARSEST), True, key=lambda bias: self._bytes(kept(bias)) <= room)
        return kept(fits - COARSEST)

    def _late(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Rows of late channels go with those of the others; what has no such row stays."""
        dropped = self._source.rows[~rows]
        late: NDArray[np.bool_] = ~np.isin(self._source.late_rows[:, 0], dropped)
        return late

    def _bytes(self, rows: NDArray[np.bool_]) -> int:
        """What these rows take in the file, late ones included."""
        shapes, table, late = self._source.shapes, self._source.late_rows, self._late(rows)
        count = int(late.sum())
        return (
            -(-int(rows.sum()) // self._block) * self._row_block
            + _chunks(shapes[schema.LATE_ROWS], count)
            + _chunks(shapes[schema.LATE_STATISTICS], count)
            + _chunks(shapes[schema.LATE_SERIES], int(table[late, 3].sum()))
        )


def marks_of(source: Source, every: int) -> NDArray[np.int64]:
    """``[n]``, the iterations at which something happened, ascending."""
    told = [int(record["iteration"]) for _, record in source.records(LogKind.EVENT) if record["kind"] not in _FACTS]
    kept = [one.iteration for one in source.snapshots if one.reason != "scheduled"]
    jumps = loss_jumps(source.dataset(schema.LOSS), source.whole[Committed.ITERATIONS])
    found = [
        stretches(source.nonfinite[:, 0], every),
        stretches(np.array(told, np.int64), every),
        np.array(kept, np.int64),
        jumps,
    ]
    return np.unique(np.concatenate(found))


def _chunks(like: schema.Growing, rows: int) -> int:
    """Bytes of the chunks that hold so many rows."""
    return -(-rows // like.chunk[0]) * like.block_bytes
