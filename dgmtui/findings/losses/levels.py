"""Levels of a series of losses: where it began, how much it scatters, where it lay block by block."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case

MEDIAN_ERROR = 1.2533
"""Standard error of a median by that of a mean, √(π/2), of Gaussian noise."""
SIGMA = 1.4826
"""Standard deviation by median absolute deviation, of Gaussian noise."""


def takes_turns(case: Case) -> bool:
    """Whether an iteration has several turns, as a GAN's: what one loses there another gains."""
    recording = case.recording
    return any(name.startswith("loss ") for name in recording.scalars) or any(s.turn for s in recording.snapshots)


def first_level(losses: NDArray[np.float64]) -> float:
    """The median of the first fiftieth of a run, of three iterations at least."""
    return float(np.median(losses[: max(3, len(losses) // 50)]))


def scatter(losses: NDArray[np.float64]) -> float:
    """Standard deviation of losses about their trend, by the median difference of one to the next.

    What drifts slowly scatters no more for that.
    """
    if len(losses) < 2:
        return 0.0
    return SIGMA * float(np.median(np.abs(np.diff(losses)))) / math.sqrt(2)


@dataclass(frozen=True)
class Thirds:
    """How a stretch of losses moves."""

    first: float
    middle: float
    last: float
    """Medians of its thirds."""
    error: float
    """Standard error of the difference of two."""

    @property
    def rises(self) -> bool:
        """It surely goes up throughout."""
        return self.first < self.middle < self.last and self.last - self.first > 3 * self.error


def thirds(losses: NDArray[np.float64]) -> Thirds:
    """Medians of the thirds of a stretch of three losses or more."""
    size = len(losses) // 3
    parts = losses[:size], losses[size:-size], losses[-size:]
    first, middle, last = (float(np.median(part)) for part in parts)
    return Thirds(first, middle, last, MEDIAN_ERROR * scatter(losses) * math.sqrt(2 / size))


def block_medians(losses: NDArray[np.float64], blocks: int) -> tuple[NDArray[np.float64], int]:
    """``[B]`` medians of blocks of equal width, and that width; what is over at the end belongs to none."""
    width = max(1, len(losses) // blocks)
    cut = losses[: len(losses) // width * width].reshape(-1, width)
    return np.median(cut, axis=1), width
