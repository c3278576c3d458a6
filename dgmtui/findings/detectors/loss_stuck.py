"""A loss that does not move although it is still high."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.layers.silent import without_gradient
from dgmtui.findings.losses.constant import Constant, best_constant
from dgmtui.findings.losses.levels import first_level, scatter, takes_turns, thirds
from dgmtui.findings.losses.loss_terms import Form
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.visits import batches


@dataclass(frozen=True)
class Stuck:
    """A loss that keeps its level."""

    level: float
    begin: float
    since: int
    silent: list[str]
    """Modules whose weights receive no gradient."""
    constant: Constant | None
    """What predicting a constant costs; None where the targets don't tell, or no snapshot was looked at."""

    @property
    def learned_nothing(self) -> bool:
        """The network does no better than a constant."""
        return self.constant is not None


@detector("loss_stuck", live=True)
def loss_stuck(case: Case) -> Iterator[Finding]:
    """The loss has kept one level over the last part of the run, though it is high or layers get no gradient."""
    losses, limits = case.recording.losses(), case.thresholds
    few = len(losses) * limits.stuck_share < limits.stuck_minimum_iterations
    if few or not np.isfinite(losses).all() or takes_turns(case):
        return
    stretch = losses[int(len(losses) * (1 - limits.stuck_share)) :]
    silent = without_gradient(case)
    level, begin = float(np.median(stretch)), first_level(losses)
    if level <= 0 or not _keeps_its_level(case, stretch, level, bool(silent)):
        return
    constant = best_constant(batches(case), len(losses) // 4)
    no_better = constant is not None and constant.share >= limits.stuck_at_constant
    if not silent and not (no_better if constant is not None else level >= limits.stuck_still_high * begin):
        return
    since = _since(losses, level, limits.stuck_change)
    yield _finding(case, len(losses), Stuck(level, begin, since, silent, constant if no_better else None))


def _keeps_its_level(case: Case, stretch: NDArray[np.float64], level: float, silent: bool) -> bool:
    """Its first and last thirds are at one level, within the noise of their medians where layers get no gradient."""
    limits, moves = case.thresholds, thirds(stretch)
    allowed = limits.stuck_change * level
    if silent:
        allowed = max(allowed, limits.stuck_noise * moves.error)
    known = moves.error <= limits.stuck_certainty * level
    noise = min(2 * moves.error, limits.stuck_change * level)
    return known and abs(moves.last - moves.first) <= allowed + noise


def _finding(case: Case, count: int, stuck: Stuck) -> Finding:
    reason = f"; the weights of {_listed(stuck.silent)} receive no gradient" if stuck.silent else ""
    constant = "" if stuck.constant is None else f" It does no better than a constant: {stuck.constant.sentence}."
    return Finding(
        kind="loss_stuck",
        severity=Severity.ERROR if stuck.silent or stuck.learned_nothing else Severity.WARNING,
        iteration=count - 1,
        onset=stuck.since,
        rank=case.recording.info.rank,
        value=stuck.level,
        message=(
            f"The loss has been stuck near {stuck.level:.4g} since iteration {stuck.since:,} (at the start it was "
            f"{stuck.begin:.4g}){reason}.{constant}"
        ),
        advice=_advice(stuck),
        evidence=(Evidence(f"dynamics --window {stuck.since} {count}", f"median loss {stuck.level:.4g}"),),
        data={
            "level": stuck.level,
            "start": stuck.begin,
            "without_gradient": stuck.silent,
            "constant": None if stuck.constant is None else stuck.constant.cost,
        },
    )


def _advice(stuck: Stuck) -> str:
    if stuck.silent:
        return "See why no gradient reaches them: dead units further on, or a part that is detached."
    if stuck.constant is None:
        return "Try another learning rate; look whether the gradients of all layers are of a size that can move them."
    pairing = "that each input still lies beside its own target (shuffled or sorted apart, they can't be learned)"
    if stuck.constant.form in (Form.NLL, Form.SOFT_NLL):
        pairing = "that each sample still has its own label (shuffled apart from the inputs, none can be learned)"
    return f"Check {pairing}, that the loss takes what the last layer gives, and try another learning rate."


def _since(losses: NDArray[np.float64], level: float, tolerance: float) -> int:
    """The first iteration of the last stretch whose running median stays at the level."""
    width = max(1, len(losses) // 100)
    blocks = losses[: len(losses) // width * width].reshape(-1, width)
    tail = losses[len(losses) // 2 :]
    away = np.abs(np.median(blocks, axis=1) - level) > max(2 * tolerance * level, 3 * scatter(tail))
    places = np.flatnonzero(away[: max(1, len(away) // 2)])  # the second half is at the level: that is the finding
    return 0 if len(places) == 0 else int((places[-1] + 1) * width)


def _listed(modules: list[str], most: int = 4) -> str:
    shown = ", ".join(f"`{module}`" for module in modules[:most])
    return shown if len(modules) <= most else f"{shown} and {len(modules) - most} more"
