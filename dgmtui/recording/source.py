"""A recording's whole parts as they lie in an open file, for writing it anew."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.model import Channel
from dgmtui.recording.schema import Committed, LogKind


@dataclass(frozen=True)
class SnapshotRecord:
    """What the log says of one snapshot."""

    place: int
    """Of its record in the log."""
    iteration: int
    reason: str
    record: Mapping[str, Any]

    @property
    def parts(self) -> list[tuple[int, int]]:
        """Offset and length of each tensor, in bytes of ``/tensors/data``."""
        return [(int(spec["offset"]), int(spec["nbytes"])) for spec in self.record["tensors"].values()]


class Source:
    """An open recording; it may be written meanwhile, but not changed while this is used.

    Args:
        whole: how much of each part is whole, as in ``/committed``.
        dataset: opens a growing dataset where that takes more than its name, as in a file that may be hostile.
    """

    def __init__(
        self,
        file: h5py.File,
        channels: Sequence[Channel],
        scalars: int,
        whole: Sequence[int] | NDArray[np.int64],
        block_rows: int = 64,
        dataset: Callable[[str], h5py.Dataset] | None = None,
    ) -> None:
        self.file = file
        self.dataset: Callable[[str], h5py.Dataset] = file.__getitem__ if dataset is None else dataset
        """A growing dataset by its name."""
        self.channels = channels
        self.shapes = schema.growing(channels, scalars, block_rows)
        self.whole = [int(length) for length in whole]
        self.block_rows = block_rows

    def length(self, name: str) -> int:
        """Whole rows of a growing dataset outside ``/late/series``, ``/log/data`` and ``/tensors/data``."""
        return self.whole[PLACES.get(name, Committed.ROWS)]

    def text(self, name: str) -> str:
        """A text of the file."""
        return bytes(self.file[name][()]).decode()

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """``[R]``, the iteration of each row."""
        rows: NDArray[np.int64] = self.dataset(schema.ROWS)[: self.whole[Committed.ROWS]]
        return rows

    @cached_property
    def nonfinite(self) -> NDArray[np.int64]:
        """``[n, 6]``, the index."""
        table: NDArray[np.int64] = self.dataset(schema.NONFINITE)[: self.whole[Committed.NONFINITE]]
        return table

    @cached_property
    def late_rows(self) -> NDArray[np.int64]:
        """``[n, 4]``."""
        table: NDArray[np.int64] = self.dataset(schema.LATE_ROWS)[: self.whole[Committed.LATE_ROWS]]
        return table

    @cached_property
    def log_table(self) -> NDArray[np.int64]:
        """``[m, 3]``."""
        table: NDArray[np.int64] = self.dataset(schema.LOG_TABLE)[: self.whole[Committed.LOG]]
        return table

    def log_data(self, place: int) -> NDArray[np.uint8]:
        """``[bytes]``, one record of the log."""
        _, offset, length = (int(number) for number in self.log_table[place])
        data: NDArray[np.uint8] = self.dataset(schema.LOG_DATA)[offset : offset + length]
        return data

    def records(self, kind: LogKind) -> Iterator[tuple[int, Any]]:
        """Place in the log and content of each record of a kind."""
        for place in np.flatnonzero(self.log_table[:, 0] == kind).tolist():
            yield place, json.loads(self.log_data(place).tobytes())

    @cached_property
    def snapshots(self) -> tuple[SnapshotRecord, ...]:
        """As taken."""
        return tuple(
            SnapshotRecord(place, int(record["iteration"]), str(record["reason"]), record)
            for place, record in self.records(LogKind.SNAPSHOT)
        )

    @cached_property
    def size(self) -> int:
        """Bytes of the file."""
        return int(self.file.id.get_filesize())

    @cached_property
    def overhead(self) -> int:
        """Bytes of the file that are no dataset's data."""
        return self.size - sum(int(self.dataset(name).id.get_storage_size()) for name in self.shapes)


PLACES: Mapping[str, Committed] = {name: place for place, name in schema.LAST_WRITTEN.items()} | {
    schema.LOSS: Committed.ITERATIONS,
    schema.SECONDS: Committed.ITERATIONS,
    schema.LATE_STATISTICS: Committed.LATE_ROWS,
}
"""Which place of ``/committed`` counts a dataset's rows; all others have ``/rows``'s."""
