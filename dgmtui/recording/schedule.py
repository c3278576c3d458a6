"""Which rows stay where not all can: the newest, those near what happened, and of the rest fewer the older they are."""

import numpy as np
from numpy.typing import NDArray


def aged(rows: NDArray[np.int64], every: int, newest: int, bias: int) -> NDArray[np.bool_]:
    """``[R]``: the first, the last ``newest``, and of the others every 2^k-th.

    Each time the age doubles beyond the newest, k grows by one, from ``bias``; below 0 it counts as 0.

    Args:
        rows: ``[R]``, iterations, upwards.
        every: iterations from one row to the next as recorded.
    """
    age = np.maximum((rows[-1] - rows) // every, newest) / newest
    k = np.clip(np.floor(np.log2(age)).astype(np.int64) + bias, 0, 40)
    kept: NDArray[np.bool_] = rows % (every * (np.int64(1) << k)) == 0
    kept[0] = True
    kept[-newest:] = True
    return kept


def near(rows: NDArray[np.int64], marks: NDArray[np.int64], distance: int) -> NDArray[np.bool_]:
    """``[R]``: rows within ``distance`` iterations of a mark (``marks`` go upwards)."""
    if not len(marks):
        return np.zeros(len(rows), np.bool_)
    after = np.searchsorted(marks, rows)
    to_next = np.abs(marks[np.minimum(after, len(marks) - 1)] - rows)
    to_last = np.abs(rows - marks[np.maximum(after - 1, 0)])
    close: NDArray[np.bool_] = np.minimum(to_next, to_last) <= distance
    return close


def filled(kept: NDArray[np.bool_], staged: int, block: int) -> NDArray[np.bool_]:
    """The same with some of the newest that were dropped, so that the rows before the ``staged`` fill whole blocks.

    They cost nothing, since a block takes its room in the file however full it is.
    """
    free = -(int(kept.sum()) - staged) % block
    whole = kept.copy()
    if free:
        whole[np.flatnonzero(~kept)[-free:]] = True
    return whole


def spread(iterations: list[int], step: int) -> set[int]:
    """Of iterations, upwards, every ``step``-th, counted from the newest."""
    return set(iterations[::-1][::step])
