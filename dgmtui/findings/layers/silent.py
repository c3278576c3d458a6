"""Modules whose weights receive no gradient, told from recorded rows or from snapshots."""

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.recording.model import Quantity

_SNAPSHOTS = 3


def without_gradient(case: Case) -> list[str]:
    """Modules whose weight gradient was zero in every one of the last rows, or in the last snapshots."""
    rows = case.thresholds.dead_window_rows
    silent = []
    for channel, info in case.channels(Quantity.WEIGHT_GRADIENT):
        absmax = case.statistic(channel, "absmax", last=rows)
        enough = len(absmax) == rows or (len(absmax) > 0 and _silent_in_snapshots(case, info.module))
        if enough and (absmax == 0).all():
            silent.append(info.module)
    return silent


def _silent_in_snapshots(case: Case, module: str) -> bool:
    """Where rows are too few: the gradients that the last snapshots hold."""
    if case.source is None:
        return False
    name = f"grad:{module}.weight" if module else "grad:weight"
    found = [values for s in reversed(case.snapshots) if (values := case.array(s, name)) is not None][:_SNAPSHOTS]
    return len(found) == _SNAPSHOTS and not any(np.any(values) for values in found)
