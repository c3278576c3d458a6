"""Whether a training learns: how much of its loss is left."""

import math

import numpy as np

from dgmtui.findings.case import Case

START = 50
"""The start of a run is its first 1/50, the end its last 1/6."""
END = 6


def loss_left(case: Case) -> float:
    """The loss at the end as a share of that at the start, as medians; infinite where it is not finite any more.

    Where a loss is not positive a share means nothing: then it is 0 if the loss came down by three times its spread,
    else 1.
    """
    losses = case.recording.losses()
    if not len(losses):
        return 1.0
    end = losses[-max(1, len(losses) // END) :]
    if not np.isfinite(losses[-1]) or not np.isfinite(end).any():
        return math.inf
    begin = losses[: max(1, len(losses) // START)]
    start, level = (float(np.median(part[np.isfinite(part)])) if np.isfinite(part).any() else math.nan
                    for part in (begin, end))  # fmt: skip
    if not math.isfinite(start):
        return 1.0
    if start > 0 and level > 0:
        return level / start
    spread = 1.4826 * float(np.median(np.abs(end[np.isfinite(end)] - level)))
    return 0.0 if level < start - 3 * spread else 1.0


def takes_turns(case: Case) -> bool:
    """Whether an iteration has several turns with losses of their own, whose mean tells nothing."""
    return len({snapshot.turn for snapshot in case.recording.snapshots}) > 1
