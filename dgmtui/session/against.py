"""The same target at another snapshot: what each contributor put into it then, and which of them moved most."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from dgmtui.errors import UsageError
from dgmtui.recording.model import SnapshotInfo

if TYPE_CHECKING:
    from dgmtui.credit import Contribution, Contributions, Target
    from dgmtui.credit.grouping import By
    from dgmtui.recording.reader import Recording
    from dgmtui.trace.replay import Replay

Key: TypeAlias = "tuple[str, int | None, int | None, str | None]"
"""``Contribution.key``."""


@dataclass(frozen=True)
class Moved:
    """One row beside the same row at the other snapshot: its forward part, of what is downstream its backward part."""

    then: float
    difference: float
    """Now less then."""
    rank: int
    """1 moved most; the same number where as much did (a container and its child). Modules upstream, modules downstream
    and inputs are ranked apart."""


@dataclass(frozen=True)
class Comparison:
    """A table of contributions beside the one of the same target at another snapshot."""

    iteration: int
    """The other snapshot's."""
    target: "Target | None"
    """What stands for the target there; None where nothing does, and ``said`` tells why."""
    moved: Mapping[Key, Moved] = field(default_factory=dict)
    said: str = ""
    """What was compared with what, and what could not be, in sentences without full stops at the end."""


@dataclass(frozen=True)
class Counterpart:
    """What stands for a target's samples in another batch."""

    rows: tuple[int, ...] | None
    """The rows of that batch that are the very same samples, in order; None where they are others."""
    now: int
    """How many rows the batch has in which the target is."""
    then: int
    """How many rows the other batch has."""


def snapshot_before(recording: "Recording", iteration: int) -> SnapshotInfo:
    """The snapshot at an iteration or the nearest before it; a negative one counts from the last.

    Raises:
        UsageError: there is none.
    """
    wanted = recording.last_iteration + 1 + iteration if iteration < 0 else iteration
    found = recording.nearest_snapshot(wanted)
    if found is None:
        kept = ", ".join(str(s.iteration) for s in recording.snapshots) or "none"
        raise UsageError(f"no snapshot at or before {iteration}; there are: {kept}")
    return found


def healthy_before(recording: "Recording", snapshot: SnapshotInfo) -> SnapshotInfo | None:
    """The last scheduled snapshot before ``snapshot`` of the same turn at which nothing was non-finite."""

    def is_healthy(other: SnapshotInfo) -> bool:
        found = recording.next_nonfinite(other.iteration - 1)
        seen = found is not None and found.iteration == other.iteration
        return other.reason == "scheduled" and math.isfinite(other.loss) and not seen

    before = [s for s in recording.snapshots if s.iteration < snapshot.iteration and s.turn == snapshot.turn]
    return next(filter(is_healthy, reversed(before)), None)


def snapshot_at(recording: "Recording", snapshot: SnapshotInfo, iteration: int) -> SnapshotInfo | None:
    """The snapshot at or before ``iteration`` to compare ``snapshot`` with: of the same turn, if there is one."""
    before = [s for s in recording.snapshots if s.iteration <= iteration]
    return next((s for s in reversed(before) if s.turn == snapshot.turn), before[-1] if before else None)


def counterpart(
    rows: tuple[int, ...], now: SnapshotInfo, then: SnapshotInfo, replay_now: "Replay", replay_then: "Replay"
) -> Counterpart:
    """Where the rows of a batch (empty: all of them) are in another: by their index into the data set, else by bits."""
    from dgmtui.trace.batch import batch_size

    size, other_size = batch_size(replay_now.graph) or 1, batch_size(replay_then.graph) or 1
    wanted = rows or tuple(range(size))
    known, there = (snapshot.extra.get("dataset_index", []) for snapshot in (now, then))
    found: tuple[int, ...] | None = None
    if len(known) == size and there:
        places = {index: row for row, index in enumerate(there)}
        if all(known[row] in places for row in wanted):
            found = tuple(places[known[row]] for row in wanted)
    elif size == other_size and _equal_rows(wanted, replay_now, replay_then):
        found = wanted
    return Counterpart(found, size, other_size)


