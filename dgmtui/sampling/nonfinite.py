"""When a series first was not finite: only the column where its extremes show it is read again."""

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.blocks import tiles
from dgmtui.sampling.population import Part

NEAR = 8192
"""Units that are read together."""


def first_bad_iterations(
    part: Part,
    units: NDArray[np.int64],
    begins: NDArray[np.int64],
    stops: NDArray[np.int64],
    dtype: type[np.floating],
) -> dict[int, int]:
    """The first iteration at which each of ``units`` ``[n]``, ascending, holds a non-finite value.

    Args:
        begins: ``[n]``, the first iteration to look at.
        stops: ``[n]``, the one after the last.
    """
    found: dict[int, int] = {}
    for begin in np.unique(begins):
        of = begins == begin
        wanted, stop = units[of], int(stops[of][0])
        rows = np.searchsorted(part.iterations, (begin, stop))
        for group in np.split(wanted, np.flatnonzero(np.diff(wanted // NEAR)) + 1):
            found.update(_search(part, int(rows[0]), int(rows[1]), group, dtype))
    return found


def _search(part: Part, start: int, stop: int, wanted: NDArray[np.int64], dtype: type[np.floating]) -> dict[int, int]:
    found: dict[int, int] = {}
    between = (int(wanted[0]), int(wanted[-1]) + 1)
    for row, unit, tile in tiles(part.series, start, stop, dtype, between):
        count, rows, width = tile.shape
        here = wanted[(wanted >= unit) & (wanted < unit + count * width)]
        bad = ~np.isfinite(tile[(here - unit) // width, :, (here - unit) % width].T)
        if part.absent is not None:
            bad[part.absent[row : row + rows]] = False
        for i in np.flatnonzero(bad.any(axis=0)):
            found.setdefault(int(here[i]), int(part.iterations[row + int(bad[:, i].argmax())]))
    return found
