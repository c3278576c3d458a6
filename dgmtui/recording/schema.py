"""The one place that names every dataset of a recording, its type and its chunks (``FORMAT.md`` says it in words)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import h5py
import numpy as np

from dgmtui.recording.model import STATISTICS, Channel, Measure

FORMAT = "dgmtui"
FORMAT_VERSION = 1
COUNTS = slice(STATISTICS.index("nan"), len(STATISTICS))
"""The columns of the statistics that count non-finite elements."""

INFO = "about/info"
NETWORK = "about/network"
COMMITTED = "committed"
LOSS, SECONDS, SCALARS = "iterations/loss", "iterations/seconds", "iterations/scalars"
ROWS = "rows/iteration"
STATISTIC_VALUES = "statistics/values"
FIRST, OVERALL, NONFINITE = "index/first", "index/overall", "index/nonfinite"
LOG_TABLE, LOG_DATA = "log/table", "log/data"
TENSORS = "tensors/data"
LATE_ROWS, LATE_STATISTICS, LATE_SERIES, LATE_SCALARS = "late/rows", "late/statistics", "late/series", "late/scalars"

NEVER = -1
"""In the index: no iteration, no unit."""
FIRST_COLUMNS = ("iteration", "unit", "nan", "posinf", "neginf", "place")
OVERALL_COLUMNS = ("iteration", "channel", "unit", "nan", "posinf", "neginf", "place")
NONFINITE_COLUMNS = ("iteration", "channel", "unit", "nan", "posinf", "neginf")
LOG_COLUMNS = ("kind", "offset", "length")
LATE_ROW_COLUMNS = ("iteration", "channel", "offset", "length")
LATE_SCALAR_COLUMNS = ("iteration", "name", "value")

F8, F4, I8, U1 = np.dtype("<f8"), np.dtype("<f4"), np.dtype("<i8"), np.dtype("u1")
SERIES_CHUNK_UNITS = 256
STATISTICS_CHUNK_CHANNELS = 64
CHUNK_ROWS = 512
BLOB_CHUNK = 65536
LOG_CHUNK = 16384


class LogKind(IntEnum):
    """What a record of the log holds, as JSON."""

    TRACE = 1
    EVENT = 2
    SNAPSHOT = 3
    LATE_CHANNELS = 4
    LATE_SCALAR = 5
    END = 6


class Committed(IntEnum):
    """The places of ``/committed``: how much of each growing part is whole."""

    ITERATIONS = 0
    ROWS = 1
    NONFINITE = 2
    LOG = 3
    TENSORS = 4
    LATE_ROWS = 5
    LATE_SERIES = 6
    LATE_SCALARS = 7


LAST_WRITTEN: Mapping[Committed, str] = {
    Committed.ITERATIONS: SCALARS,
    Committed.ROWS: ROWS,
    Committed.NONFINITE: NONFINITE,
    Committed.LOG: LOG_TABLE,
    Committed.TENSORS: TENSORS,
    Committed.LATE_ROWS: LATE_ROWS,
    Committed.LATE_SERIES: LATE_SERIES,
    Committed.LATE_SCALARS: LATE_SCALARS,
}
"""The dataset whose length each place of ``/committed`` says."""


@dataclass(frozen=True)
class Growing:
    """A dataset that grows along its first axis."""

    dtype: np.dtype[Any]
    tail: tuple[int, ...]
    """Its shape without the first axis."""
    chunk: tuple[int, ...]

    @property
    def block_bytes(self) -> int:
        """What the file grows by at most when a row is added: the chunks that hold it."""
        across = [-(-length // chunk) * chunk for length, chunk in zip(self.tail, self.chunk[1:], strict=True)]
        return self.dtype.itemsize * self.chunk[0] * int(np.prod(across, dtype=object))


def series_name(channel: int, measure: Measure) -> str:
    """The path of a channel's series of one measure."""
    return f"series/{channel}/{measure.value}"


def series_names(channels: Sequence[Channel]) -> dict[tuple[int, Measure], str]:
    """The paths of all series, by channel id and measure."""
    return {(i, measure): series_name(i, measure) for i, channel in enumerate(channels) for measure in channel.measures}


def growing(channels: Sequence[Channel], scalars: int, block_rows: int = 64) -> Mapping[str, Growing]:
    """Every dataset that grows, by path."""
    series = {
        name: Growing(F4, (width,), (block_rows, min(width, SERIES_CHUNK_UNITS)))
        for (i, measure), name in series_names(channels).items()
        for width in (channels[i].width(measure),)
    }
    return _growing_whatever_the_series(len(channels), scalars, block_rows) | series


def _growing_whatever_the_series(channels: int, scalars: int, block_rows: int) -> dict[str, Growing]:
    width = max(1, min(channels, STATISTICS_CHUNK_CHANNELS))
    return {
        LOSS: Growing(F8, (), (CHUNK_ROWS,)),
        SECONDS: Growing(F8, (), (CHUNK_ROWS,)),
        SCALARS: Growing(F8, (scalars,), (CHUNK_ROWS, max(1, min(scalars, 16)))),
        ROWS: Growing(I8, (), (CHUNK_ROWS,)),
        STATISTIC_VALUES: Growing(F8, (channels, len(STATISTICS)), (block_rows, width, len(STATISTICS))),
        NONFINITE: _table(I8, NONFINITE_COLUMNS),
        LOG_TABLE: _table(I8, LOG_COLUMNS),
        LOG_DATA: Growing(U1, (), (LOG_CHUNK,)),
        TENSORS: Growing(U1, (), (BLOB_CHUNK,)),
        LATE_ROWS: _table(I8, LATE_ROW_COLUMNS),
        LATE_STATISTICS: _table(F8, STATISTICS),
        LATE_SERIES: Growing(F4, (), (LOG_CHUNK,)),
        LATE_SCALARS: _table(F8, LATE_SCALAR_COLUMNS),
    }


def _table(dtype: np.dtype[Any], columns: Sequence[str]) -> Growing:
    return Growing(dtype, (len(columns),), (CHUNK_ROWS, len(columns)))


def fixed(channels: int) -> Mapping[str, tuple[int, ...]]:
    """Every int64 dataset that never grows, by path, with its shape."""
    return {
        COMMITTED: (len(Committed),),
        FIRST: (channels, len(FIRST_COLUMNS)),
        OVERALL: (len(OVERALL_COLUMNS),),
    }


def create_growing(file: h5py.File, name: str, like: Growing, **storage: Any) -> h5py.Dataset:
    """Create one growing dataset, empty; ``storage``: how h5py is to compress it."""
    return file.create_dataset(
        name,
        shape=(0, *like.tail),
        maxshape=(None, *(max(1, n) for n in like.tail)),
        dtype=like.dtype,
        chunks=like.chunk,
        track_times=False,
        **storage,
    )


def create_fixed(file: h5py.File, name: str, shape: tuple[int, ...]) -> h5py.Dataset:
    """Create one dataset of fixed shape: zeros for the lengths, ``NEVER`` in the index."""
    value = 0 if name == COMMITTED else NEVER
    return file.create_dataset(name, data=np.full(shape, value, I8), dtype=I8, track_times=False)


def create_text(file: h5py.File, name: str, text: str) -> None:
    """Create a scalar dataset that holds one UTF-8 string of fixed length."""
    data = text.encode()
    file.create_dataset(name, data=np.bytes_(data), dtype=h5py.string_dtype("utf-8", len(data)), track_times=False)
