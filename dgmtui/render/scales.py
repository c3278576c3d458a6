"""Values to heights on a chart: linear, logarithmic or symmetric-logarithmic."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALES = ("linear", "log", "symlog")
_SMALLEST_SHARE = 1e-12
"""Of the greatest magnitude; symlog bends no lower, so that one denormal does not take the whole chart."""


@dataclass(frozen=True)
class Axis:
    """The range that a chart's height stands for."""

    scale: str
    low: float
    high: float
    bend: float = 1.0
    """symlog only: ``sign(y)·log1p(|y| / bend)``, linear below it and logarithmic above."""

    @classmethod
    def fit(cls, values: NDArray[np.floating], scale: str = "linear") -> "Axis":
        """The axis that holds every finite value; ``[0, 1]`` where there is none. ``values`` of any shape."""
        finite = values[np.isfinite(values)]
        if scale == "log":
            finite = finite[finite > 0]
        if not finite.size:
            return cls(scale, 0.0 if scale != "log" else 1e-1, 1.0)
        low, high = float(finite.min()), float(finite.max())
        return cls(scale, low, high, _bend(finite) if scale == "symlog" else 1.0)

    @classmethod
    def given(cls, scale: str, limits: tuple[float, float] | None, bend: float = 1.0) -> "Axis | None":
        """The axis of a range that was chosen; None where none was."""
        return None if limits is None else cls(scale, *limits, bend)

    def position(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Heights in [0, 1], float32, shaped like ``values``; NaN where a value is not finite. Values beyond the axis
        are held at its ends, and so is what is not positive on a logarithmic one; where all are equal: 0.5."""
        finite = values.astype(np.float64)
        finite[~np.isfinite(finite)] = np.nan
        low, high = (float(self._stretch(np.asarray(end, np.float64))) for end in (self.low, self.high))
        if not high > low:
            return np.where(np.isnan(finite), np.nan, 0.5).astype(np.float32)
        stretched = self._stretch(finite)
        stretched -= low
        stretched /= high - low
        return np.clip(stretched, 0.0, 1.0, out=stretched).astype(np.float32)

    def value(self, position: float) -> float:
        """The value at a height in [0, 1]."""
        low, high = (float(self._stretch(np.asarray(end, np.float64))) for end in (self.low, self.high))
        stretched = low + position * (high - low)
        if self.scale == "log":
            return float(10.0**stretched)
        if self.scale == "symlog":
            return float(np.sign(stretched) * np.expm1(abs(stretched)) * self.bend)
        return float(2.0 * stretched)

    def _stretch(self, values: NDArray[np.float64]) -> NDArray[np.floating]:
        if self.scale == "log":
            return np.log10(np.maximum(values, self.low))
        if self.scale == "symlog":
            bent = (values / self.bend).astype(np.float32)  # ten times as fast, and finer than a dot
            return np.copysign(np.log1p(np.abs(bent)), bent)
        return values * 0.5  # halved, so that a range from -max to +max does not overflow


def _bend(finite: NDArray[np.floating]) -> float:
    """The 25th percentile of the magnitudes above zero (SAMPLING's choice), from at most 4,096 of them."""
    sizes = np.abs(finite[:: max(1, finite.size // 4096)].astype(np.float64))
    sizes = sizes[sizes > 0]
    if not sizes.size:
        return 1.0
    return float(max(np.percentile(sizes, 25), sizes.max() * _SMALLEST_SHARE, np.finfo(np.float64).tiny))
