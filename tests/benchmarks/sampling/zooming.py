"""A chart of a great recording as the screen asks for it: opened, zoomed, and then refined beside it."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from table import BenchRow

from dgmtui.recording import Channel, Measure, ModuleInfo, Quantity, RunInfo, open_recording
from dgmtui.recording.writer import RecordingWriter
from dgmtui.session.session import Session
from sampling.cost import units_with_room

ROWS, UNITS = 1000, 1_000_000
WINDOW = (450, 550)


def write(path: Path, units: int) -> None:
    """One weight's norms: levels, a drift and noise."""
    rng = np.random.default_rng(1)
    level, drift = (rng.normal(0, size, units).astype(np.float32) for size in (1, 0.5))
    noise = rng.standard_normal(2 * units, dtype=np.float32) * np.float32(0.1)
    writer = RecordingWriter(path, RunInfo("2026-01-01T00:00:00Z", "0", "0", "3", "a.py", (), "/", "cpu", 1, "", 1))
    writer.begin(
        [ModuleInfo("", "Net", None), ModuleInfo("w", "Linear", "", (8, units), 1)],
        [Channel("w", Quantity.WEIGHT, units)],
    )
    for row in range(ROWS):
        shift = int(rng.integers(units))
        values = level + drift * np.float32(row / ROWS) + noise[shift : shift + units]
        numbers = np.zeros((1, 9))
        numbers[0, 4] = 1
        writer.add_iteration(row, 1.0, 0.01)
        writer.add_row(row, numbers, {(0, Measure.NORM): values})
    writer.close(None)


def rows() -> Iterator[BenchRow]:
    """Wall seconds of what a person waits for, and of what goes on beside."""
    with tempfile.TemporaryDirectory() as folder:
        units = units_with_room(folder, ROWS, UNITS)
        path = Path(folder) / "wide.h5"
        write(path, units)
        what = f"of {units:,} × {ROWS:,} in a recording"
        with open_recording(path) as recording:
            session = Session(recording)
            session.select_module("w")
            session.select_quantity(Quantity.WEIGHT)
            opened, sampled = _asked(session), _refined(session)
            session.show_window(WINDOW)
            zoomed, refined = _asked(session), _refined(session)
    yield _row(f"the screen's first view {what}", opened, None, "before its chart is sampled")
    yield _row(f"its chart {what}, beside the screen", sampled, None)
    yield _row(f"a zoom to 10 % {what}, first picture", zoomed, 0.3)
    yield _row(f"a zoom to 10 % {what}, refined", refined, 1.5)


def _asked(session: Session) -> float:
    began = time.perf_counter()
    session.view()
    return time.perf_counter() - began


def _refined(session: Session) -> float:
    began = time.perf_counter()
    session.refine_chart()
    view = session.view().dynamics
    assert view is not None and view.lines and not view.preliminary
    return time.perf_counter() - began


def _row(what: str, seconds: float, most: float | None, note: str = "") -> BenchRow:
    goal, met = ("", None) if most is None else (f"≤ {most:g}", seconds <= most)
    return BenchRow("sampling", what, seconds, "s", "–", None, None, goal, met, note)
