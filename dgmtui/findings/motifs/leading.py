"""What changed first: the group of series whose change came before a finding."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.model import Finding
from dgmtui.findings.motifs.model import Group, MotifKind, Patterns
from dgmtui.findings.thresholds import Thresholds

PRECEDED = frozenset(
    "nonfinite overflow_ahead exploding_gradient vanishing_gradient dead_units saturated_units loss_stuck "
    "loss_diverging loss_spike discriminator_won mode_collapse rank_divergence".split()
)
"""Kinds of findings that come about while training; the others are so from the start."""
LEADS = frozenset({MotifKind.STEP, MotifKind.SPIKE, MotifKind.DRIFT, MotifKind.DIVERGENCE})


def change_before(
    finding: Finding, patterns: Patterns, rows: NDArray[np.int64], thresholds: Thresholds
) -> Group | None:
    """The first great change before a finding began, or with it: of what changed in the last part of the run up to the
    row that first shows that iteration, the earliest that takes in at least half as much as the greatest.

    None where nothing did, or no more than some units of no weight.

    Args:
        rows: ``[R]``, the iteration of each recorded row.
    """
    if finding.kind not in PRECEDED or not len(rows):
        return None
    began = began_at(finding)
    shown = int(rows[min(int(np.searchsorted(rows, began)), len(rows) - 1)])
    first = began - thresholds.motif_before * began
    near = [
        g for g in patterns.groups if g.kind in LEADS and first <= g.iteration <= shown and _is_great(g, thresholds)
    ]
    most = max((group.weight for group in near), default=0.0)
    return next((group for group in near if group.weight >= most / 2), None)


def began_at(finding: Finding) -> int:
    """The iteration at which the trouble began."""
    return finding.iteration if finding.onset is None else min(finding.onset, finding.iteration)


def _is_great(group: Group, thresholds: Thresholds) -> bool:
    units = sum(map(len, group.units.values()))
    return units >= thresholds.motif_series and group.weight >= thresholds.motif_great