def _equal_rows(rows: tuple[int, ...], now: "Replay", then: "Replay") -> bool:
    """Whether all that brings the batch in holds the same numbers in these rows."""
    import torch

    from dgmtui.trace.batch import batch_axes

    axes = batch_axes(now.graph)
    if not axes or axes != batch_axes(then.graph):
        return False
    chosen = torch.tensor(rows)
    pairs = ((now.value(ref).index_select(axis, chosen), then.value(ref).index_select(axis, chosen))
             for ref, axis in axes.items())  # fmt: skip
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)


def collapsed(by: "By", found: Counterpart) -> "By":
    """How the other table is grouped: without samples, where they are others."""
    if found.rows is not None:
        return by
    return {"unit,sample": "unit", "sample": "module"}.get(by, by)  # type: ignore[return-value]


def moved_rows(
    now: "Contributions", then: "Contributions", by: "By", found: Counterpart, has_samples: bool
) -> dict[Key, Moved]:
    """Every row of ``now`` that has a like in ``then``, which is a table as ``collapsed`` groups it.

    Args:
        has_samples: the target is of rows of the batch, so that it is a sum over them.
    """
    rows = now.target.rows or tuple(range(found.now))
    to_there = {} if found.rows is None else dict(zip(rows, found.rows, strict=True))
    whole = len(rows) / found.then if found.rows is None and has_samples else 1.0
    each = 1 / found.then if found.rows is None and "sample" in by else 1.0

    def like(row: "Contribution", table: "Mapping[Key, Contribution]") -> float | None:
        sample = None if row.sample is None else to_there.get(row.sample)
        other = table.get((row.module, row.unit, sample, row.region))
        amount = None if other is None else _amount(row, other)
        return None if amount is None else amount * (whole if row.sample is None else each)

    moved: dict[Key, Moved] = {}
    for mine, theirs in ((now.rows, then.rows), (now.inputs, then.inputs)):
        table = {row.key: row for row in theirs}
        for upstream in (True, False):
            side = [row for row in mine if (row.forward is not None) is upstream]
            moved.update(_ranked(side, lambda row, table=table: like(row, table)))  # type: ignore[misc]
    return moved


def _amount(row: "Contribution", other: "Contribution") -> float | None:
    """The part of ``other`` to compare with ``row``: of what the target depends on, what it puts there."""
    return other.forward if row.forward is not None else other.backward


def _ranked(rows: "Iterable[Contribution]", like: "Callable[[Contribution], float | None]") -> dict[Key, Moved]:
    pairs = []
    for row in rows:
        amount, then = row.forward if row.forward is not None else row.backward, like(row)
        if amount is not None and then is not None and math.isfinite(amount - then):
            pairs.append((row.key, then, amount - then))
    pairs.sort(key=lambda pair: -abs(pair[2]))
    moved: dict[Key, Moved] = {}
    rank, last = 0, math.inf
    for key, then, difference in pairs:
        if not math.isclose(abs(difference), last, rel_tol=1e-6):
            rank, last = rank + 1, abs(difference)
        moved[key] = Moved(then, difference, rank)
    return moved


def words(target: "Target", by: "By", found: Counterpart, has_samples: bool, iteration: int) -> str:
    """What was compared with what."""
    rows = target.rows
    if not rows and "sample" not in by:
        if has_samples and found.rows is None and found.now != found.then:
            return f"the batch of iteration {iteration:,} has {found.then} samples; `then` is scaled to {found.now}"
        return ""
    batch = f"the batch of iteration {iteration:,}"
    if found.rows is None:
        who = f"sample {rows[0]} is" if len(rows) == 1 else "these samples are"
        return f"{batch} is another, and {who} not in it: `then` is the mean of its {found.then} samples"
    if rows and found.rows != rows:
        there = ", ".join(map(str, found.rows))
        which = (
            "the same sample of the data set is row" if len(rows) == 1 else "the same samples of the data set are rows"
        )
        return f"{which} {there} of {batch}"
    return ""
