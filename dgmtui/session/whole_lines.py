"""The drawn series read again in full: a chart of many rows holds only each part's minimum and maximum."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import Measure
from dgmtui.session.lines import DRAWN_POINTS
from dgmtui.session.view import DynamicsLine, DynamicsView

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.recording.series import SeriesLike
    from dgmtui.session.session import Session


def whole_lines(session: "Session", view: DynamicsView) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Iterations ``[R]`` and values ``[N, R]`` of the chart's lines; NaN where a row did not see one."""
    if len(view.iterations) < DRAWN_POINTS:
        return view.iterations, np.array([line.values for line in view.lines], np.float32)
    read = [_line(session, view, line) for line in view.lines]
    iterations = np.unique(np.concatenate([rows for rows, _ in read]))
    values = np.full((len(read), len(iterations)), np.nan, np.float32)
    for line, (rows, found) in enumerate(read):
        values[line, np.searchsorted(iterations, rows)] = found
    return iterations, values


def recording_of(session: "Session", line: DynamicsLine) -> "Recording":
    """The recording of the line's rank."""
    return session.ranks.recording(line.rank) if session.drawn.scope == "ranks" else session.recording


def series_of(recording: "Recording", view: DynamicsView, line: DynamicsLine) -> "SeriesLike":
    """``[R, U]``, what the line is one unit of."""
    of = line.module or view.module, view.quantity
    channel = next(
        i for i, c in enumerate(recording.channels) if (c.module, c.quantity) == of and c.width(Measure(view.measure))
    )
    return recording.series(channel, view.measure)


def _line(session: "Session", view: DynamicsView, line: DynamicsLine) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    recording = recording_of(session, line)
    rows = np.asarray(recording.rows)
    window = session.drawn.window
    start, stop = (0, len(rows)) if window is None else np.searchsorted(rows, window)
    values = series_of(recording, view, line)[start:stop, line.unit]
    return rows[start:stop], np.asarray(values, np.float32)
