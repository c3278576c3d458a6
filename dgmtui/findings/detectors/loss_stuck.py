"""A loss that does not move although it is still high."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import Quantity


@detector("loss_stuck")
def loss_stuck(case: Case) -> Iterator[Finding]:
    """The loss has kept one level over the last part of the run, though it is high or layers get no gradient."""
    losses, limits = case.recording.losses(), case.thresholds
    if len(losses) * limits.stuck_share < limits.stuck_minimum_iterations or not np.isfinite(losses).all():
        return
    stretch = losses[int(len(losses) * (1 - limits.stuck_share)) :]
    level, begin = float(np.median(stretch)), float(np.median(losses[: max(1, len(losses) // 50)]))
    third = len(stretch) // 3
    change = abs(float(np.median(stretch[-third:]) - np.median(stretch[:third])))
    silent = _without_gradient(case)
    came_down = level < limits.stuck_still_high * begin and not silent
    allowed = limits.stuck_change * level
    if silent:
        allowed = max(allowed, limits.stuck_noise * 1.2533 * _spread(losses) * math.sqrt(2 / third))
    if level <= 0 or change > allowed or came_down:
        return
    since = _since(losses, level, limits.stuck_change)
    reason = f"; the weights of {_listed(silent)} receive no gradient" if silent else ""
    yield Finding(
        kind="loss_stuck",
        severity=Severity.ERROR if silent else Severity.WARNING,
        iteration=len(losses) - 1,
        onset=since,
        rank=case.recording.info.rank,
        value=level,
        message=(
            f"The loss has been stuck near {level:.4g} since iteration {since:,} (at the start it was {begin:.4g})"
            f"{reason}."
        ),
        advice=(
            "See why no gradient reaches them: dead units further on, or a part that is detached."
            if silent
            else "Try another learning rate; look whether the gradients of all layers are of a size that can move them."
        ),
        evidence=(Evidence(f"dynamics --window {since} {len(losses)}", f"median loss {level:.4g}"),),
        data={"level": level, "start": begin, "without_gradient": silent},
    )


def _since(losses: NDArray[np.float64], level: float, tolerance: float) -> int:
    """The first iteration of the last stretch whose running median stays at the level."""
    width = max(1, len(losses) // 100)
    blocks = losses[: len(losses) // width * width].reshape(-1, width)
    away = np.flatnonzero(np.abs(np.median(blocks, axis=1) - level) > max(2 * tolerance * level, 3 * _spread(losses)))
    return 0 if len(away) == 0 else int((away[-1] + 1) * width)


def _spread(losses: NDArray[np.float64]) -> float:
    """Standard deviation of the last half's losses about their median, as 1.4826 times the median deviation."""
    tail = losses[len(losses) // 2 :]
    return 1.4826 * float(np.median(np.abs(tail - np.median(tail))))


def _without_gradient(case: Case) -> list[str]:
    """Modules whose weight gradient was zero in every one of the last rows."""
    rows = case.thresholds.dead_window_rows
    silent = []
    for channel, info in case.channels(Quantity.WEIGHT_GRADIENT):
        absmax = case.statistic(channel, "absmax", last=rows)
        if len(absmax) == rows and (absmax == 0).all():
            silent.append(info.module)
    return silent


def _listed(modules: list[str], most: int = 4) -> str:
    shown = ", ".join(f"`{module}`" for module in modules[:most])
    return shown if len(modules) <= most else f"{shown} and {len(modules) - most} more"
