"""Rows that come between others: the last rows are taken back and written again with them, in their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import Measure
from dgmtui.recording.schema import NEVER

if TYPE_CHECKING:
    from dgmtui.recording.appending import Block, Staging


@dataclass(frozen=True)
class RowData:
    """What one iteration's row holds of every channel but late ones."""

    iteration: int
    statistics: NDArray[np.float64]
    """``[C, 9]``."""
    series: Mapping[tuple[int, Measure], NDArray[np.float32]]
    """Channel id and measure → ``[U]``."""


class Tail:
    """The rows of a file from some iteration on."""

    def __init__(
        self,
        staging: "Staging",
        iterations: "Block",
        statistics: "Block",
        series: "Mapping[tuple[int, Measure], Block]",
    ) -> None:
        self._staging = staging
        self._iterations, self._statistics, self._series = iterations, statistics, series

    def count(self, iteration: int) -> int:
        """How many rows are written of ``iteration`` and later ones."""
        return self._staging.base + self._staging.written - self._place(iteration)

    def since(self, iteration: int) -> list[RowData]:
        """The written rows of ``iteration`` and later ones."""
        start, stop = self._place(iteration), self._staging.base + self._staging.written
        if start == stop:
            return []
        iterations, statistics = self._iterations.read(start, stop), self._statistics.read(start, stop)
        series = {key: block.read(start, stop) for key, block in self._series.items()}
        return [
            RowData(int(at), statistics[row], {key: values[row] for key, values in series.items()})
            for row, at in enumerate(iterations)
        ]

    def take_back(self, iteration: int) -> int:
        """Have the rows of ``iteration`` and later ones count no more; what is staged is written.

        Returns:
            The last iteration before that has a row; ``NEVER`` where none has.
        """
        start = self._place(iteration)
        last = int(self._iterations.read(start - 1, start)[0]) if start else NEVER
        self._staging.take_back(start)
        return last

    def _place(self, iteration: int) -> int:
        """The first written row of ``iteration`` or a later one."""
        written = self._staging.base + self._staging.written
        return int(np.searchsorted(self._iterations.read(0, written), iteration))


def in_order(held: Sequence[RowData], new: Sequence[RowData]) -> Iterator[RowData]:
    """Both, upwards by iteration; where both have a row of one, that which was held."""
    last = NEVER
    for row in merge(held, new, key=lambda row: row.iteration):
        if row.iteration != last:
            yield row
        last = row.iteration
