"""What clustering answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Group:
    """One cluster of units."""

    number: int
    """What it is called; stays when the same units are clustered again on another batch."""
    units: tuple[int, ...]
    """Nearest to the cluster's centre first."""
    kind: str = ""
    """``constant`` for the units that are the same for every sample, ``non-finite`` for those that hold such a value;
    both are set aside before clustering. Else empty."""


@dataclass(frozen=True, eq=False)
class Clustering:
    """All units of a module in groups."""

    groups: tuple[Group, ...]
    """By number."""
    labels: NDArray[np.int64]
    """``[U]``: the number of each unit's group."""
    silhouette: float | None
    """Mean silhouette in [-1, 1] of the units that were clustered (Rousseeuw 1987); None for a single cluster."""
    judged: int
    """How many units ``silhouette`` is taken over."""
    clustered: int
    """How many units were neither constant nor non-finite."""

    def group(self, number: int) -> Group | None:
        """The group of that number."""
        return next((group for group in self.groups if group.number == number), None)
