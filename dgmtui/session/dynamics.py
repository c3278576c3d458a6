"""The dynamics chart: a sample of a quantity's series, read once for what is selected."""

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.elements import series_label
from dgmtui.recording.model import STATISTICS, Measure
from dgmtui.session.view import DynamicsLine, DynamicsView

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.recording.series import SeriesLike
    from dgmtui.session.session import Session

KEPT_CHARTS = 32
MOST_NONFINITE = 100
"""Of the series that are not finite all are counted, and so many (or ``k``, if more) are drawn: the first to go."""
DRAWN_POINTS = 4096
"""Longer series are thinned by each part's minimum and maximum, so that no spike is lost."""
ABSMAX, NAN = STATISTICS.index("absmax"), STATISTICS.index("nan")


class DynamicsCharts:
    """Sampled charts by what they show."""

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._charts: OrderedDict[tuple[object, ...], DynamicsView | None] = OrderedDict()
        self._generation = recording.generation

    def forget_rewritten(self) -> None:
        """Rows have come between those that were drawn: a chart's rows are not what they were."""
        if self._generation != self._recording.generation:
            self._generation = self._recording.generation
            self._charts.clear()

    def chart(self, session: "Session") -> DynamicsView | None:
        """The chart of the module, quantity, measure, window and scale that are selected.

        Returns:
            None where the module has no series of the quantity.
        """
        recording = self._recording
        channel = next(
            (
                i
                for i, c in enumerate(recording.channels)
                if c.module == session.module and c.quantity == session.quantity and c.width(session.drawn_measure)
            ),
            None,
        )
        rows = np.asarray(recording.rows)
        start, stop = row_window(rows, session.drawn.window)
        if channel is None or stop <= start:
            return None
        key = (recording.generation, channel, session.drawn_measure, session.unit, start, stop, session.drawn)
        if key not in self._charts:
            self._charts[key] = self._make(session, channel, start, stop)
            while len(self._charts) > KEPT_CHARTS:
                self._charts.popitem(last=False)
        self._charts.move_to_end(key)
        return self._charts[key]

    def _make(self, session: "Session", channel: int, start: int, stop: int) -> DynamicsView | None:
        from dgmtui.sampling import sample

        k = session.drawn.k
        rows, series = self._seen(channel, session.drawn_measure, start, stop)
        if not len(rows):
            return None
        iterations = np.asarray(self._recording.rows)[rows]
        window = (int(rows[0]), int(rows[-1]) + 1) if len(series) > len(rows) else None
        picked = sample(series, k, window=window, scale=session.drawn.scale)
        offset = window[0] if window else 0
        bad = sorted(picked.nonfinite, key=lambda found: (found[1], found[0]))
        first_bad = {int(unit): int(iterations[row - offset]) for unit, row in bad[: max(k, MOST_NONFINITE)]}
        kinds: dict[int, str] = dict.fromkeys(first_bad, "nonfinite")
        for unit, lane in zip(picked.indices, picked.lanes, strict=True):
            kinds.setdefault(int(unit), lane)
        named = session.drawn_measure != Measure.ELEMENT
        if named and session.unit is not None and session.unit < series.shape[1]:
            kinds[session.unit] = "selected"
        units = np.array(sorted(kinds), np.int64)
        drawn, values = thin(iterations, np.asarray(series[offset : offset + len(rows), units], np.float32))
        place = {int(unit): i for i, unit in enumerate(units)}
        return DynamicsView(
            module=session.module,
            quantity=session.quantity,
            measure=session.drawn_measure,
            iterations=drawn,
            lines=tuple(
                DynamicsLine(
                    unit,
                    kind,
                    values[:, place[unit]],
                    first_bad.get(unit),
                    series_label(self._recording.channels[channel], session.drawn_measure, unit),
                )
                for unit, kind in kinds.items()
            ),
            total=picked.total,
            nonfinite=len(picked.nonfinite),
            clipped=len(picked.clipped),
            scale=session.drawn.scale,
        )

    def _seen(self, channel: int, measure: Measure, start: int, stop: int) -> "tuple[NDArray[np.int64], SeriesLike]":
        """Rows of the window that saw the module, and the series: whole where those follow each other, else only those.

        A row that did not see it, as an iteration that failed before its backward pass, holds no non-finite value.
        """
        series = self._recording.series(channel, measure)
        statistics = self._recording.statistics(channel, start, stop)
        seen = ~np.isnan(statistics[:, ABSMAX]) | (statistics[:, NAN:].sum(axis=1) > 0)
        rows = start + np.flatnonzero(seen)
        if not len(rows) or rows[-1] + 1 - rows[0] == len(rows):
            return rows, series
        return rows, np.asarray(series[start:stop])[seen]


def row_window(rows: NDArray[np.int64], window: tuple[int, int] | None) -> tuple[int, int]:
    """Rows ``[start, stop)`` of the iterations in ``window``; all where it is None."""
    if window is None:
        return 0, len(rows)
    start, stop = np.searchsorted(rows, window)
    return int(start), int(stop)


def thin(
    iterations: NDArray[np.int64], values: NDArray[np.float32], most: int = DRAWN_POINTS
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """At most ``most`` points a line: each part's minimum and maximum, non-finite where the part holds one.

    Args:
        iterations: ``[R]``.
        values: ``[R, N]``.
    """
    count = len(iterations)
    if count <= most:
        return iterations, values
    starts = np.arange(most // 2) * count // (most // 2)
    middles = np.append(starts[1:], count) - starts
    low = np.minimum.reduceat(values, starts, axis=0)
    high = np.maximum.reduceat(values, starts, axis=0)
    rising = values[starts] <= values[np.append(starts[1:], count) - 1]
    thinned = np.empty((2 * len(starts), values.shape[1]), np.float32)
    thinned[0::2], thinned[1::2] = np.where(rising, low, high), np.where(rising, high, low)
    places = np.empty(2 * len(starts), np.int64)
    places[0::2], places[1::2] = starts, starts + middles // 2
    return iterations[places], thinned
