"""The fewest samples that still fail: rows of the batch are left out and the rest is replayed (delta debugging)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from dgmtui.errors import DgmtuiError, ReplayError, UsageError
from dgmtui.trace.batch import batch_size
from dgmtui.trace.progress import Cancelled

if TYPE_CHECKING:
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.session import Session
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.replay import Replay

MOST_ALONE = 32
"""Rows that are tried one by one besides, of those that the failure was seen in."""
DIFFERENT = 1e-3
"""Relative to the largest value: rows of a smaller batch that are further off than that depend on the others."""

Rows: TypeAlias = tuple[int, ...]
Fails: TypeAlias = Callable[[Rows], bool]


@dataclass(frozen=True)
class Bisected:
    """What was found out."""

    snapshot: "SnapshotInfo"
    birth: "Birth"
    size: int
    """Rows of the batch."""
    rows: Rows
    """The fewest that still fail; no one of them can be left out."""
    alone: Rows
    """Others that fail by themselves too."""
    holds_without: bool | None
    """Whether the rest of the batch, without ``rows`` and ``alone``, holds; None where nothing would be left."""
    replays: int
    copied: str
    """Why rows could not be taken out, and were replaced by copies instead; empty where they could."""
    refused: int
    """How many smaller batches could not be run."""
    interact: bool
    """What goes into the operation that fails is other where the batch is smaller: rows depend on each other."""


def bisect(session: "Session") -> Bisected:
    """Find the fewest rows of the batch here that still fail at the same operation.

    Raises:
        UsageError: nothing fails here, or what the rows are is not known.
        ReplayError: the iteration can't be run again.
        Cancelled: a person stopped it.
    """
    snapshot = session.needed_snapshot()
    birth = session.results.blamed_birth(snapshot)
    if birth is None or birth.harmless:
        raise UsageError(
            f"iteration {snapshot.iteration:,} does not fail: nothing in its replay is non-finite; "
            "`first-nonfinite` goes to one that does"
        )
    made = session.results.replay(snapshot)
    size = batch_size(made.replay.graph)
    if size is None:
        raise UsageError("what the rows of this batch are is not known: none of its tensors looks like one")
    trials = _Trials(session, made.replay, birth, size)
    rows = _smallest(trials, size, birth)
    alone = tuple(row for row in birth.samples[:MOST_ALONE] if row not in rows and len(rows) == 1 and trials((row,)))
    rest = tuple(row for row in range(size) if row not in rows and row not in alone)
    holds = not trials(rest) if rest else None
    return Bisected(
        snapshot, birth, size, rows, alone, holds, trials.count, trials.copied, trials.refused, trials.interact(rows)
    )


class _Trials:
    """Replays of parts of the batch, each made once."""

    def __init__(self, session: "Session", replay: "Replay", birth: "Birth", size: int) -> None:
        from dgmtui.trace.birth import place_of_birth

        self._replay = replay
        self._place = place_of_birth(birth)
        self._size = size
        self._progress = session.results.progress()
        self._known: dict[Rows, bool] = {tuple(range(size)): True}
        self._fewest = size
        self.copied = ""
        self.refused = 0

    @property
    def count(self) -> int:
        """Replays that were made."""
        return len(self._known) - 1

    def __call__(self, rows: Rows) -> bool:
        """Whether these rows alone fail in the same place."""
        if rows not in self._known:
            done = 1 - math.log2(self._fewest) / max(1.0, math.log2(self._size))
            self._progress.update(
                min(0.99, done), f"replaying {len(rows)} of {self._size} rows, {self.count + 1} so far"
            )
            self._known[rows] = self._fails(rows)
            if self._known[rows]:
                self._fewest = min(self._fewest, len(rows))
        return self._known[rows]

    def _fails(self, rows: Rows) -> bool:
        from dgmtui.trace.birth import blamed_places

        try:
            return self._place in blamed_places(self._run(rows))
        except Cancelled:
            raise
        except (ReplayError, RuntimeError):  # as batch norm of a single row
            self.refused += 1
            return False

    def _run(self, rows: Rows) -> "Replay":
        from dgmtui.trace.edits import KeepSamples, edited

        replay, iteration = edited(self._replay, [KeepSamples(f"keep {rows}", rows)])
        self.copied = self.copied or iteration.said
        replay.forward()
        return replay

    def interact(self, rows: Rows) -> bool:
        """Whether what goes into the operation is other for these rows than it was in the whole batch."""
        place = self._place[1]
        if not isinstance(place, int) or len(rows) == self._size or self.copied:
            return False
        try:
            small = self._run(rows)
            pairs = [
                (self._replay.value(ref, at=place), small.value(ref, at=place))
                for ref in self._replay.graph.nodes[place].inputs()
            ]
        except (DgmtuiError, RuntimeError):
            return False
        return any(_differ(whole, part, rows, self._size) for whole, part in pairs)


def _differ(whole: "object", part: "object", rows: Sequence[int], size: int) -> bool:
    import torch
    from torch import Tensor

    if not isinstance(whole, Tensor) or not isinstance(part, Tensor) or not whole.is_floating_point():
        return False
    if not whole.dim() or whole.shape[0] != size or part.shape[0] != len(rows):
        return False
    kept = whole.detach()[list(rows)].double().nan_to_num()
    off = (part.detach().double().nan_to_num() - kept).abs().max()
    return bool(off > DIFFERENT * torch.clamp(kept.abs().max(), min=1e-30))


def _smallest(fails: Fails, size: int, birth: "Birth") -> Rows:
    """What the birth names is tried first, so that most answers take one replay."""
    named = [(birth.sample,)] if birth.sample is not None else []
    named += [(birth.dominant_sample,)] if birth.dominant_sample is not None else []
    for rows in (*named, tuple(sorted(birth.samples))):
        if rows and len(rows) < size and fails(rows):
            return reduced(rows, fails)
    return reduced(tuple(range(size)), fails)


def reduced(rows: Rows, fails: Fails) -> Rows:
    """Zeller and Hildebrandt's ddmin: rows that fail, of which none can be left out."""
    parts = 2
    while len(rows) > 1:
        chunks = _chunks(rows, parts)
        smaller = next((chunk for chunk in chunks if fails(chunk)), None)
        if smaller is not None:
            rows, parts = smaller, 2
            continue
        without = (tuple(row for row in rows if row not in chunk) for chunk in chunks) if parts > 2 else iter(())
        fewer = next((rest for rest in without if fails(rest)), None)
        if fewer is not None:
            rows, parts = fewer, max(parts - 1, 2)
        elif parts < len(rows):
            parts = min(2 * parts, len(rows))
        else:
            break
    return rows


def _chunks(rows: Rows, parts: int) -> list[Rows]:
    bounds = [round(len(rows) * place / parts) for place in range(parts + 1)]
    return [rows[begin:end] for begin, end in zip(bounds, bounds[1:], strict=False) if end > begin]
