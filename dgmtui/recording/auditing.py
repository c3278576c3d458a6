"""What must hold between the parts of a recording: each audit yields one sentence a contradiction."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from dgmtui.errors import RecordingError
from dgmtui.recording import schema
from dgmtui.recording.codec import decode, from_json
from dgmtui.recording.model import STATISTICS, End, Event, SnapshotInfo
from dgmtui.recording.names import Network
from dgmtui.recording.reader import Recording
from dgmtui.recording.schema import LogKind

Audit = Callable[[Recording], Iterator[str]]
AUDIT_ROWS = 256
AUDIT_SERIES = 4096
AUDIT_BYTES = 1 << 22
"""Rows, series and bytes that are read at a time: of a compressed file whole chunks, as each is inflated for a part."""
RECORDS: Mapping[LogKind, type[Any]] = {
    LogKind.EVENT: Event,
    LogKind.SNAPSHOT: SnapshotInfo,
    LogKind.LATE_CHANNELS: Network,
    LogKind.END: End,
}


def audits() -> Sequence[Audit]:
    """All audits, in the order in which their findings are told."""
    return (_lengths, _rows, _log, _snapshots, _numbers, _series, _late, _index)


def _lengths(recording: Recording) -> Iterator[str]:
    for name, claimed, held in recording.committed_lengths():
        if held < claimed:
            yield f"/{name} has {held} of the {claimed} rows that were committed: the file is truncated or damaged."


def _rows(recording: Recording) -> Iterator[str]:
    rows = recording.rows
    if len(rows) and (rows[0] < 0 or np.any(np.diff(rows) <= 0)):
        yield "the iterations of the rows do not go upwards: /rows/iteration is damaged."


def _log(recording: Recording) -> Iterator[str]:
    for place in range(len(recording.log.table)):
        try:
            kind = LogKind(recording.log.table[place, 0])
            record = from_json(recording.log.text(place))
            if kind in RECORDS:
                decode(RECORDS[kind], record)
        except ValueError:
            yield f"record {place} of the log is of the unknown kind {recording.log.table[place, 0]}."
        except RecordingError as error:
            yield f"record {place} of the log: {error}"


def _snapshots(recording: Recording) -> Iterator[str]:
    for snapshot in recording.snapshots:
        if snapshot.trace >= recording.trace_count:
            yield f"the snapshot of iteration {snapshot.iteration} names trace {snapshot.trace}, which is not stored."
        for name, spec in snapshot.tensors.items():
            try:
                recording.tensor(spec)
            except RecordingError as error:
                yield f"tensor {name!r} of the snapshot of iteration {snapshot.iteration}: {error}"
        yield from _states(snapshot)


def _states(snapshot: SnapshotInfo) -> Iterator[str]:
    """Every tensor of an optimiser's state is of a parameter that an optimiser of the snapshot moves."""
    moved = {path for step in snapshot.optimizers for group in step.groups for path in group.parameters}
    for name in snapshot.tensors:
        if name.startswith("optimizer:") and name.split(":", 2)[-1] not in moved:
            yield f"tensor {name!r} of the snapshot of iteration {snapshot.iteration} is of no optimiser in it."


def _numbers(recording: Recording) -> Iterator[str]:
    """Everything logged an iteration can be read."""
    recording.losses()
    recording.seconds()
    for name in recording.scalars:
        recording.scalar(name)
    yield from ()


def _series(recording: Recording) -> Iterator[str]:
    for (channel, measure), name in schema.series_names(recording.channels).items():
        try:
            series = recording.series(channel, measure)
            for row, column in product(range(0, len(series), AUDIT_ROWS), range(0, series.shape[1], AUDIT_SERIES)):
                series[row : row + AUDIT_ROWS, column : column + AUDIT_SERIES]
        except RecordingError as error:
            yield f"/{name}: {error}"


def _late(recording: Recording) -> Iterator[str]:
    for channel in range(recording.first_late_channel, len(recording.channels)):
        recording.statistics(channel)
    yield from ()


def _index(recording: Recording) -> Iterator[str]:
    """The index and the statistics tell of the same first non-finite values."""
    table = recording.index.table
    overall = recording.first_nonfinite()
    if (None if overall is None else overall.iteration) != (int(table[0, 0]) if len(table) else None):
        yield "the index's first non-finite value of all is not the first of its table: it is damaged."
    listed = {(int(row[0]), int(row[1])) for row in table}
    first = dict(reversed([(int(row[1]), int(row[0])) for row in table]))
    for channel, told in enumerate(recording.index.first_iterations()):
        if told != first.get(channel):
            yield f"the index's first non-finite value of channel {channel} is not its table's: it is damaged."
    seen: set[int] = set()
    for iteration, channel in _nonfinite_statistics(recording):
        if (iteration, channel) not in listed and channel not in seen:
            seen.add(channel)
            known = recording.channels[channel]
            yield (
                f"the statistics of iteration {iteration} have non-finite values in the {known.quantity} of "
                f"{known.module!r} that the index does not know of."
            )


def _nonfinite_statistics(recording: Recording) -> Iterator[tuple[int, int]]:
    """Iteration and channel of every row of statistics that counts non-finite values."""
    step = max(1, min(AUDIT_ROWS, AUDIT_BYTES // max(1, 8 * len(STATISTICS) * recording.first_late_channel)))
    for start in range(0, len(recording.rows), step):
        counts = recording.statistics_block(start, start + step)[:, :, schema.COUNTS]
        for row, channel in np.argwhere((counts > 0).any(axis=2)):
            yield int(recording.rows[start + row]), int(channel)
