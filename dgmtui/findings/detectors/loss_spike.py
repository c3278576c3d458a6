"""A loss that for once lies far outside its past."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.losses.levels import SIGMA, first_level, takes_turns
from dgmtui.findings.losses.per_sample import Share, greatest_share
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.thresholds import Thresholds
from dgmtui.findings.visits import batches


@dataclass(frozen=True)
class Spike:
    """One departure of the loss from its past."""

    begin: int
    value: float
    """The greatest loss before it came back."""
    median: float
    """Of the past that it left."""
    highest: float
    """Of that past."""
    back: int | None
    """The iteration from which it lies within its past again; None where it never does."""


@detector("loss_spike", live=True)
def loss_spike(case: Case) -> Iterator[Finding]:
    """The loss rises at once far above all of its recent past and above where it began."""
    losses = _until_nonfinite(case.recording.losses(), case.thresholds)
    if takes_turns(case):
        return
    found = spikes(losses, case.thresholds)
    if found and not _runs_away(case, losses, found[-1]):
        yield _finding(case, losses, found)


def _runs_away(case: Case, losses: NDArray[np.float64], last: Spike) -> bool:
    """Whether the last one is no spike but the beginning of a divergence: it never comes back, and what follows is
    higher still, or not finite in the end."""
    if last.back is not None:
        return False
    after = losses[last.begin :]
    return not np.isfinite(case.recording.losses()).all() or float(np.median(after[len(after) // 2 :])) > after[0]


def _until_nonfinite(losses: NDArray[np.float64], limits: Thresholds) -> NDArray[np.float64]:
    """What was before a run blew up; the blow itself is another finding."""
    bad = np.flatnonzero(~np.isfinite(losses))
    return losses if not len(bad) else losses[: max(0, int(bad[0]) - limits.spike_least_past)]


def spikes(losses: NDArray[np.float64], limits: Thresholds) -> list[Spike]:
    """Every departure, in order."""
    found: list[Spike] = []
    if len(losses) <= limits.spike_least_past:
        return found
    begin, after = first_level(losses), 0
    for place in _candidates(losses, limits):
        if place < after:
            continue
        past = losses[max(0, place - limits.spike_past) : place]
        median, highest = float(np.median(past)), float(past.max())
        sigma = SIGMA * float(np.median(np.abs(past - median)))
        least = max(limits.spike_beyond * (highest - median), limits.spike_sigmas * sigma, begin - median)
        if losses[place] - median <= least or least == 0:
            continue
        back = _back(losses, place, highest)
        after = len(losses) if back is None else back
        found.append(Spike(place, float(losses[place:after].max()), median, highest, back))
    return found


def _candidates(losses: NDArray[np.float64], limits: Thresholds) -> list[int]:
    """Iterations whose loss is above all of the last ``spike_least_past``, quickly told."""
    width = limits.spike_least_past
    past = np.lib.stride_tricks.sliding_window_view(losses[:-1], width).max(axis=1)
    places: list[int] = (np.flatnonzero(losses[width:] > past) + width).tolist()
    return places


def _back(losses: NDArray[np.float64], place: int, highest: float) -> int | None:
    """The first iteration from which five losses in a row lie within the past."""
    within = losses[place + 1 :] <= highest
    if len(within) < 5:
        return None
    runs = np.flatnonzero(np.lib.stride_tricks.sliding_window_view(within, 5).all(axis=1))
    return place + 1 + int(runs[0]) if len(runs) else None


def _finding(case: Case, losses: NDArray[np.float64], found: list[Spike]) -> Finding:
    worst = max(found, key=lambda spike: spike.value)
    lost = found[-1].back is None and len(losses) - found[-1].begin > case.thresholds.spike_least_past
    share = _share(case, [spike.begin for spike in found])
    return Finding(
        kind="loss_spike",
        severity=Severity.ERROR if lost else Severity.WARNING,
        iteration=found[0].begin,
        rank=case.recording.info.rank,
        value=found[0].value,
        sample=None if share is None else share.sample,
        dataset_index=None if share is None else share.dataset_index,
        message=_message(found, worst, losses) + ("" if share is None else f" {share.sentence}"),
        advice=(
            "Look at the batch of that iteration for a sample that is not like the others; clip the gradients' norm; "
            "lower the learning rate if it comes again."
        ),
        evidence=(
            Evidence(
                f"dynamics --window {max(0, found[0].begin - 50)} {min(len(losses), found[0].begin + 50)}",
                f"loss {found[0].value:.4g} after {found[0].median:.4g}",
            ),
        ),
        data={"spikes": [spike.begin for spike in found], "recovered": not lost},
    )


def _message(found: list[Spike], worst: Spike, losses: NDArray[np.float64]) -> str:
    first = found[0]
    said = (
        f"The loss jumped to {first.value:.4g} at iteration {first.begin:,}; in the iterations before it was "
        f"{first.median:.4g}, {first.highest:.4g} at most."
    )
    if first.back is None:
        said += " It has not come back since."
    else:
        said += f" It was back after {first.back - first.begin:,} iteration{'s' * (first.back - first.begin > 1)}."
    if len(found) > 1:
        said += f" There are {len(found)} such jumps, the greatest to {worst.value:.4g} at iteration {worst.begin:,}."
    return said


def _share(case: Case, places: list[int]) -> Share | None:
    """The sample that made the loss of one of these iterations, where a snapshot of one was kept."""
    seen = batches(case) if case.source is not None else ()
    for batch in seen:
        if batch.snapshot.iteration in places:
            share = greatest_share(batch)
            if share is not None and share.share >= case.thresholds.outlier_share:
                return share
    return None
