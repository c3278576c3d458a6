"""When a series left its past."""

import math

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.recording.model import Quantity


def left_its_past(values: NDArray[np.float64], growth: float, least: int = 1) -> int | None:
    """The first row from which ``values`` stay above all that was before, where they then grow by a factor or more.

    What was before is a past only when it is long enough: every run begins by leaving its first rows.

    Args:
        values: ``[R]``, magnitudes; non-finite ones count as above everything.
        growth: least ratio of the last finite value to the greatest before the row.
        least: rows that make a past.
    """
    if len(values) < 3:
        return None
    finite = np.where(np.isfinite(values), values, np.inf)
    past = np.maximum.accumulate(finite)[:-1]
    future = np.minimum.accumulate(finite[::-1])[::-1][1:]
    known = finite[np.isfinite(finite)]
    rows = np.flatnonzero((future > past) & (past > 0))
    rows = rows[rows + 1 >= least]
    if len(rows) == 0 or len(known) == 0 or known[-1] < growth * past[rows[0]]:
        return None
    return int(rows[0]) + 1


def rows_where_left(values: NDArray[np.float64], growth: float, least: int, margin: float = 1.0) -> NDArray[np.int64]:
    """The same for many series at once: ``[U]`` rows, -1 where there is none.

    Args:
        values: ``[R, U]``, magnitudes.
        growth, least: as of ``left_its_past``.
        margin: the row given is the first from which they stay above so many times what was before they left it, so
            that one which creeps for long before it jumps has not left before the jump.
    """
    none = np.full(values.shape[1], -1, np.int64)
    if len(values) < 3:
        return none
    finite = np.where(np.isfinite(values), values, np.inf)
    past = np.maximum.accumulate(finite)[:-1]
    least_from = np.minimum.accumulate(finite[::-1])[::-1]
    leaves = (least_from[1:] > past) & (past > 0)
    leaves[: max(least - 1, 0)] = False
    was = past[leaves.argmax(axis=0), np.arange(values.shape[1])]
    stays = least_from > np.maximum(margin * was, np.nextafter(was, np.inf))
    grew = (last_finite(values) >= growth * was) & stays.any(axis=0)
    return np.where(leaves.any(axis=0) & grew, stays.argmax(axis=0), none)


def last_finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[U]``, the last finite value of each column of ``[R, U]``; NaN where there is none."""
    finite = np.isfinite(values)
    row = len(values) - 1 - finite[::-1].argmax(axis=0)
    return np.where(finite.any(axis=0), values[row, np.arange(values.shape[1])], np.nan)


def rows_of_past(rows: NDArray[np.int64], share: float) -> int:
    """How many of the first rows span so large a share of the iterations; old ones may lie further apart."""
    if len(rows) < 2:
        return len(rows)
    usual = int(np.min(np.diff(rows)))
    span = share * (float(rows[-1] - rows[0]) + usual)
    return int(np.searchsorted(rows, rows[0] + math.ceil(span - 1e-9), "left"))


def onset_of(case: Case, module: str, quantity: Quantity, before: int) -> tuple[int, str] | None:
    """Iteration at which a module's greatest magnitude left its past, and the numbers that show it.

    Args:
        before: the failing iteration; an onset is earlier.
    """
    recording = case.recording
    channel = case.channel(module, quantity)
    if channel is None:
        return None
    called = case.called(channel)
    absmax, rows = case.statistic(channel, "absmax")[called], recording.rows[called]
    least = max(3, rows_of_past(rows, case.thresholds.onset_past))
    row = left_its_past(absmax, case.thresholds.onset_growth, least)
    if row is None or rows[row] >= before:
        return None
    iteration = int(rows[row])
    finite = absmax[np.isfinite(absmax)]
    was = float(np.max(absmax[:row]))
    return iteration, f"|{quantity}| of `{module}` at most {was:.4g} before, {finite[-1]:.4g} at the end"
