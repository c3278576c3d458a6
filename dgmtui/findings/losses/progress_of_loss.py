"""Whether a training got anywhere, told from its losses alone."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case


def begin_and_end(losses: NDArray[np.float64]) -> tuple[float, float]:
    """The medians of the first and the last tenth of the finite losses, of at most 50 iterations; NaN without any."""
    known = losses[np.isfinite(losses)]
    if not len(known):
        return float("nan"), float("nan")
    width = max(1, min(50, len(known) // 10))
    return float(np.median(known[:width])), float(np.median(known[-width:]))


def gain(case: Case) -> float:
    """By what share of its size at the start the loss came down; negative where it grew, NaN where nothing is known."""
    begin, end = begin_and_end(case.recording.losses())
    return (begin - end) / abs(begin) if begin else float("nan")
