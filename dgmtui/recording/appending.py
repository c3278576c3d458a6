"""Writing blocks at the end of growing datasets, by HDF5's low-level calls: a third of the high-level calls' cost."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


class Appender:
    """One growing dataset, written at its end or rewritten just before it."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self.move(dataset)

    def move(self, dataset: h5py.Dataset) -> None:
        """Go on at the end of another dataset."""
        self._id = dataset.id
        self._dtype = dataset.dtype
        self._tail: tuple[int, ...] = dataset.shape[1:]
        self.length: int = dataset.shape[0]
        """Rows that count."""
        self._extent = self.length
        """Rows that there is place for: a dataset never shrinks while readers may follow."""

    def write(self, at: int, values: NDArray[Any]) -> None:
        """Put ``values`` ``[n, …]`` at rows ``at …``, growing the dataset where it ends before."""
        if not len(values):
            return
        end = at + len(values)
        if end > self._extent:
            self._id.set_extent((end, *self._tail))
            self._extent = end
        if 0 not in self._tail:
            data = np.ascontiguousarray(values, self._dtype)
            space = self._id.get_space()
            space.select_hyperslab((at, *(0 for _ in self._tail)), data.shape)
            self._id.write(h5py.h5s.create_simple(data.shape), space, data)
        self.length = max(self.length, end)  # only now: what the disk refused is not there

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` as they were written, ``[n, …]``."""
        rows: NDArray[Any] = h5py.Dataset(self._id)[start:stop]
        return rows

    def take_back(self, length: int) -> None:
        """Have only the first ``length`` rows count; those after it are to be written over."""
        self.length = min(self.length, length)

    def append(self, values: NDArray[Any]) -> int:
        """Put ``values`` at the end and return where they begin."""
        at = self.length
        self.write(at, values)
        return at


class Block:
    """Rows of one dataset staged in memory, ``[rows, …]``; a row not set is the blank value."""

    def __init__(self, appender: Appender, rows: int, tail: tuple[int, ...], dtype: Any, blank: Any) -> None:
        self._appender = appender
        self._blank = blank
        self.rows: NDArray[Any] = np.empty((rows, *tail), dtype)
        self.rows[:] = blank

    @property
    def length(self) -> int:
        """Rows that the dataset holds."""
        return self._appender.length

    def write(self, base: int, start: int, stop: int) -> None:
        """Write staged rows ``start:stop``; staged row 0 is the dataset's row ``base``."""
        self._appender.write(base + start, self.rows[start:stop])

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start:stop`` of the dataset, ``[n, …]``."""
        return self._appender.read(start, stop)

    def take_back(self, length: int) -> None:
        """Forget what is staged, and have only the dataset's first ``length`` rows count."""
        self._appender.take_back(length)
        self.clear()

    def clear(self) -> None:
        """Forget what is staged."""
        self.rows[:] = self._blank


class Staging:
    """Blocks of several datasets that grow together, one row of each at a time."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.blocks: list[Block] = []
        self.base = 0
        self.count = 0
        self.written = 0

    def add(self, appender: Appender, tail: tuple[int, ...], dtype: Any, blank: Any) -> Block:
        """Stage rows for one more dataset."""
        block = Block(appender, self.capacity, tail, dtype, blank)
        self.blocks.append(block)
        return block

    @property
    def total(self) -> int:
        """Rows written and staged."""
        return self.base + self.count

    @property
    def full(self) -> bool:
        """Whether the next row has no place before ``write``."""
        return self.count == self.capacity

    @property
    def whole(self) -> int:
        """Rows that every dataset holds: where the disk refused one of them, fewer than the first has."""
        return min((block.length for block in self.blocks), default=0)

    def move(self, total: int) -> None:
        """What was written lies elsewhere, as the last of ``total`` rows there."""
        self.base = total - self.written

    def rewrite(self, row: int) -> None:
        """Have a staged row written again that was changed after it was written."""
        self.written = min(self.written, row)

    def write(self) -> bool:
        """Write what is staged and not yet written; whether there was any. It stays staged, to be written over."""
        wrote = self.count > self.written
        if wrote:
            for block in self.blocks:
                block.write(self.base, self.written, self.count)
            self.written = self.count
        return wrote

    def take_back(self, length: int) -> None:
        """Go on after the first ``length`` rows; what was staged is written."""
        for block in self.blocks:
            block.take_back(length)
        self.base, self.count, self.written = length, 0, 0

    def clear(self) -> None:
        """Make room for the rows that follow; what was staged is written."""
        for block in self.blocks:
            block.clear()
        self.base, self.count, self.written = self.total, 0, 0
