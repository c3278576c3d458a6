"""Replicas that no longer have the same weights."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import STATISTICS, Quantity

if TYPE_CHECKING:
    from dgmtui.recording import Recording

SHARDED = "sharded"
"""The kind of event that says that each rank holds a part of each parameter only."""

_ZEROS = STATISTICS.index("zeros")
"""A number wherever a tensor was seen."""


@detector("rank_divergence")
def rank_divergence(case: Case) -> Iterator[Finding]:
    """Ranks that began with the same weights, as replicas do, and no longer have them."""
    ranks = case.recording.ranks
    if len(ranks) < 2 or ranks[0] is not case.recording or any(_is_sharded(one) for one in ranks):
        return
    for other in ranks[1:]:
        found = _first_difference(case, other)
        if found is None:
            continue
        iteration, before, module, name, ours, theirs = found
        yield Finding(
            kind="rank_divergence",
            severity=Severity.ERROR,
            iteration=iteration,
            onset=before,
            rank=other.info.rank,
            phase="update",
            module=module,
            value=theirs,
            message=(
                f"The weight of {f'`{module}`' if module else 'the root'} on rank {other.info.rank} is no longer that "
                f"of rank {case.recording.info.rank}: its {name} is {theirs:.9g} there and {ours:.9g} here. It was the "
                f"same at iteration {before:,}; since then the replicas train different models."
            ),
            advice=(
                "Look for what changes a parameter on one rank alone: a step or a clip under `if rank == 0`, a "
                "parameter made after the model was wrapped, gradients left out by no_sync()."
            ),
            evidence=(
                Evidence(f"goto {iteration}", "the first recorded row that differs"),
                Evidence(f"module {module or '.'}", "its weight, rank by rank"),
            ),
            data={"ranks": [case.recording.info.rank, other.info.rank], "same_until": before},
        )


def _is_sharded(recording: "Recording") -> bool:
    return any(event.kind == SHARDED for event in recording.events())


def _first_difference(case: Case, other: "Recording") -> tuple[int, int, str, str, float, float] | None:
    """Iteration, the last before it at which all was the same, module, statistic and its two values."""
    mine, theirs = case.recording, other
    rows, at, there = np.intersect1d(mine.rows, theirs.rows, assume_unique=True, return_indices=True)
    ids = {(c.module, c.quantity): i for i, c in enumerate(theirs.channels)}
    first: tuple[int, int, str, str, float, float] | None = None
    for channel, known in case.channels(Quantity.WEIGHT):
        match = ids.get((known.module, Quantity.WEIGHT))
        if match is None or not len(rows):
            continue
        ours = mine.statistics(channel, 0, len(mine.rows))[at]
        others = theirs.statistics(match, 0, len(theirs.rows))[there]
        seen = ~np.isnan(ours[:, _ZEROS] + others[:, _ZEROS])  # an iteration that raised may have no weight
        if not seen.any():
            continue
        both, ours, others = rows[seen], ours[seen], others[seen]
        unequal = ~((ours == others) | (np.isnan(ours) & np.isnan(others)))
        differs = np.flatnonzero(unequal.any(axis=1))
        if not len(differs):
            continue
        row = int(differs[0])
        if row == 0:  # they never were replicas: each rank trains a model of its own
            return None
        if first is None or both[row] < first[0]:
            place = int(np.flatnonzero(unequal[row])[0])
            name, values = STATISTICS[place], (float(ours[row, place]), float(others[row, place]))
            first = int(both[row]), int(both[row - 1]), known.module, name, *values
    return first
