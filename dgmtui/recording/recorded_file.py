"""A recording's file, open for reading: how much of it is whole, and what a run that goes on has added or replaced."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from weakref import WeakValueDictionary

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording import schema
from dgmtui.recording.codec import decode, from_json
from dgmtui.recording.late import LateReader
from dgmtui.recording.log import Log
from dgmtui.recording.model import ROUNDED, RunInfo
from dgmtui.recording.names import Network, parse_network
from dgmtui.recording.opening import (
    check_claim,
    check_format,
    is_replaced,
    open_dataset,
    open_file,
    open_numbers,
    read_text,
    reading,
)
from dgmtui.recording.reading_index import IndexReader
from dgmtui.recording.schema import Committed
from dgmtui.recording.source import Source

PARTNERS: Mapping[Committed, tuple[str, ...]] = {
    Committed.ITERATIONS: (schema.LOSS, schema.SECONDS),
    Committed.ROWS: (schema.STATISTIC_VALUES,),
    Committed.LATE_ROWS: (schema.LATE_STATISTICS,),
}
"""Datasets that grow with the one whose length is committed, and are written before it."""
PLACES = {name: place for place, name in schema.LAST_WRITTEN.items()} | {
    name: place for place, names in PARTNERS.items() for name in names
}


def same_run(info: RunInfo, other: RunInfo) -> bool:
    """Whether two recordings are of one run, whatever became of them since."""
    return replace(info, extra={}) == replace(other, extra={})


class RecordedFile:
    """One recording's file and what of it is whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        """How often ``refresh`` found that rows known by their place lie elsewhere: the file was replaced by a thinned
        one, or rows came between others or are being written again."""
        self._file = open_file(path)
        try:
            with reading(path):
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        check_format(self._file, self.path)
        self._series: WeakValueDictionary[str, h5py.Dataset] = WeakValueDictionary()
        # HDF5 can't refresh what is open twice: series that somebody holds are shared
        if schema.NETWORK not in self._file:
            raise RecordingError(
                f"{self.path} stops before its first iteration was whole: there is nothing to look at; record again."
            )
        self.info: RunInfo = decode(RunInfo, from_json(read_text(self._file, schema.INFO)))
        """Where, with what and how it was made."""
        self._network: Network = parse_network(read_text(self._file, schema.NETWORK))
        self._shapes: Mapping[str, schema.Growing] = schema.growing(self._network.channels, len(self._network.scalars))
        fixed = schema.fixed(len(self._network.channels))
        self._fixed = {name: self._open_fixed(name, shape) for name, shape in fixed.items()}
        # read before the rest is opened, so that a run going on can only have added to what it says
        committed = self._fixed[schema.COMMITTED][()]
        self._growing = {
            name: open_numbers(self._file, name, like)
            for name, like in self._shapes.items()
            if not name.startswith("series/")
        }
        self._read_lengths(committed)
        self._open_parts()

    def _open_fixed(self, name: str, shape: tuple[int, ...]) -> h5py.Dataset:
        found = open_dataset(self._file, name)
        if found.dtype != schema.I8 or found.shape != shape:
            raise RecordingError(f"{self.path} has /{name} as {found.dtype} {found.shape}: it is damaged.")
        check_claim(self._file, name, shape[0], schema.Growing(schema.I8, shape[1:], ()))
        return found

    def _read_lengths(self, committed: NDArray[np.int64]) -> None:
        """Take in how much of each part is whole; never more than the datasets themselves hold."""
        lengths = []
        for place, name in schema.LAST_WRITTEN.items():
            claimed, held = int(committed[place]), int(self._growing[name].shape[0])
            if claimed < 0:
                raise RecordingError(f"{self.path} claims {claimed} rows of /{name}: it is damaged; record again.")
            lengths.append(min(claimed, held))
        for place, names in PARTNERS.items():
            lengths[place] = min(lengths[place], *(int(self._growing[name].shape[0]) for name in names))
        self._claimed = [int(claimed) for claimed in committed]
        self._lengths = lengths

    def committed_lengths(self) -> tuple[tuple[str, int, int], ...]:
        """Of each growing dataset outside the series: its path, how many rows must be whole, how many it holds."""
        return tuple(
            (name, self._claimed[PLACES[name]], int(dataset.shape[0]))
            for name, dataset in self._growing.items()
            if name in PLACES
        )

    def _open_parts(self) -> None:
        growing, fixed = self._growing, self._fixed
        self.log: Log = Log(growing[schema.LOG_TABLE], growing[schema.LOG_DATA], lambda: self._lengths[Committed.LOG])
        self.index = IndexReader(
            fixed[schema.FIRST],
            fixed[schema.OVERALL],
            growing[schema.NONFINITE],
            lambda: self._lengths[Committed.NONFINITE],
        )
        self._late = LateReader(
            growing[schema.LATE_ROWS],
            growing[schema.LATE_STATISTICS],
            growing[schema.LATE_SERIES],
            growing[schema.LATE_SCALARS],
            lambda: (self._lengths[Committed.LATE_ROWS], self._lengths[Committed.LATE_SCALARS]),
            self.path,
        )

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._file:
            self._file.close()

    @property
    def iteration_count(self) -> int:
        """How many iterations are recorded."""
        return self._lengths[Committed.ITERATIONS]

    @property
    def last_iteration(self) -> int:
        """The last iteration recorded; -1 where there is none."""
        rows = self._lengths[Committed.ROWS]
        with reading(self.path):
            last_row = int(self._growing[schema.ROWS][rows - 1]) if rows else -1
        return max(self.iteration_count - 1, last_row)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """``[R]``: the iteration of each row of statistics and series, upwards."""
        with reading(self.path):
            rows: NDArray[np.int64] = self._growing[schema.ROWS][: self._lengths[Committed.ROWS]]
        return rows

    @property
    def rounding(self) -> Mapping[str, int]:
        """Mantissa bits, of 23, that ``dgmtui compact`` left each series, by its path; none where it left all."""
        told = self.info.extra.get(ROUNDED)
        pairs = told.items() if isinstance(told, dict) else ()
        return {str(name): bits for name, bits in pairs if type(bits) is int}

    def source(self) -> Source:
        """What is whole of it, for writing it anew."""
        scalars, file = len(self._network.scalars), self._file

        def dataset(name: str) -> h5py.Dataset:
            known = self._growing.get(name)
            return open_numbers(file, name, self._shapes[name]) if known is None else known

        return Source(file, self._network.channels, scalars, self._lengths, dataset=dataset)

    def refresh(self) -> None:
        """Take in what the run has written since, in another file of that name too where it has thinned the recording.

        Arrays and series handed out before stay as they were.
        """
        self._reopen_if_replaced()
        known = self.__dict__.get("rows")
        with reading(self.path):
            self._fixed[schema.COMMITTED].refresh()
            committed = self._fixed[schema.COMMITTED][()]
            for dataset in (*self._growing.values(), self._fixed[schema.FIRST], self._fixed[schema.OVERALL]):
                dataset.refresh()
            self._read_lengths(committed)
            self.log.update()
        self.index.update()
        self._late.update()
        self._forget()
        if known is not None and not np.array_equal(known, self.rows[: len(known)]):
            self.generation += 1

    def _forget(self) -> None:
        for kind in type(self).__mro__:
            for name, value in vars(kind).items():
                if isinstance(value, cached_property):
                    self.__dict__.pop(name, None)

    def iterations_written(self) -> int:
        """How many iterations are in the file by now; what of them ``refresh`` has taken in is another matter."""
        with reading(self.path):
            self._fixed[schema.COMMITTED].refresh()
            return int(self._fixed[schema.COMMITTED][Committed.ITERATIONS])

    @property
    def is_replaced(self) -> bool:
        """Whether its name belongs to another file by now; once refreshed, to another run's."""
        return is_replaced(self._file, self.path)

    def _reopen_if_replaced(self) -> None:
        """Another run's recording of that name is not this one: then what is open stays."""
        if not is_replaced(self._file, self.path):
            return
        before = self.__dict__.copy()
        try:
            self._file = open_file(self.path)
            with reading(self.path):
                self._open()
            if not same_run(self.info, before["info"]):
                raise UsageError(f"{self.path} is another run's by now.")
        except (RecordingError, UsageError):
            opened = self._file
            self.__dict__ |= before
            if opened is not self._file:
                opened.close()
            return
        self.generation += 1
        self._forget()
