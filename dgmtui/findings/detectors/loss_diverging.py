"""A loss that grows although every number of it is finite."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.losses.levels import block_medians, first_level, takes_turns, thirds
from dgmtui.findings.losses.loss_terms import loss_terms
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.thresholds import Thresholds

_BLOCKS = 100


@dataclass(frozen=True)
class Growth:
    """How a loss ends above where it was."""

    was: float
    now: float
    where: str
    """What ``was`` is, in words."""
    severity: Severity
    oscillates: bool = False


@detector("loss_diverging", live=True)
def loss_diverging(case: Case) -> Iterator[Finding]:
    """The loss ends far above where it began, or above the best it had, and keeps growing."""
    losses, limits = case.recording.losses(), case.thresholds
    if len(losses) < limits.diverging_minimum_iterations or not np.isfinite(losses).all():
        return
    if takes_turns(case) or _moving_target(case):
        return
    growth = _ends_above_its_start(losses, limits) or _swings_wider(losses, limits) or _rises_again(losses, limits)
    if growth is not None:
        yield _finding(case, losses, growth)


def _finding(case: Case, losses: NDArray[np.float64], growth: Growth) -> Finding:
    since = _since(losses)
    how = "swings ever wider" if growth.oscillates else "has grown"
    return Finding(
        kind="loss_diverging",
        severity=growth.severity,
        iteration=len(losses) - 1,
        onset=since,
        rank=case.recording.info.rank,
        value=growth.now,
        message=(
            f"The loss {how} since iteration {since:,}: from {growth.was:.4g} {growth.where} to {growth.now:.4g} over "
            "the last tenth of the run, all of it finite."
        ),
        advice=("Lower the learning rate, or clip the gradients' norm; look which layer's updates are too large."),
        evidence=(
            Evidence(
                f"dynamics --window {since} {len(losses)}", f"median loss {growth.was:.4g}, then {growth.now:.4g}"
            ),
        ),
        data={"from": growth.was, "to": growth.now, "oscillates": growth.oscillates},
    )


def _tail(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    return losses[-max(10, len(losses) // 10) :]


def _ends_above_its_start(losses: NDArray[np.float64], limits: Thresholds) -> Growth | None:
    """Nearly all of the end lies far above the beginning."""
    begin, tail = first_level(losses), _tail(losses)
    least = float(np.percentile(tail, 25))
    if losses.min() < 0 or begin <= 0 or least < limits.diverging_growth * begin:
        return None
    if least < limits.diverging_growth_of_plateau * begin and not thirds(losses[len(losses) // 2 :]).rises:
        return None
    return Growth(begin, float(np.median(tail)), "at the start", Severity.ERROR)


def _swings_wider(losses: NDArray[np.float64], limits: Thresholds) -> Growth | None:
    """The greatest losses of ten blocks grow from one to the next, to many times the first."""
    width = len(losses) // 10
    greatest = np.abs(losses[: 10 * width].reshape(10, width)).max(axis=1)
    rises = int((np.diff(greatest) > 0).sum())
    if losses.min() < 0 or rises < 8 or greatest[-1] < limits.diverging_growth_of_plateau * greatest[0]:
        return None
    return Growth(float(greatest[0]), float(greatest[-1]), "at most in the first tenth", Severity.ERROR, True)


def _rises_again(losses: NDArray[np.float64], limits: Thresholds) -> Growth | None:
    """It had come down and goes up again, to a level that counts beside the one where it began."""
    medians, _ = block_medians(losses, 20)
    best, begin, tail = float(medians.min()), first_level(losses), _tail(losses)
    least = float(np.percentile(tail, 25))
    since_best = losses[int(medians.argmin()) * (len(losses) // len(medians)) :]
    risen = best > 0 and least >= limits.diverging_growth * best and least >= limits.diverging_share_of_start * begin
    if losses.min() < 0 or not risen or len(since_best) < len(losses) // 5 or not thirds(since_best).rises:
        return None
    return Growth(best, float(np.median(tail)), "at its best", Severity.WARNING)


def _since(losses: NDArray[np.float64]) -> int:
    """From where its running median stays above the best by a quarter."""
    medians, width = block_medians(losses, _BLOCKS)
    low = np.flatnonzero(medians <= 1.25 * medians.min())
    return min(int((low[-1] + 1) * width), len(losses) - 1)


def _moving_target(case: Case) -> bool:
    """Parameters go into what the loss compares with, as in value learning: its level then says little."""
    graph = None if case.source is None else case.graph
    terms = () if graph is None else loss_terms(graph)
    return bool(terms) and not any(term.from_data for term in terms)
