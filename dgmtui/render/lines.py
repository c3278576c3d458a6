"""A line to draw, and where it leaves: the chart's range, or what is finite."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.scales import Axis


@dataclass(frozen=True)
class Series:
    """One polyline to draw."""

    values: NDArray[np.floating]
    """``[T]``; non-finite where it was."""
    kind: str = "cover"
    label: str = ""
    """Beside the end of a line that is marked."""
    first_nonfinite: int | None = None
    """Iteration at which it stops being finite; None: of the kind ``nonfinite`` where it does so, of others never,
    since a row may not have seen them."""


@dataclass(frozen=True)
class End:
    """Where a line stops being finite."""

    iteration: int
    height: float
    """Of its last finite value before, in [0, 1]; 0 where there is none."""


def exits(values: NDArray[np.floating], axis: Axis) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where lines go beyond the axis, at its top and at its bottom: two ``[n, 2]`` of line and step.

    ``values`` ``[N, T]``; non-finite ones are not beyond, they have a mark of their own.
    """
    return _beginnings(values > axis.high, values), _beginnings(values < axis.low, values)


def _beginnings(beyond: NDArray[np.bool_], values: NDArray[np.floating]) -> NDArray[np.intp]:
    if not beyond.any():
        return np.empty((0, 2), np.intp)
    beyond &= np.isfinite(values)
    beyond[:, 1:] &= ~beyond[:, :-1]
    return np.argwhere(beyond)


def end_of(series: Series, axis: Axis, iterations: NDArray[np.int64]) -> End | None:
    """Where ``series`` over ``iterations`` ``[T]`` stops being finite, if it does."""
    first = series.first_nonfinite
    if first is None and series.kind == "nonfinite":
        bad = ~np.isfinite(series.values)
        first = int(iterations[bad.argmax()]) if bad.any() else None
    if first is None:
        return None
    before = series.values[: int(np.searchsorted(iterations, first))]
    before = before[np.isfinite(before)]
    return End(first, float(axis.position(before[-1:])[0]) if before.size else 0.0)
