"""The words of pattern mining: series in tables, motifs of single series, groups of series that share one."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

STATISTIC = 0.1
"""What a module's statistic counts in a group, where its whole module is 1."""


class MotifKind(StrEnum):
    """What a series does."""

    SPIKE = "spike"
    """It leaves its level for a row or two and comes back."""
    STEP = "step"
    """Its level changes from one row to the next, and stays changed."""
    DRIFT = "drift"
    """It begins to move in one direction, beyond all that was before and faster than before."""
    OSCILLATION = "oscillation"
    """It repeats with a period."""
    PLATEAU = "plateau"
    """It moved, and hardly moves any more."""
    DIVERGENCE = "divergence"
    """Its magnitude leaves all that was before and grows at least tenfold, to the end, or it becomes non-finite."""


@dataclass(frozen=True)
class Place:
    """What the series of a table are of."""

    module: str | None
    """None where they belong to no module: the loss, a logged scalar."""
    quantity: str
    """``activation``, …; ``loss``, ``scalar``."""
    measure: str
    """``rms``, ``norm``, …, a statistic's name, a scalar's name; empty for the loss."""
    of_units: bool
    """Each series is one unit's; else the module's, or the run's, only one."""
    of: int = 1
    """How many series it has."""

    @property
    def name(self) -> str:
        """``activation rms``, ``gradient absmax of the module``, ``loss``."""
        said = f"{self.quantity} {self.measure}".strip()
        return said if self.of_units or self.module is None else f"{said} of the module"


@dataclass(frozen=True)
class Table:
    """Series over the same rows, of one or many places."""

    places: tuple[Place, ...]
    which: NDArray[np.int64]
    """``[S]``, the place of each series."""
    units: NDArray[np.int64]
    """``[S]``, the unit of each series; -1 where its place has no units."""
    iterations: NDArray[np.int64]
    """``[R]``, ascending."""
    values: NDArray[np.float32]
    """``[S, R]``, series by series; non-finite where it was."""
    signed: bool
    """A value may be negative; else its magnitude is what counts, and noise is relative to it."""


@dataclass(frozen=True)
class Motifs:
    """Motifs of one kind in one table, an array entry each."""

    kind: MotifKind
    series: NDArray[np.int64]
    row: NDArray[np.int64]
    """Where it begins."""
    last: NDArray[np.int64]
    """The row where it ends."""
    score: NDArray[np.float32]
    """How far above the noise it is, in standard deviations of what the test measures there."""
    rising: NDArray[np.bool_]
    """It goes up; always true of what has no direction."""
    period: NDArray[np.float32] | None = None
    """Of oscillations, in rows."""


@dataclass(frozen=True)
class Part:
    """The series of one place that take part in a group."""

    place: Place
    units: tuple[int, ...]
    """Strongest first; empty where the place has no units."""
    iteration: int
    """Of its strongest series."""
    rising: int
    """How many of them go up."""
    before: float
    """What the strongest series was before."""
    after: float
    """What it was then: at a spike's top, after a step, at the end of what goes on."""
    score: float
    """Of the strongest."""

    @property
    def count(self) -> int:
        """How many series take part."""
        return max(1, len(self.units))


@dataclass(frozen=True)
class Group:
    """Series that share a motif at the same time."""

    kind: MotifKind
    iteration: int
    """Where most of them begin; others within a row, those of a drift within two blocks of rows."""
    last: int
    """Where the last of them ends."""
    parts: tuple[Part, ...]
    """The most series first."""
    period: float | None = None
    """Of an oscillation, in iterations."""

    @property
    def units(self) -> dict[str, set[int]]:
        """Which units of which modules take part, whatever was measured of them."""
        found: dict[str, set[int]] = {}
        for part in self.parts:
            if part.place.module is not None and part.place.of_units:
                found.setdefault(part.place.module, set()).update(part.units)
        return found

    @property
    def weight(self) -> float:
        """What groups are ranked by: of each module the largest share of units that takes part, summed; the loss counts
        as a module, a statistic or a scalar as little."""
        shares: dict[str | None, float] = {}
        for part in self.parts:
            place = part.place
            share = part.count / place.of if place.of_units else 1.0 if place.quantity == "loss" else STATISTIC
            shares[place.module] = max(shares.get(place.module, 0.0), share)
        return sum(shares.values())


@dataclass(frozen=True)
class Patterns:
    """All groups of a recording."""

    groups: tuple[Group, ...]
    """The earliest first."""
    series: int
    """How many were looked at."""
    rows: int
    too_few: bool = False
    """There are too few rows to tell a motif from noise."""
