"""Keeping the index of non-finite values while rows are written, so that no reader ever scans for the first."""

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.appending import Appender
from dgmtui.recording.model import Channel, NonFinite


def nonfinite_in(
    iteration: int, channel: Channel, statistics: NDArray[np.float64], units: NDArray[np.float32] | None
) -> NonFinite | None:
    """What statistics ``[9]`` say of non-finite values; the unit is the first non-finite of the series row ``[U]``."""
    counts = statistics[schema.COUNTS]
    if not (counts > 0).any():
        return None
    nan, posinf, neginf = (int(count) for count in np.nan_to_num(counts))
    bad = np.flatnonzero(~np.isfinite(units if units is not None else []))
    unit = int(bad[0]) if len(bad) else None
    return NonFinite(iteration, channel.module, channel.quantity, unit, nan, posinf, neginf)


class IndexWriter:
    """The three datasets under ``/index``."""

    def __init__(self, table: Appender, first: h5py.Dataset, overall: h5py.Dataset) -> None:
        self._table = table
        self._first = first
        self._overall = overall
        self._first_rows: NDArray[np.int64] = first[()]
        self._overall_iteration = schema.NEVER
        self._known: set[tuple[int, int]] = set()
        self._forgotten = schema.NEVER
        """Of iterations before this one the table alone knows."""

    def move(self, first: h5py.Dataset, overall: h5py.Dataset) -> None:
        """Go on in another file that holds the same."""
        self._first, self._overall = first, overall

    def knows(self, iteration: int, channel: int) -> bool:
        """Whether this channel is in the index at this iteration."""
        if iteration < self._forgotten:
            self._recall(iteration)
        return (iteration, channel) in self._known

    def add(self, channel: int, found: NonFinite) -> bool:
        """Append to the table and move the firsts; whether this is the first of the whole run."""
        unit = schema.NEVER if found.unit is None else found.unit
        counts = (found.nan, found.posinf, found.neginf)
        place = self._table.append(np.array([[found.iteration, channel, unit, *counts]]))
        self._known.add((found.iteration, channel))
        if channel < len(self._first_rows) and self._earlier(self._first_rows[channel, 0], found.iteration):
            self._first_rows[channel] = (found.iteration, unit, *counts, place)
            self._first[channel] = self._first_rows[channel]
        first = self._earlier(self._overall_iteration, found.iteration)
        if first:
            self._overall_iteration = found.iteration
            self._overall[...] = np.array([found.iteration, channel, unit, *counts, place])
        return first

    @staticmethod
    def _earlier(known: int, iteration: int) -> bool:
        return known == schema.NEVER or iteration < known

    def _recall(self, iteration: int) -> None:
        """Know again what the table has of this iteration and later ones."""
        table = self._table.read(0, self._table.length)
        self._known |= {(int(row[0]), int(row[1])) for row in table[table[:, 0] >= iteration]}
        self._forgotten = iteration

    def forget_before(self, iteration: int) -> None:
        """Let go of iterations whose rows are written: seldom is one asked for again."""
        self._known = {entry for entry in self._known if entry[0] >= iteration}
        self._forgotten = max(self._forgotten, iteration)
