"""What units of a module give out at the cursor and gave out before it: read of those only that are shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import Quantity

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

POINTS = 64
"""Of so many rows, evenly up to the cursor, the values are read."""


@dataclass(frozen=True)
class UnitValues:
    """Of consecutive units of one module."""

    first: int
    values: NDArray[np.float32]
    """``[P, n]``: evenly over the rows up to the cursor, the last of them at it."""

    def of(self, unit: int) -> NDArray[np.float32]:
        """``[P]`` of one unit."""
        column: NDArray[np.float32] = self.values[:, unit - self.first]
        return column


def read_units(recording: "Recording", channel: int, row: int, first: int, last: int) -> UnitValues:
    """The first measure of units ``first:last`` up to a row; at most ``POINTS`` rows are read."""
    rows = np.unique(np.linspace(0, row, POINTS).astype(np.int64))
    series = recording.series(channel)
    return UnitValues(first, np.asarray(series[rows, first:last], np.float32))


def units_channel(recording: "Recording", module: str) -> int | None:
    """The channel that tells most of a module's units: its activation's, else the first that has units."""
    having = [i for i, c in enumerate(recording.channels) if c.module == module and c.units]
    return min(having, key=lambda i: recording.channels[i].quantity != Quantity.ACTIVATION, default=None)
