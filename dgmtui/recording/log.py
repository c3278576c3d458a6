"""Reading the log: records of JSON, appended as things happen, found by a table of kind, offset and length."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import h5py
import numpy as np

from dgmtui.errors import RecordingError
from dgmtui.recording.opening import TEXT_BOUND
from dgmtui.recording.schema import LogKind

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Log:
    """The records up to what is committed; the table is read at once, texts when asked for."""

    def __init__(self, table: h5py.Dataset, data: h5py.Dataset, count: Callable[[], int]) -> None:
        self._table = table
        self._data = data
        self._count = count
        self.table: NDArray[np.int64] = np.empty((0, 3), np.int64)
        self.update()

    def update(self) -> None:
        """Read the part of the table that is new."""
        known, count = len(self.table), min(self._count(), self._table.shape[0])
        if count > known:
            self.table = np.concatenate([self.table, self._table[known:count]])

    def places(self, kind: LogKind) -> list[int]:
        """Which records are of this kind, oldest first."""
        return [int(place) for place in np.flatnonzero(self.table[:, 0] == kind)]

    def text(self, place: int) -> str:
        """One record's JSON; ``RecordingError`` where its place in the data can't be."""
        _, offset, length = (int(number) for number in self.table[place])
        if offset < 0 or length < 0 or length > TEXT_BOUND or offset + length > self._data.shape[0]:
            raise RecordingError(f"record {place} of the log lies outside its data: the file is damaged or truncated.")
        try:
            text: str = self._data[offset : offset + length].tobytes().decode()
            return text
        except UnicodeDecodeError as error:
            raise RecordingError(f"record {place} of the log is no text: the file is damaged.") from error

    def texts(self, kind: LogKind) -> list[str]:
        """The JSON of every record of this kind, oldest first."""
        return [self.text(place) for place in self.places(kind)]
