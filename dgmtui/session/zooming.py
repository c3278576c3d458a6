"""Windows of iterations for the dynamics chart: closer, farther, to the side, never beyond what is recorded."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Zoom = Literal["in", "out", "all", "left", "right"]
Window = tuple[int, int]
"""Iterations from, up to and without."""

FACTOR = 3
LEAST_ROWS = 8
"""The closest look holds so many rows, or all where there are fewer."""


def zoomed(rows: NDArray[np.int64], window: Window | None, cursor: int, how: Zoom) -> Window | None:
    """The window after one step; None: all.

    Args:
        rows: ``[R]``, the recorded iterations, ascending, at least one.
        window: the present one.
        cursor: the iteration that ``in`` and ``out`` keep in the middle, as far as the ends allow.
    """
    first, end = int(rows[0]), int(rows[-1]) + 1
    start, stop = _within(window or (first, end), first, end)
    length = stop - start
    if how == "left":
        start -= -(-length // 2)
    elif how == "right":
        start += -(-length // 2)
    elif how == "in":
        return _closer(rows, (start, stop), cursor)
    else:
        length = end - first if how == "all" else length * FACTOR
        start = cursor - length // 2
    moved = _within((start, start + length), first, end)
    return None if moved == (first, end) else moved


def _closer(rows: NDArray[np.int64], window: Window, cursor: int) -> Window | None:
    """A third of the window around the cursor, or the least that there is to see there."""
    first, end = int(rows[0]), int(rows[-1]) + 1
    length = max(1, (window[1] - window[0]) // FACTOR)
    start, stop = _within((cursor - length // 2, cursor - length // 2 + length), first, end)
    held = np.searchsorted(rows, (start, stop))
    if held[1] - held[0] < LEAST_ROWS:
        at = int(np.searchsorted(rows, cursor, side="right")) - 1
        begin = min(max(0, at - LEAST_ROWS // 2), max(0, len(rows) - LEAST_ROWS))
        start, stop = int(rows[begin]), int(rows[min(begin + LEAST_ROWS, len(rows)) - 1]) + 1
    return None if (start, stop) == (first, end) else (start, stop)


def _within(window: Window, first: int, end: int) -> Window:
    """``window`` moved, and where it is too long cut, to lie in ``[first, end)``."""
    length = min(window[1] - window[0], end - first)
    start = min(max(window[0], first), end - length)
    return start, start + length
