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
PERCENTILE_VALUES = 1 << 20
BLOCK = 65536


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

    def dots(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Where finite ``values`` (any shape) lie, clipped to the chart; its middle where the range is zero."""
        bottom, top = self._map(np.array([self.low, self.high]))
        mapped = self._map(values)
        with np.errstate(over="ignore"):
            span = top - bottom
        if not np.isfinite(span):
            bottom, top, mapped = bottom / 2, top / 2, mapped / 2
            span = top - bottom
        if span <= 0:
            return np.full(np.shape(values), HEIGHT / 2)
        placed: NDArray[np.float64] = (np.clip(mapped, bottom, top) - bottom) / span * HEIGHT
        return placed

    def _map(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        exact = np.asarray(values, np.float64)
        if self.kind == "linear":
            return exact
        if self.kind == "log":
            return np.log(np.maximum(exact, self.low))
        mapped: NDArray[np.float64] = np.sign(exact) * np.log1p(np.abs(exact) / self.threshold)
        return mapped


def check_scale(kind: str) -> None:
    """Raise UsageError unless ``kind`` is one of ``SCALES``."""
    if kind not in SCALES:
        raise UsageError(f"There is no scale {kind!r}; take one of {', '.join(SCALES)}.")


def fit_scale(kind: str, extremes: NDArray[np.floating]) -> Scale:
    """The scale that shows all of ``extremes`` (finite, one or more values); on log, all that are above zero."""
    low, high = float(extremes.min()), float(extremes.max())
    if kind == "log":
        lowest = float(np.min(extremes, initial=np.inf, where=extremes > 0))
        return Scale(kind, lowest, max(high, lowest), 1.0) if np.isfinite(lowest) else Scale(kind, 1.0, 1.0, 1.0)
    return Scale(kind, low, high, _threshold(extremes) if kind == "symlog" else 1.0)


def _threshold(extremes: NDArray[np.floating]) -> float:
    flat = extremes.reshape(-1)
    # A stride that shares no factor with the row length visits all columns alike.
    sizes = np.abs(flat[:: max(1, flat.size // PERCENTILE_VALUES) | 1].astype(np.float64))
    sizes = sizes[sizes > 0]
    peak = max(abs(float(extremes.min())), abs(float(extremes.max())))
    # The floor keeps |y| / c in range where c is denormal.
    return max(float(np.percentile(sizes, 25)), peak * 1e-290, 5e-324) if sizes.size else 1.0


def to_dots(extremes: NDArray[np.floating], scale: Scale) -> NDArray[np.float32]:
    """``[2C, N]`` extremes in dots, by blocks; float32 extremes are overwritten, to hold one copy only."""
    out = extremes if extremes.dtype == np.float32 else np.empty(extremes.shape, np.float32)
    for left in range(0, extremes.shape[1], BLOCK):
        part = slice(left, left + BLOCK)
        out[:, part] = scale.dots(extremes[:, part])
    return np.asarray(out, np.float32)
