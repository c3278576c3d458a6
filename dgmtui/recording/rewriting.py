"""A recording written anew into another file, less what is left out: block by block, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dgmtui.recording import schema
from dgmtui.recording.appending import Appender
from dgmtui.recording.choosing import Choice
from dgmtui.recording.codec import to_json
from dgmtui.recording.ranges import Ranges
from dgmtui.recording.schema import Committed, LogKind
from dgmtui.recording.source import Source

BLOCK_BYTES = 4 << 20
"""Bytes that are held at a time."""
Create = Callable[[h5py.File, str, schema.Growing], h5py.Dataset]
Change = Callable[[str, NDArray[Any]], NDArray[Any]]
Record = tuple[LogKind, Any]


def as_it_is(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Rows of a dataset, unchanged."""
    return values


class Rewriter:
    """Writes what is chosen of a source into an empty file."""

    def __init__(self, source: Source, choice: Choice, file: h5py.File) -> None:
        self._source, self._choice, self._file = source, choice, file
        kept = [one for one in source.snapshots if one.place not in choice.dropped]
        self._tensors = Ranges(part for one in kept for part in one.parts)
        late = source.late_rows[choice.late_rows]
        self._late = Ranges((int(offset), int(length)) for offset, length in late[:, 2:])
        self._late_table = late.copy()
        self._late_table[:, 2] = [self._late.moved(int(offset)) for offset in late[:, 2]]

    def write(
        self,
        info: str,
        more: Sequence[Record] = (),
        create: Create = schema.create_growing,
        change: Change = as_it_is,
    ) -> None:
        """Write all of it.

        Args:
            info: the text ``/about/info``.
            more: records to add to the end of the log.
            create: makes a growing dataset.
            change: given a dataset's name and some rows of it, the rows to write.
        """
        file, source = self._file, self._source
        for name in ("format", "format_version"):
            file.attrs[name] = source.file.attrs[name]
        for name, text in ((schema.INFO, info), (schema.NETWORK, source.text(schema.NETWORK))):
            schema.create_text(file, name, text)
        lengths = {}
        log = self._log(more)
        for name, like in source.shapes.items():
            appender = Appender(create(file, name, like))
            for values in self._blocks(name, like, log):
                appender.append(change(name, values))
            lengths[name] = appender.length
        for name, shape in schema.fixed(len(source.channels)).items():
            schema.create_fixed(file, name, shape)
        for name in (schema.FIRST, schema.OVERALL):
            file[name][...] = source.file[name][()]
        file[schema.COMMITTED][...] = [lengths[schema.LAST_WRITTEN[place]] for place in Committed]

    def _blocks(self, name: str, like: schema.Growing, log: tuple[Any, Any]) -> Iterator[NDArray[Any]]:
        """What goes into a dataset, in its order."""
        if name in (schema.LOG_TABLE, schema.LOG_DATA):
            return iter(log[0] if name == schema.LOG_TABLE else log[1])
        if name == schema.TENSORS:
            return self._tensors.blocks(self._source.dataset(name), BLOCK_BYTES)
        if name == schema.LATE_SERIES:
            return self._late.blocks(self._source.dataset(name), BLOCK_BYTES // like.dtype.itemsize)
        if name == schema.LATE_ROWS:
            return iter([self._late_table])
        if name == schema.LATE_STATISTICS:
            return self._selected(name, like, self._choice.late_rows)
        if name in _EVERY_ITERATION:
            return self._selected(name, like, np.ones(self._source.length(name), np.bool_))
        return self._selected(name, like, self._choice.rows)

    def _selected(self, name: str, like: schema.Growing, kept: NDArray[np.bool_]) -> Iterator[NDArray[Any]]:
        """Kept rows in arrays of whole chunks' rows, but the last."""
        dataset = self._source.dataset(name)
        wide = like.dtype.itemsize * max(1, int(np.prod(like.tail)))
        step = max(1, BLOCK_BYTES // (wide * like.chunk[0])) * like.chunk[0]
        held: list[NDArray[Any]] = []
        count = 0
        for start in range(0, len(kept), step):
            chosen = kept[start : start + step]
            if not chosen.any():
                continue
            read = dataset[start : min(start + step, len(kept))]
            held.append(read if chosen.all() else read[chosen])
            count += len(held[-1])
            if count >= step:
                whole = np.concatenate(held)
                yield whole[:step]
                held, count = [whole[step:]], count - step
        if count:
            yield np.concatenate(held)

    def _log(self, more: Sequence[Record]) -> tuple[list[NDArray[np.int64]], Iterator[NDArray[np.uint8]]]:
        """The table and the data of the log; a snapshot's record is written anew, as its tensors lie elsewhere."""
        source = self._source
        known = {one.place: one for one in source.snapshots}
        changed = {
            place: _encoded(self._moved(one.record))
            for place, one in known.items()
            if place not in self._choice.dropped
        }
        places = [place for place in range(len(source.log_table)) if place not in self._choice.dropped]
        added = [(kind, _encoded(record)) for kind, record in more]
        rows = [
            (int(kind), len(changed[place]) if place in changed else int(length))
            for place in places
            for kind, _, length in (source.log_table[place],)
        ] + [(int(kind), len(data)) for kind, data in added]
        table = np.zeros((len(rows), 3), np.int64)
        if rows:
            table[:, [0, 2]] = rows
            table[1:, 1] = np.cumsum(table[:-1, 2])

        def data() -> Iterator[NDArray[np.uint8]]:
            for place in places:
                yield changed[place] if place in changed else source.log_data(place)
            yield from (each for _, each in added)

        return [table], data()

    def _moved(self, record: Any) -> dict[str, Any]:
        tensors = {
            name: {**spec, "offset": self._tensors.moved(int(spec["offset"]))}
            for name, spec in record["tensors"].items()
        }
        return {**record, "tensors": tensors}


_EVERY_ITERATION = (schema.LOSS, schema.SECONDS, schema.SCALARS, schema.NONFINITE, schema.LATE_SCALARS)


def _encoded(record: Any) -> NDArray[np.uint8]:
    return np.frombuffer(to_json(record).encode(), schema.U1)
