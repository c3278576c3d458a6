"""One pass over the snapshots: each is run again once, and all that detectors look at is read off it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dgmtui.findings.case import Case
from dgmtui.findings.layers.survey import Survey, survey, surveyed
from dgmtui.findings.losses.batches import Batch, batch_of, chosen
from dgmtui.findings.updates.step_sizes import Outcome, outcome_of, steps_of
from dgmtui.recording.model import SnapshotInfo

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay

SHARE = (0.1, 0.9)
"""Of a look, from where to where of it running the snapshots again takes."""


@dataclass(frozen=True)
class Visit:
    """What one replayed iteration, or turn, showed."""

    snapshot: SnapshotInfo
    batch: Batch | None
    """None where it is not among those whose data are looked at, or has no values to look at."""
    survey: Survey | None
    """None where it is not among those whose layers are looked at."""
    outcomes: tuple[Outcome, ...]
    """What the steps that followed did to the loss of its batch."""


def batches(case: Case) -> tuple[Batch, ...]:
    """What the iterations were given and made of it, by iteration, then turn; none where nothing is to be replayed."""
    return tuple(visit.batch for visit in case.once(_visits) if visit.batch is not None)


def surveys(case: Case) -> tuple[Survey, ...]:
    """What the iterations show of the layers, by iteration, then turn; none where nothing is to be replayed."""
    return tuple(visit.survey for visit in case.once(_visits) if visit.survey is not None)


def surveys_by_turn(case: Case) -> dict[str, list[Survey]]:
    """The same, of each turn by itself."""
    found: dict[str, list[Survey]] = {}
    for each in surveys(case):
        found.setdefault(each.snapshot.turn, []).append(each)
    return found


def outcomes(case: Case) -> tuple[Outcome, ...]:
    """What the steps after these iterations did, by iteration, then turn; none where nothing is to be replayed."""
    return tuple(outcome for visit in case.once(_visits) for outcome in visit.outcomes)


def _visits(case: Case) -> tuple[Visit, ...]:
    return () if case.source is None else tuple(_visited(case))


def _visited(case: Case) -> Iterator[Visit]:
    data, layers = ({id(each) for each in some} for some in (chosen(case), surveyed(case)))
    steps = steps_of(case)

    def see(snapshot: SnapshotInfo, replay: "Replay") -> Visit:
        after = (outcome_of(case, step, replay) for step in steps if step.snapshot is snapshot)
        return Visit(
            snapshot,
            batch_of(case, snapshot, replay) if id(snapshot) in data else None,
            survey(snapshot, replay) if id(snapshot) in layers else None,
            tuple(outcome for outcome in after if outcome is not None),
        )

    due = [each for each in case.snapshots if id(each) in data | layers]
    for done, snapshot in enumerate(due):
        if case.progress is not None:
            begin, each = SHARE[0], (SHARE[1] - SHARE[0]) / len(due)
            said = f"{done + 1} of {len(due)} snapshots"
            case.progress.begin_part(begin + done * each, begin + (done + 1) * each, said)
        visit = case.visit(snapshot, partial(see, snapshot))
        if visit is not None:
            yield visit
