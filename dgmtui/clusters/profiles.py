"""What of a unit is compared: for which samples it is high and for which low, whatever its scale."""

import numpy as np
from numpy.typing import NDArray

_FLAT = 1e-6
"""A unit whose standard deviation is less than this part of its greatest size does not vary beyond rounding."""


def profiles(activations: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Each unit's activations less their mean, divided by their standard deviation: distances are correlations then.

    Args:
        activations: ``[S, U]``, one number a sample and unit.

    Returns:
        Profiles ``[U, S]`` (0 where the next two say so), which units are constant ``[U]``, which non-finite ``[U]``.
    """
    rows = np.array(activations.T, np.float64, order="C")
    bad: NDArray[np.bool_] = np.logical_not(np.isfinite(rows).all(axis=1))
    rows[bad] = 0.0
    size = np.abs(rows).max(axis=1, initial=0.0)
    rows /= np.where(size > 0, size, 1.0)[:, None]
    rows -= rows.mean(axis=1, keepdims=True)
    spread = rows.std(axis=1)
    constant: NDArray[np.bool_] = (spread <= _FLAT) & ~bad
    rows /= np.where(spread > _FLAT, spread, np.inf)[:, None]
    return rows.astype(np.float32), constant, bad
