"""Iterations whose neighbourhood stays as it was recorded, whatever is thinned."""

from collections.abc import Iterator

import h5py
import numpy as np
from numpy.typing import NDArray

JUMP = 12.0
"""A loss jumps where it moves by so many times the median movement of its block."""
MOST_JUMPS = 64
BLOCK = 1024


def stretches(iterations: NDArray[np.int64], gap: int) -> NDArray[np.int64]:
    """``[n]``, ascending: first and last of each run of iterations that follow each other within ``gap``."""
    known = np.unique(iterations)
    if not len(known):
        return known
    breaks = np.flatnonzero(np.diff(known) > gap)
    return np.unique(np.concatenate([known[:1], known[breaks], known[breaks + 1], known[-1:]]))


def loss_jumps(loss: h5py.Dataset, count: int) -> NDArray[np.int64]:
    """``[n]``, ascending: the iterations at which the loss moved most out of the ordinary, or turned non-finite or
    finite again."""
    found = [jump for start in range(0, count, BLOCK) for jump in _jumps_in(loss, start, min(start + BLOCK, count))]
    found.sort(reverse=True)
    return np.array(sorted(iteration for _, iteration in found[:MOST_JUMPS]), np.int64)


def _jumps_in(loss: h5py.Dataset, start: int, stop: int) -> Iterator[tuple[float, int]]:
    """By how many times the median movement it moved, and where: the greatest of one block."""
    first = max(0, start - 1)
    values = np.asarray(loss[first:stop], np.float64)
    finite = np.isfinite(values)
    for turn in np.flatnonzero(finite[1:] != finite[:-1])[:4]:
        yield np.inf, first + int(turn) + 1
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.abs(np.diff(values))
    known = moved[np.isfinite(moved)]
    usual = float(np.median(known)) if len(known) else 0.0
    if usual <= 0:
        return
    moved[~np.isfinite(moved)] = 0
    for place in np.argsort(moved)[::-1][:4]:
        if moved[place] > JUMP * usual:
            yield float(moved[place] / usual), first + int(place) + 1
