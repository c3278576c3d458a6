"""From values to chart dots, linear, logarithmic or symmetric-logarithmic."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError

HEIGHT = 200.0
"""Dots of the reference chart's vertical axis."""
WIDTH = 400.0
"""Dots of its horizontal axis."""
SCALES = ("linear", "log", "symlog")
PERCENTILE_VALUES = 1 << 18
BLOCK = 8192
LARGEST, SMALLEST = 1e30, 1e-30
"""Between these float32 arithmetic neither overflows nor loses what a dot shows."""


@dataclass(frozen=True)
class Scale:
    """A map from finite values to ``[0, HEIGHT]`` dots."""

    kind: str
    low: float
    """The value at the bottom of the chart, in the series' unit."""
    high: float
    """The value at its top."""
    threshold: float
    """Of symlog: c, the value where it turns from linear to logarithmic; 1 otherwise."""

    def dots(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where finite ``values`` (any shape) lie, clipped to the chart; its middle where the range is zero.

        Float32 where the values are and that is exact enough, else float64.
        """
        bottom, top = (float(end) for end in self._map(np.array([self.low, self.high], np.float64)))
        halved = 0.5 if not np.isfinite(top - bottom) else 1.0
        bottom, top = bottom * halved, top * halved
        if not top > bottom:
            return np.full(np.shape(values), HEIGHT / 2, np.float32)
        exact = values if values.dtype == np.float32 and self._narrow(top - bottom) else np.asarray(values, np.float64)
        placed = self._map(exact)
        if halved != 1.0:
            placed = placed * halved
        placed = np.clip(placed, bottom, top)
        placed -= placed.dtype.type(bottom)
        placed *= placed.dtype.type(HEIGHT / (top - bottom))
        return np.asarray(placed)

    def leave(self, lowest: NDArray[np.floating], highest: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether series ``[N]`` from ``lowest`` to ``highest`` leave the chart; on log all do that reach zero."""
        below = lowest < self.low
        if self.kind == "log":
            below |= lowest <= 0
        return np.asarray(below | (highest > self.high))

    def _narrow(self, span: float) -> bool:
        """Whether float32 will do."""
        sizes = [abs(end) for end in (self.low, self.high)]
        fine = max(*sizes, span) < LARGEST and span > SMALLEST
        if self.kind == "log":
            return fine and self.low > SMALLEST
        return fine and (self.kind == "linear" or (self.threshold > SMALLEST and max(sizes) / self.threshold < LARGEST))

    def _map(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        if self.kind == "linear":
            return values
        if self.kind == "log":
            return np.asarray(np.log(np.maximum(values, values.dtype.type(self.low))))
        size = np.abs(values)
        size *= values.dtype.type(1 / self.threshold) if self.threshold > SMALLEST else 1.0
        if self.threshold <= SMALLEST:
            size /= self.threshold
        size += 1  # what log1p would add is under a thousandth of a dot, and log is several times as fast
        np.log(size, out=size)
        return np.asarray(np.copysign(size, values))


def check_scale(kind: str, limits: tuple[float, float] | None = None) -> None:
    """Raise UsageError unless ``kind`` is one of ``SCALES`` and ``limits`` go upwards."""
    if kind not in SCALES:
        raise UsageError(f"There is no scale {kind!r}; take one of {', '.join(SCALES)}.")
    if limits is None:
        return
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise UsageError(f"A chart goes from a value up to a greater one, both finite; not from {low:g} to {high:g}.")
    if kind == "log" and low <= 0:
        raise UsageError(f"A logarithmic chart begins above zero; not at {low:g}: take symlog.")


def fit_scale(
    kind: str,
    extremes: NDArray[np.floating],
    ends: tuple[float, float] | None = None,
    limits: tuple[float, float] | None = None,
) -> Scale:
    """The scale that shows all of ``extremes``; on log, all that are above zero.

    Args:
        extremes: one or more values; where some are not finite, give ``ends``.
        ends: the least and the greatest, where they are known.
        limits: what to show instead.
    """
    low, high = ends or (float(extremes.min()), float(extremes.max()))
    threshold = _threshold(extremes, max(abs(low), abs(high))) if kind == "symlog" else 1.0
    if limits is not None:
        return Scale(kind, *limits, threshold)
    if kind == "log":
        lowest = float(np.min(extremes, initial=np.inf, where=(extremes > 0) & np.isfinite(extremes)))
        return Scale(kind, lowest, max(high, lowest), 1.0) if np.isfinite(lowest) else Scale(kind, 1.0, 1.0, 1.0)
    return Scale(kind, low, high, threshold)


def _threshold(extremes: NDArray[np.floating], peak: float) -> float:
    flat = extremes.reshape(-1)
    # A stride that shares no factor with the row length visits all columns alike.
    sizes = np.abs(flat[:: max(1, flat.size // PERCENTILE_VALUES) | 1].astype(np.float64))
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    # The floor keeps |y| / c in range where c is denormal.
    return max(float(np.percentile(sizes, 25)), peak * 1e-290, 5e-324) if sizes.size else 1.0


def to_dots(
    extremes: NDArray[np.floating],
    scale: Scale,
    usable: NDArray[np.bool_] | None = None,
    *,
    overwrite: bool = True,
) -> NDArray[np.float32]:
    """``[2C, N]`` extremes in dots, by blocks; 0 in those series that are not ``usable``.

    Args:
        overwrite: float32 extremes become the dots, to hold one copy only.
    """
    out = extremes if overwrite and extremes.dtype == np.float32 else np.empty(extremes.shape, np.float32)
    spoiled = usable is not None and not usable.all()
    for left in range(0, extremes.shape[1], BLOCK):
        part = slice(left, left + BLOCK)
        values = extremes[:, part]
        if spoiled and usable is not None:
            values = np.where(usable[part], values, values.dtype.type(scale.low))
        out[:, part] = scale.dots(values)
    return np.asarray(out, np.float32)
