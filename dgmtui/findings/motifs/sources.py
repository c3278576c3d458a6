"""All series of a recording as tables, block by block: units' series, statistics, scalars and the loss."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.motifs.model import Place, Table
from dgmtui.recording.model import STATISTICS, Measure

if TYPE_CHECKING:
    from dgmtui.findings.case import Case
    from dgmtui.recording.model import Channel

BUDGET = 1 << 22
"""Values of a table that is looked at at once; what is worked out of them takes some ten times as much memory."""
CHUNK = 1024
"""Series that lie together in the file."""
UNSIGNED = frozenset({Measure.RMS, Measure.NORM})
LOOKED_AT = ("min", "max", "mean", "std", "absmax")
"""Statistics; the others are counts and shares, which the units' series tell."""
SIGNED_STATISTICS = frozenset({"min", "max", "mean"})
MOST_LOSSES = 4096
"""A longer loss is looked at in so many blocks, by their medians."""


def count_series(case: "Case", module: str | None = None) -> int:
    """How many series ``tables`` goes through."""
    channels = [c for c in case.recording.channels if module is None or within(c.module, module)]
    units = sum(c.width(measure) for c in channels for measure in c.measures)
    return units + len(LOOKED_AT) * len(channels) + (0 if module else 1 + len(case.recording.scalars))


def within(path: str, module: str) -> bool:
    """Whether a module is the other or lies in it."""
    return path == module or not module or path.startswith(module + ".")


def tables(case: "Case", module: str | None = None) -> Iterator[Table]:
    """Every series with the rows in which it was measured; those of the same rows together, up to a budget.

    Args:
        module: only its series and those of what it contains, and no loss.
    """
    if module is None:
        yield from map(_table, _of_the_run(case))
    waiting: dict[tuple[bool, bytes], list[_Piece]] = {}
    for piece in _of_channels(case, module):
        key = piece.signed, piece.iterations.tobytes()
        together = waiting.setdefault(key, [])
        if together and sum(each.values.size for each in together) + piece.values.size > BUDGET:
            yield _table(*together)
            together.clear()
        together.append(piece)
    for together in waiting.values():
        if together:
            yield _table(*together)


@dataclass(frozen=True)
class _Piece:
    """Series ``[S, R]`` of one place, from one unit on; or of as many places."""

    places: tuple[Place, ...]
    iterations: NDArray[np.int64]
    values: NDArray[np.float32]
    signed: bool
    first: int = -1


def _table(*pieces: _Piece) -> Table:
    places: list[Place] = []
    which, units = [], []
    for piece in pieces:
        count = len(piece.values)
        which.append(len(places) + (np.arange(count) if len(piece.places) > 1 else np.zeros(count, np.int64)))
        units.append(piece.first + np.arange(count) if piece.first >= 0 else np.full(count, -1))
        places += piece.places
    values = np.concatenate([piece.values for piece in pieces]) if len(pieces) > 1 else pieces[0].values
    return Table(
        tuple(places), np.concatenate(which), np.concatenate(units), pieces[0].iterations, values, pieces[0].signed
    )


def _of_channels(case: "Case", module: str | None) -> Iterator[_Piece]:
    for number, channel in enumerate(case.recording.channels):
        if module is None or within(channel.module, module):
            called = case.called(number)
            yield from _statistics(case, number, channel, called)
            yield from _units(case, number, channel, called)


def _statistics(case: "Case", number: int, channel: "Channel", called: NDArray[np.bool_]) -> Iterator[_Piece]:
    table = case.recording.statistics(number)[called]
    for signed in (False, True):
        names = [n for n in LOOKED_AT if (n in SIGNED_STATISTICS) == signed]
        places = tuple(Place(channel.module, str(channel.quantity), name, False) for name in names)
        values = table[:, [STATISTICS.index(name) for name in names]].T
        yield _Piece(places, case.recording.rows[called], _narrow(values), signed)


def _units(case: "Case", number: int, channel: "Channel", called: NDArray[np.bool_]) -> Iterator[_Piece]:
    for measure in channel.measures:
        width = channel.width(measure)
        place = Place(channel.module, str(channel.quantity), str(measure), True, width)
        series = case.recording.series(number, measure)
        step = max(1, min(CHUNK, BUDGET // max(1, len(called))))
        for first in range(0, width, step):
            values = np.asarray(series[:, first : first + step], np.float32)[called].T
            yield _Piece(
                (place,), case.recording.rows[called], np.ascontiguousarray(values), measure not in UNSIGNED, first
            )


def _of_the_run(case: "Case") -> Iterator[_Piece]:
    recording = case.recording
    named = [("loss", "", recording.losses())]
    named += [("scalar", name, recording.scalar(name)) for name in recording.scalars]
    for quantity, name, values in named:
        iterations = np.flatnonzero(~np.isnan(values)) if quantity == "scalar" else np.arange(len(values))
        known = values[iterations]
        finite = known[np.isfinite(known)]
        signed = bool(len(finite) and finite.min() < 0)
        iterations, known = _shortened(iterations, known)
        yield _Piece((Place(None, quantity, name, False),), iterations, _narrow(known[None]), signed)


def _shortened(
    iterations: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Medians of blocks, with their first iteration, where there are very many; a block with a non-finite value is
    NaN."""
    width = -(-len(values) // MOST_LOSSES)
    if width <= 1:
        return iterations, values
    blocks = len(values) // width
    start = len(values) - blocks * width
    folded = values[start:].reshape(blocks, width)
    with np.errstate(invalid="ignore"):
        middle = np.where(np.isfinite(folded).all(axis=1), np.median(folded, axis=1), np.nan)
    return iterations[start::width], middle


def _narrow(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """float32; what is finite stays finite."""
    most = float(np.finfo(np.float32).max)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isfinite(values), np.clip(values, -most, most), values).astype(np.float32)
