"""How large a measured change is by chance: robust, local, and aware of rows that lie apart unevenly."""

import numpy as np
from numpy.typing import NDArray

BLOCK = 25
"""Rows over which chance is taken to be the same."""
NORMAL = np.float32(1.4826)
"""Of a normal distribution: standard deviation by median of the absolute."""
NORMAL_TENTH = np.float32(1 / 1.6449)
"""The same by the 90th percentile of the absolute."""


def deviation(
    measured: NDArray[np.float32], iterations: NDArray[np.int64], skip: int, floor: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``[S, R]``: the standard deviation of ``measured`` around each row, as if it were chance.

    The greatest of that of the block and its neighbours, of the whole series by its median, and by its 90th
    percentile, which exceeds the median's where noise has heavy tails or comes in bursts.

    Args:
        measured: ``[S, R]``, around zero.
        iterations: ``[R]``.
        skip: first rows that are left out: a training begins with large changes.
        floor: ``[S, 1]``, the least there is.
    """
    size = np.abs(measured)
    rows = size.shape[1]
    tenth = skip + int(0.9 * (rows - skip))
    whole = np.partition(size[:, skip:], (max((rows - skip) // 2, 0), tenth - skip), axis=1)
    scale = np.maximum(whole[:, (rows - skip) // 2] * NORMAL, whole[:, tenth - skip] * NORMAL_TENTH)
    scale = np.maximum(scale[:, None], floor)
    return np.maximum(_local(size), scale) * _pace(size, scale, iterations)


def _local(size: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[S, R]``, of blocks of rows, the greater of each and its neighbours."""
    count, rows = size.shape
    blocks = max(1, rows // BLOCK)
    width = rows // blocks
    folded = size[:, : blocks * width].reshape(count, blocks, width)
    middle = np.partition(folded, width // 2, axis=2)[:, :, width // 2] * NORMAL
    wide = middle.copy()
    wide[:, 1:] = np.maximum(wide[:, 1:], middle[:, :-1])
    wide[:, :-1] = np.maximum(wide[:, :-1], middle[:, 1:])
    block = np.minimum(np.arange(rows) // width, blocks - 1)
    spread: NDArray[np.float32] = wide[:, block]
    return spread


def _pace(size: NDArray[np.float32], scale: NDArray[np.float32], iterations: NDArray[np.int64]) -> NDArray[np.float32]:
    """``[R]``, how many times the usual a change is where rows lie further apart: at most the square root of how much
    further, as a random walk goes, and not less than 1."""
    gaps = np.diff(iterations, prepend=iterations[:1])
    wide = np.array([gaps[max(0, row - 3) : row + 4].max() for row in range(len(gaps))], np.float32)
    usual = max(1.0, float(np.median(gaps[1:])) if len(gaps) > 1 else 1.0)
    pace: NDArray[np.float32] = np.maximum(np.float32(1), np.sqrt(wide / np.float32(usual)))
    return pace
