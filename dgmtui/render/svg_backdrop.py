"""What all series do, in an SVG chart: shades by how many pass a place, or bands of percentiles."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.backdrop import density_shares
from dgmtui.render.chart import place
from dgmtui.render.scales import Axis
from dgmtui.render.svg_parts import BOX, points
from dgmtui.session.view import Backdrop

_SHADES = 5
_COLUMNS, _ROWS = 185, 102
"""Of the shades: four pixels each way."""


def backdrop_parts(backdrop: Backdrop, axis: Axis, iterations: NDArray[np.int64]) -> Iterator[str]:
    """The elements beneath the lines of a chart over ``iterations`` ``[T]``."""
    if not len(iterations) or len(backdrop.edges) < 2:
        return
    if backdrop.density is not None:
        yield from _shades(backdrop.density, backdrop.edges, iterations)
    elif backdrop.bands is not None:
        yield from _bands(backdrop.bands, backdrop.edges, axis, iterations)


def _shades(density: NDArray[np.uint32], edges: NDArray[np.int64], iterations: NDArray[np.int64]) -> Iterator[str]:
    """One path a shade, of all the places that have it."""
    at = np.linspace(float(iterations[0]), float(iterations[-1]), _COLUMNS)
    columns = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)
    shares = density_shares(density, columns, _ROWS)
    shares[:, (at < edges[0]) | (at >= edges[-1])] = 0
    levels = np.ceil(shares * _SHADES).astype(int)
    wide, tall = BOX.width / _COLUMNS, BOX.height / _ROWS
    for level in range(1, _SHADES + 1):
        runs = ((row, start, stop) for row in range(_ROWS) for start, stop in _runs(levels[row] == level))
        d = "".join(
            f"M{BOX.left + start * wide:g} {BOX.top + row * tall:g}h{(stop - start) * wide:g}v{tall:g}"
            f"h{(start - stop) * wide:g}z"
            for row, start, stop in runs
        )
        if d:
            yield f'<path class="density" fill-opacity="{0.45 * level / _SHADES:.2f}" d="{d}"/>'


def _runs(there: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """From and to of what follows each other."""
    changes = np.flatnonzero(np.diff(np.concatenate(([0], there.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in changes.reshape(-1, 2)]


def _bands(
    bands: NDArray[np.float32], edges: NDArray[np.int64], axis: Axis, iterations: NDArray[np.int64]
) -> Iterator[str]:
    """Two areas and the median, in steps as wide as the columns."""
    known = np.flatnonzero(~np.isnan(bands).any(axis=0))
    ends = BOX.x(place(iterations, np.stack([edges[known], edges[known + 1]], axis=1).ravel()))
    steps = [np.repeat(BOX.y(axis.position(band[known])), 2) for band in bands]
    for low, high, opacity in ((0, 4, 0.15), (1, 3, 0.25)):
        around = points(np.concatenate([ends, ends[::-1]]), np.concatenate([steps[low], steps[high][::-1]]))
        yield f'<polygon class="band" fill-opacity="{opacity}" points="{around}"/>'
    if len(known):
        yield f'<path class="median" d="M{points(ends, steps[2])}"/>'
