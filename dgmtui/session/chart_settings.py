"""What a person asked the charts to show; it stays until it is changed."""

from dataclasses import dataclass
from typing import Literal

Scale = Literal["linear", "log", "symlog"]
Scope = Literal["module", "below", "ranks"]
Overlay = Literal["none", "density", "bands"]
LossScale = Literal["auto", "linear", "log", "symlog"]


@dataclass(frozen=True)
class ChartSettings:
    """Of which series how many are drawn, and how."""

    k: int = 40
    """Most series that are drawn, besides the non-finite ones and the unit that is looked at."""
    scale: Scale = "linear"
    window: tuple[int, int] | None = None
    """Iterations from, up to and without; None: all."""
    limits: tuple[float, float] | None = None
    """The values at the chart's bottom and top, in the series' unit; what lies beyond is clipped. None: all fits."""
    scope: Scope = "module"
    """The population: the module's series; those of the module and all below it; the module's on all ranks."""
    overlay: Overlay = "none"
    """What of all series is drawn beneath the picked ones: how many pass a place, or bands of percentiles."""


@dataclass(frozen=True)
class LossSettings:
    """How the loss is drawn."""

    scale: LossScale = "auto"
    """``auto`` is logarithmic where a few losses would flatten all others, else linear."""
    beside: tuple[str, ...] = ()
    """Logged scalars that are drawn with it."""
