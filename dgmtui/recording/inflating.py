"""Reading compressed datasets of a file that may be hostile: every chunk is inflated here first, within bounds.

HDF5's own filter inflates a chunk to whatever it says, and reads past the end of one that is too short.
"""

import zlib
from itertools import product
from typing import Any

import h5py
import numpy as np

from dgmtui.errors import RecordingError

FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE)
"""What a compressed dataset has, in this order, and nothing else."""
CHUNK_BOUND = 1 << 20
"""Bytes of one inflated chunk."""
INFLATED_BOUND, INFLATE_FACTOR = 1 << 28, 32
"""Bytes that a dataset may always be inflated to; beyond, no more than so many times the file."""


class InflatedDataset(h5py.Dataset):  # type: ignore[misc]  # h5py has no types
    """A compressed dataset; what is read of it was looked at before."""

    def check(self, file_bytes: int) -> None:
        """``RecordingError`` where it can't be what a writer of ours left."""
        claimed = float(np.prod(self.shape, dtype=float)) * self.dtype.itemsize
        self._chunk_bytes = int(np.prod(self.chunks, dtype=object)) * self.dtype.itemsize
        if self._chunk_bytes > CHUNK_BOUND or claimed > max(INFLATED_BOUND, INFLATE_FACTOR * file_bytes):
            raise RecordingError(
                f"{self.file.filename} claims that {self.name} inflates to {claimed:,.0f} bytes: it is damaged, or "
                "made to fill the memory."
            )
        self._unseen: dict[tuple[int, ...], tuple[int, int]] = {}

        def note(chunk: Any) -> None:
            self._unseen[tuple(chunk.chunk_offset)] = (chunk.size, chunk.filter_mask)

        if claimed:
            self.id.chunk_iter(note)
        expected = int(np.prod([-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True)], dtype=object))
        if claimed and len(self._unseen) < expected:
            raise RecordingError(
                f"{self.file.filename} holds {len(self._unseen)} of the {expected} chunks that {self.name} claims, not "
                "more: it is damaged or truncated."
            )

    def refresh(self) -> None:
        """Nothing: what is compressed has ended, and what a hostile writer adds is not looked at."""

    def __getitem__(self, args: Any, new_dtype: Any = None) -> Any:
        if self._unseen:
            self._look_at(args if isinstance(args, tuple) else (args,))
        return super().__getitem__(args, new_dtype)

    def _look_at(self, key: tuple[Any, ...]) -> None:
        """Inflate every chunk that ``key`` touches, once."""
        parts = (*key, *(slice(None) for _ in range(len(self.shape) - len(key))))
        bounds = [_bounds(part, length) for part, length in zip(parts, self.shape, strict=False)]
        touched = product(
            *(
                range(first - first % chunk, stop, chunk)
                for (first, stop), chunk in zip(bounds, self.chunks, strict=True)
            )
        )
        for offset in [each for each in touched if each in self._unseen]:
            size, mask = self._unseen[offset]
            if mask or size > self._chunk_bytes + self._chunk_bytes // 512 + 64 or not self._is_whole(offset):
                raise RecordingError(
                    f"{self.file.filename} has a chunk of {self.name} that does not inflate to its "
                    f"{self._chunk_bytes:,} bytes: it is damaged, or made to fill the memory."
                )
            del self._unseen[offset]

    def _is_whole(self, offset: tuple[int, ...]) -> bool:
        _, stored = self.id.read_direct_chunk(offset)
        inflater = zlib.decompressobj()
        try:
            inflated = inflater.decompress(stored, self._chunk_bytes + 1)
        except zlib.error:
            return False
        return len(inflated) == self._chunk_bytes and inflater.eof


def _bounds(part: Any, length: int) -> tuple[int, int]:
    """First place, and the one after the last, that an index along one axis can reach."""
    if isinstance(part, slice):
        places = range(*part.indices(length))
        return (min(places[0], places[-1]), max(places[0], places[-1]) + 1) if len(places) else (0, 0)
    if isinstance(part, int | np.integer):
        at = int(part) % length if length else 0
        return at, at + 1
    return 0, length
