"""Answering where non-finite values are from the index alone: nothing is scanned."""

from collections.abc import Callable, Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording.model import Channel, NonFinite
from dgmtui.recording.schema import NEVER


class IndexReader:
    """The three datasets under ``/index``; the table is read when a next or previous one is first asked for."""

    def __init__(
        self, first: h5py.Dataset, overall: h5py.Dataset, table: h5py.Dataset, count: Callable[[], int]
    ) -> None:
        self._first = first
        self._overall = overall
        self._table = table
        self._count = count
        self._loaded: NDArray[np.int64] | None = None

    def update(self) -> None:
        """Forget what was read."""
        self._loaded = None

    def overall(self, channels: Sequence[Channel]) -> NonFinite | None:
        """The first of the run."""
        iteration, channel, *rest = (int(number) for number in self._overall[()])
        return None if iteration == NEVER else found_at(channels, iteration, channel, rest[0], rest[1:4])

    def first_iterations(self) -> list[int | None]:
        """The iteration of each channel's first, None where it has none."""
        return [None if iteration == NEVER else int(iteration) for iteration in self._first[:, 0]]

    def first_of(self, wanted: Sequence[int], channels: Sequence[Channel]) -> NonFinite | None:
        """The first in any of these channels; of one iteration, the one that was met first."""
        fixed = self._first.shape[0]
        rows = self._first[()]
        met = [(int(rows[i, 0]), int(rows[i, 5]), i) for i in wanted if i < fixed and rows[i, 0] != NEVER]
        best = None
        if met:
            iteration, place, channel = min(met)
            best = (iteration, place, found_at(channels, iteration, channel, int(rows[channel, 1]), rows[channel, 2:5]))
        late = [i for i in wanted if i >= fixed]
        if late:
            table = self.table
            for place in np.flatnonzero(np.isin(table[:, 1], late)).tolist():
                iteration = int(table[place, 0])
                if best is None or (iteration, place) < best[:2]:
                    best = (iteration, place, self.at(place, channels))
        return None if best is None else best[2]

    @property
    def table(self) -> NDArray[np.int64]:
        """``[n, 6]``: iteration, channel, unit, counts; sorted by iteration, then as met."""
        if self._loaded is None:
            count = min(self._count(), self._table.shape[0])
            table: NDArray[np.int64] = self._table[:count]
            self._loaded = table[np.argsort(table[:, 0], kind="stable")]
        return self._loaded

    def at(self, place: int, channels: Sequence[Channel]) -> NonFinite:
        """One entry of the sorted table."""
        iteration, channel, unit, *counts = (int(number) for number in self.table[place])
        return found_at(channels, iteration, channel, unit, counts)

    def after(self, iteration: int, channels: Sequence[Channel]) -> NonFinite | None:
        """The first of the next iteration that has any."""
        place = int(np.searchsorted(self.table[:, 0], iteration, "right"))
        return self.at(place, channels) if place < len(self.table) else None

    def before(self, iteration: int, channels: Sequence[Channel]) -> NonFinite | None:
        """The first of the last iteration before that has any."""
        place = int(np.searchsorted(self.table[:, 0], iteration, "left"))
        if place == 0:
            return None
        return self.at(int(np.searchsorted(self.table[:, 0], self.table[place - 1, 0], "left")), channels)


def found_at(
    channels: Sequence[Channel], iteration: int, channel: int, unit: int, counts: Sequence[int] | NDArray[np.int64]
) -> NonFinite:
    """An entry of the index as its type; ``RecordingError`` where there is no such channel."""
    if not 0 <= channel < len(channels):
        raise RecordingError(f"the index names channel {channel} of {len(channels)}: the file is damaged.")
    nan, posinf, neginf = (int(count) for count in counts)
    known = channels[channel]
    return NonFinite(iteration, known.module, known.quantity, None if unit < 0 else unit, nan, posinf, neginf)
