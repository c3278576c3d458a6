"""Recorded numbers over the iterations, read once and then only what is new."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import STATISTICS, Quantity
from dgmtui.session.stops.terms import Statistic, UnitSeries

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.trace.progress import Progress

ABSMAX, NAN = STATISTICS.index("absmax"), STATISTICS.index("nan")
BLOCK_BYTES = 32 << 20
"""Of the statistics of all channels, read together."""


@dataclass(frozen=True)
class Column:
    """One recorded number at the rows where it was measured."""

    values: NDArray[np.float64]
    """``[r]``, of the rows read so far."""
    measured: NDArray[np.bool_]
    """``[r]``, whether there was anything to measure."""


class Columns:
    """Of one recording."""

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._known: dict[Statistic | UnitSeries, Column] = {}
        self._generation = recording.generation

    def column(self, term: Statistic | UnitSeries, begin: Callable[[], "Progress"]) -> Column:
        """All rows there are by now; ``begin`` gives what is told how far a long reading is."""
        recording = self._recording
        if recording.generation != self._generation:
            self._known.clear()
            self._generation = recording.generation
        known, count = self._known.get(term), len(recording.rows)
        start = 0 if known is None else len(known.values)
        if known is None or start < count:
            new = self._read(term, start, count, begin)
            self._known[term] = known = new if known is None else _joined(known, new)
        return known

    def _read(self, term: Statistic | UnitSeries, start: int, stop: int, begin: Callable[[], "Progress"]) -> Column:
        if isinstance(term, UnitSeries):
            values = self._recording.series(self._channel(term.module, term.quantity), term.measure)
            unit = np.asarray(values[start:stop, term.unit], np.float64)
            seen = self._recording.statistics(self._channel(term.module, term.quantity), start, stop)
            return Column(unit, _measured(seen))
        place = STATISTICS.index(term.statistic)
        if term.module is None:
            return self._of_all(term.quantity, place, start, stop, begin)
        found = self._recording.statistics(self._channel(term.module, term.quantity), start, stop)
        return Column(found[:, place].copy(), _measured(found))

    def _of_all(self, quantity: Quantity, place: int, start: int, stop: int, begin: Callable[[], "Progress"]) -> Column:
        """The largest of all modules, of ``min`` the least."""
        recording = self._recording
        wanted = [i for i, channel in enumerate(recording.channels) if channel.quantity == quantity]
        early = [i for i in wanted if i < recording.first_late_channel]
        late = [i for i in wanted if i >= recording.first_late_channel]
        step = max(1, BLOCK_BYTES // (8 * len(STATISTICS) * max(1, recording.first_late_channel)))
        progress = begin() if stop - start > step else None
        parts = []
        for top in range(start, stop, step):
            if progress is not None:
                progress.update((top - start) / (stop - start), f"reading the {quantity} of every module")
            parts.append(_extreme(recording.statistics_block(top, min(top + step, stop))[:, early], place))
        whole = Column(
            np.concatenate([part.values for part in parts] or [np.empty(0)]),
            np.concatenate([part.measured for part in parts] or [np.empty(0, bool)]),
        )
        if not late:
            return whole
        others = np.stack([recording.statistics(channel, start, stop) for channel in late], axis=1)
        return _further(whole, _extreme(others, place), place)

    def _channel(self, module: str, quantity: Quantity) -> int:
        return next(
            i for i, each in enumerate(self._recording.channels) if (each.module, each.quantity) == (module, quantity)
        )


def _measured(statistics: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of ``[…, 9]``, whether there was a tensor."""
    measured: NDArray[np.bool_] = ~np.isnan(statistics[..., ABSMAX]) | (statistics[..., NAN:].sum(axis=-1) > 0)
    return measured


def _extreme(statistics: NDArray[np.float64], place: int) -> Column:
    """Of ``[r, C, 9]``."""
    seen = _measured(statistics)
    least = STATISTICS[place] == "min"
    out = np.inf if least else -np.inf
    there = np.where(seen & ~np.isnan(statistics[..., place]), statistics[..., place], out)
    values = there.min(axis=1, initial=out) if least else there.max(axis=1, initial=out)
    anywhere: NDArray[np.bool_] = np.any(seen, axis=1)
    return Column(np.where(np.isinf(values), np.nan, values), anywhere)


def _further(one: Column, other: Column, place: int) -> Column:
    extreme = np.fmin if STATISTICS[place] == "min" else np.fmax
    return Column(extreme(one.values, other.values), one.measured | other.measured)


def _joined(known: Column, new: Column) -> Column:
    return Column(np.concatenate([known.values, new.values]), np.concatenate([known.measured, new.measured]))
