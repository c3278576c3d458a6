"""What the two charts of the screen draw: the loss, and the dynamics of what is selected."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class OtherLoss:
    """The loss of a recording that stands beside the one that is looked at."""

    letter: str
    """``B``, as ``compare`` calls it."""
    name: str
    """``vae-softplus.h5``."""
    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    """Thinned likewise."""


@dataclass(frozen=True)
class Scalar:
    """A number that was logged, over the iterations; between two logs it stays as it was."""

    name: str
    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    """Thinned as the loss is; NaN before it was first logged."""
    here: float | None = None
    """At the cursor."""


@dataclass(frozen=True)
class LossView:
    """The loss with what is marked on it."""

    iterations: NDArray[np.int64]
    values: NDArray[np.float64]
    """Thinned by minima and maxima to at most 4,000 points, so that no spike is lost."""
    snapshots: tuple[int, ...]
    findings: tuple[tuple[int, str], ...]
    """Iteration and severity."""
    others: tuple[OtherLoss, ...] = ()
    """Of the recordings that stand beside this one."""
    scale: str = "auto"
    """``auto`` is logarithmic where a few losses would flatten all others, else linear."""
    here: float | None = None
    """The loss at the cursor."""
    scalars: tuple[Scalar, ...] = ()
    """Drawn beside it, each over its own range."""
    window: tuple[int, int] | None = None
    """Iterations from, up to and without, that the dynamics chart shows; None: all."""


@dataclass(frozen=True)
class DynamicsLine:
    """One sampled series."""

    unit: int
    """Its place among the series: the unit, or the number of the element that is followed."""
    kind: str
    """``cover``, ``outlier``, ``event``, ``nonfinite``, or ``selected`` for the unit that is looked at."""
    values: NDArray[np.float32]
    first_nonfinite: int | None
    """Iteration of its first non-finite value."""
    label: str = ""
    """What it is called on the chart and in a table: ``[212]``, an element of a weight ``[17,203]``; where the
    population is of several modules or ranks, ``dec.xv[212]`` or ``rank 1 [212]``."""
    module: str = ""
    rank: int = 0
    clipped: bool = False
    """It leaves the chart's range."""


@dataclass(frozen=True)
class Backdrop:
    """What all finite series of the population do, beneath the picked ones."""

    edges: NDArray[np.int64]
    """``[C + 1]`` iterations: column j reaches from ``edges[j]`` up to and without ``edges[j + 1]``."""
    density: NDArray[np.uint32] | None
    """``[C, 200]``: how many series pass each of 200 heights of the chart's range in each column; [:, 0] lowest."""
    bands: NDArray[np.float32] | None
    """``[5, C]`` values: the 5th, 25th, 50th, 75th and 95th percentile of the middle of each series' column."""


@dataclass(frozen=True)
class DynamicsView:
    """The dynamics chart of what is selected."""

    module: str
    quantity: str
    measure: str
    iterations: NDArray[np.int64]
    """``[R]``, ascending; where several modules or ranks were not seen by the same rows, a line is NaN there."""
    lines: tuple[DynamicsLine, ...]
    total: int
    nonfinite: int
    clipped: int
    """How many of all series leave the chart's range."""
    scale: str
    limits: tuple[float, float] | None = None
    """The values at the chart's bottom and top; None: what the lines need."""
    bend: float = 1.0
    """Of symlog: the value where it turns from linear to logarithmic."""
    backdrop: Backdrop | None = None
    preliminary: bool = False
    """Picks of another window (or none) are shown until those of this one are known."""
    advice: str = ""
    """What would show more, and what to type: ``1 of 100 takes half the range; `dynamics --scale symlog` ``."""


@dataclass(frozen=True)
class PickedLine:
    """The line of the dynamics chart that is pointed at."""

    line: int
    """Its place in ``DynamicsView.lines``."""
    name: str
    """``dec.xv[212]``."""
    value: float
    """At ``iteration``; may be non-finite."""
    iteration: int
    """The drawn one at or before the cursor."""
    kind: str


@dataclass(frozen=True)
class Reading:
    """What one marked line of the dynamics chart is at the cursor."""

    label: str
    """As on the chart: ``[212]``."""
    kind: str
    value: float
    """May be non-finite."""
    iteration: int
    """The recorded one at or before the cursor."""
