"""How much each series moves within a column and from one to the next: its noise, and what stands out of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.distance import Space

REFERENCES = 20_000
USUAL = 90
"""Percentile of a column's movements."""


@dataclass(frozen=True)
class Motion:
    """Of all series of a space."""

    noise: NDArray[np.float32]
    """``[N]`` dots: how far each reaches within a column, on average over all but its greatest."""
    outstanding: NDArray[np.float32]
    """``[N]``: the greatest of its movements, each by what is usual in its column and 1 dot."""
    usual: NDArray[np.float32]
    """``[C, 1]`` dots: the 90th percentile of all movements in each column."""


def motion(space: Space, rng: np.random.Generator) -> Motion:
    """One pass over all series."""
    some = space.some(REFERENCES, rng)
    moved = movement(space, some) if len(some) else np.zeros((space.columns, 1), np.float32)
    usual = np.percentile(moved, USUAL, axis=1)[:, None].astype(np.float32)
    by, noise, outstanding = 1 / (usual + 1), np.empty(space.size, np.float32), np.empty(space.size, np.float32)
    for part in space.blocks():
        moved = reach(space, part)
        noise[part] = moved.sum(axis=0)
        noise[part] -= moved.max(axis=0)
        outstanding[part] = (movement(space, part, moved) * by).max(axis=0)
    noise /= max(space.columns - 1, 1)
    outstanding[space.unusable] = 0
    return Motion(noise, outstanding, usual)


def reach(space: Space, part: slice | NDArray[np.int64]) -> NDArray[np.float32]:
    """``[C, n]`` dots: from the minimum to the maximum of each column."""
    low, high = space.features[: space.columns, part], space.features[space.columns :, part]
    moved: NDArray[np.float32] = high - low
    moved += space.centre[space.columns :] - space.centre[: space.columns]
    return moved


def movement(
    space: Space, part: slice | NDArray[np.int64], moved: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """s ``[C, n]`` in dots: the greater of a column's reach and the step of its middle from the column before.

    Args:
        moved: ``reach``, where it is known; it is overwritten.
    """
    moved = reach(space, part) if moved is None else moved
    steps = np.diff(space.features[: space.columns, part] + space.features[space.columns :, part], axis=0)
    steps += np.diff(space.centre[: space.columns] + space.centre[space.columns :], axis=0)
    np.abs(steps, out=steps)
    steps *= np.float32(0.5)
    np.maximum(moved[1:], steps, out=moved[1:])
    return moved
