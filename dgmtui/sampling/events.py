"""Lane C: series that do once what neither they nor the others in that column usually do."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.distance import Space
from dgmtui.sampling.motion import Motion, movement
from dgmtui.sampling.outliers import FAVOUR, chosen_apart

LEAST_SCORE = 3.0
CANDIDATES = 4096


def scores(space: Space, moving: Motion) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """``[n]`` and ``[n]``: the series that score over 3, and their scores,
    max_j min(s_j / (own median + 1), s_j / (90th percentile of column j + 1))."""
    # Only where a series stands out from the others can it score; the median, which is dear, is taken of few.
    rare = np.flatnonzero(moving.outstanding > LEAST_SCORE)
    rare = rare[np.argsort(-moving.outstanding[rare], kind="stable")][: 4 * CANDIDATES]
    moved = movement(space, rare)
    strength = (moved / (np.maximum(np.median(moved, axis=0), moving.usual) + 1)).max(axis=0)
    return rare[strength > LEAST_SCORE], strength[strength > LEAST_SCORE]


def events(space: Space, moving: Motion, shown: NDArray[np.int64], k: int, offered: Sequence[int] = ()) -> list[int]:
    """Up to ``k`` series with an event, the strongest first, at least 4 dots (L∞) from ``shown`` and one another.

    Args:
        offered: series that are on the chart now, which count for more.
    """
    if k == 0 or space.columns < 2:
        return []
    candidates, strength = scores(space, moving)
    strength = np.where(np.isin(candidates, np.array(offered, np.int64)), FAVOUR * strength, strength)
    strongest = np.argsort(-strength, kind="stable")[:CANDIDATES]
    return chosen_apart(space, candidates[strongest], (strength[strongest],), shown, k)
