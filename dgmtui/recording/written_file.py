"""The file that a recording is written to: its datasets, what of them is whole, the thinned copy that follows it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.appending import Appender, Staging
from dgmtui.recording.budget import Budget
from dgmtui.recording.codec import to_json
from dgmtui.recording.creating import create_part, part_of, switch_to_following, writing
from dgmtui.recording.model import Channel, ModuleInfo, NonFinite, RunInfo
from dgmtui.recording.room import RESERVE, check_room
from dgmtui.recording.schema import Committed
from dgmtui.recording.source import Source
from dgmtui.recording.thinning import Thinned, take_over, thinned
from dgmtui.recording.writing_index import IndexWriter

if TYPE_CHECKING:
    import h5py

ITERATION_BLOCK = 512
STAGED_BYTES = 64 << 20
"""Of rows that are wider, fewer than a block are staged."""


class WrittenFile:
    """``PATH.part`` until ``create``; then the recording, which grows only, or gives its place to a thinned copy."""

    def __init__(self, path: Path, info: RunInfo, block_rows: int, max_size: int | None) -> None:
        self.path = path
        self.reserve = RESERVE
        """Bytes that are left free."""
        self.block_rows = block_rows
        self.budget = None if max_size is None else Budget(max_size)
        self._every = info.every
        self._copy: Thinned | None = None
        self._file: h5py.File | None = create_part(path, info)

    @property
    def closed(self) -> bool:
        """Whether nothing can be added any more."""
        return self._file is None

    def create(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel], scalars: Sequence[str]) -> None:
        """Create every dataset for this network, rename the file to its final name and let readers in."""
        assert self._file is not None
        self.channels, self._scalars = list(channels), len(scalars)
        with writing(self.path):
            network = {"modules": modules, "channels": channels, "scalars": scalars}
            schema.create_text(self._file, schema.NETWORK, to_json(network))
            growing = schema.growing(self.channels, len(scalars), self.block_rows)
            self._reckon(growing)
            self.appenders = {
                name: Appender(schema.create_growing(self._file, name, like)) for name, like in growing.items()
            }
            fixed = {
                name: schema.create_fixed(self._file, name, shape)
                for name, shape in schema.fixed(len(self.channels)).items()
            }
            self._committed = fixed[schema.COMMITTED]
            self.index = IndexWriter(self.appenders[schema.NONFINITE], fixed[schema.FIRST], fixed[schema.OVERALL])
            switch_to_following(self._file, self.path)
        staged = min(self.block_rows, STAGED_BYTES * self.block_rows // self.block_bytes)
        self.iterations, self.rows = Staging(ITERATION_BLOCK), Staging(max(1, staged))

    def _reckon(self, growing: Mapping[str, schema.Growing]) -> None:
        """How much room a block of rows takes; ``RecordingError`` where not even that is there."""
        self.grows = {name: like.block_bytes for name, like in growing.items()}
        rows = [n for n in growing if n in (schema.ROWS, schema.STATISTIC_VALUES) or n.startswith("series/")]
        self.block_bytes = sum(self.grows[name] for name in rows)
        self._slack = sum(self.grows[name] for name in growing if name not in rows) + 512 * len(growing)
        check_room(self.path, self.block_bytes)
        if self.budget is not None:
            self.budget.check_block(self.path, self.block_bytes + self._slack)

    def ensure_room(self, needed: int) -> None:
        """``RecordingError`` where so many bytes more have no room on the disk or in the budget."""
        self.keep_within(needed)
        check_room(self.path, needed, reserve=self.reserve)

    def keep_within(self, needed: int) -> None:
        """Thin the recording if so many bytes more, and what goes with them, make it too large."""
        if self.budget is None:
            return
        self._finish_thinning()
        assert self._file is not None
        needed += self._slack
        if self.budget.wants_thinning(self._file.id.get_filesize(), needed):
            source = Source(self._file, self.channels, self._scalars, self._whole(), self.block_rows)
            self._copy = thinned(self.path, source, self._every, self.rows.written, self.budget)
            self._finish_thinning()
            self.budget.tried(self._file.id.get_filesize())
        self.budget.check(self.path, self._file.id.get_filesize(), needed, self.reserve)

    @contextlib.contextmanager
    def unthinned(self) -> Iterator[None]:
        """What was written lies where it lies until this is left."""
        if self.budget is None:
            yield
            return
        before, self.budget.held = self.budget.held, True
        try:
            yield
        finally:
            self.budget.held = before

    def _finish_thinning(self) -> None:
        """Go on in the thinned copy; done again where an interrupt came between."""
        copy = self._copy
        if copy is None or self._file is None:
            return
        take_over(copy, self.path)
        for name, appender in self.appenders.items():
            appender.move(copy.file[name])
        self._committed = copy.file[schema.COMMITTED]
        self.index.move(copy.file[schema.FIRST], copy.file[schema.OVERALL])
        self.rows.move(self.appenders[schema.ROWS].length)
        old, self._file = self._file, copy.file
        self._copy = None
        if old is not copy.file:
            old.close()

    def enter(self, channel: int, found: NonFinite) -> bool:
        """Put a non-finite value into the index unless it is there; whether it is the run's first."""
        with writing(self.path):
            known = self.index.knows(found.iteration, channel)
        if known:
            return False
        self.keep_within(0)
        with writing(self.path):
            return self.index.add(channel, found)

    def commit(self) -> None:
        """Say how much is whole, after it has reached the file: a kill between the two loses nothing said before."""
        assert self._file is not None
        self._finish_thinning()
        with writing(self.path):
            self._file.flush()
            self._committed[...] = self._whole()
            self._file.flush()

    def _whole(self) -> NDArray[np.int64]:
        """``[8]``: how much of each growing part every dataset of it holds."""
        lengths = np.zeros(len(Committed), schema.I8)
        for place, name in schema.LAST_WRITTEN.items():
            lengths[place] = self.appenders[name].length
        lengths[Committed.ITERATIONS], lengths[Committed.ROWS] = self.iterations.whole, self.rows.whole
        return lengths

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with writing(self.path):
                file.close()

    def discard(self) -> None:
        """Close and remove a file that has not its final name yet."""
        if self._file is not None:
            try:
                self.close()
            finally:
                part_of(self.path).unlink(missing_ok=True)
