"""Recordings made by hand for the dynamics chart, and a series whose reads wait."""

import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dgmtui.recording.model import MEASURES, Channel, End, ModuleInfo, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter

ACTIVATION = Quantity.ACTIVATION
MODULES = ("", "enc", "enc.a", "enc.b", "dec")
UNITS = {"enc.a": 5, "enc.b": 7, "dec": 3}


class Writing:
    """A run that goes on: rows are added as a test asks for them."""

    def __init__(self, path: Path, *, rank: int = 0, ranks: int = 1, every: int = 1, units: Any = None) -> None:
        self.path, self.every = path, every
        self.units = UNITS if units is None else units
        info = RunInfo("2026", "0", "0", "3", "net.py", (), "/", "cpu", 1, "default", every, rank, ranks)
        self.writer = RecordingWriter(path, info)
        modules = [ModuleInfo(name, "Net" if not name else "Linear", None if not name else "") for name in MODULES]
        self.channels = [Channel(name, ACTIVATION, units) for name, units in self.units.items()]
        self.writer.begin(modules, self.channels)
        self.next = 0
        self.late: int | None = None
        self.random = np.random.default_rng(rank)

    def go_on(
        self, iterations: int, unseen: Sequence[str] = (), bad: dict[str, dict[int, float]] | None = None
    ) -> None:
        """Add so many iterations, of which every so manyth has a row.

        Args:
            unseen: modules that these rows did not see.
            bad: by module and unit, what the last row holds.
        """
        for iteration in range(self.next, self.next + iterations):
            last = iteration == self.next + iterations - 1
            self.writer.add_iteration(iteration, 1.0 / (1 + iteration), 0.01)
            if iteration % self.every:
                continue
            rows = [self.random.normal(size=units).astype(np.float32) for units in self.units.values()]
            for row, name in zip(rows, self.units, strict=True):
                for unit, value in (bad or {}).get(name, {}).items() if last else ():
                    row[unit] = value
                if name in unseen:
                    row[:] = np.nan
            statistics = np.stack(
                [unseen_row() if name in unseen else seen_row(row) for row, name in zip(rows, self.units, strict=True)]
            )
            if self.late is not None:
                row = self.random.normal(size=2).astype(np.float32)
                self.writer.add_late_row(iteration, self.late, seen_row(row), dict.fromkeys(MEASURES[ACTIVATION], row))
            series = {(i, measure): row for i, row in enumerate(rows) for measure in MEASURES[ACTIVATION]}
            self.writer.add_row(iteration, statistics, series)
        self.next += iterations
        self.writer.flush()

    def meet_late(self) -> None:
        """A module that was not called before."""
        late = Channel("enc.late", ACTIVATION, 2)
        (self.late,) = self.writer.add_late_channels([ModuleInfo("enc.late", "Linear", "enc")], [late])

    def so_far(self) -> Path:
        """A file that holds what is written by now, always the same one: HDF5 lets no process read what it writes."""
        copy = self.path.with_name("copy.h5")
        shutil.copyfile(self.path, copy)
        return copy

    def close(self) -> Path:
        """The run ends."""
        self.writer.close(End("finished", self.next - 1, ""))
        return self.path


def seen_row(row: NDArray[np.float32]) -> NDArray[np.float64]:
    """``[9]``."""
    finite = row[np.isfinite(row)].astype(np.float64)
    five = (
        [finite.min(), finite.max(), finite.mean(), finite.std(), np.abs(finite).max()] if len(finite) else [np.nan] * 5
    )
    return np.array([*five, 0.0, np.isnan(row).sum(), np.isposinf(row).sum(), np.isneginf(row).sum()])


def unseen_row() -> NDArray[np.float64]:
    """``[9]`` of a channel that was not seen."""
    return np.array([np.nan] * 5 + [0.0] * 4)


class SlowSeries:
    """As a stored series; the first read after ``hold`` waits until ``go`` is set."""

    def __init__(self, values: NDArray[np.float32]) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.go, self.reading = threading.Event(), threading.Event()
        self.go.set()
        self.reads = 0
        self.at_once, self.most_at_once = 0, 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        with self._lock:
            self.reads += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.reading.set()
        if not self.go.wait(20):
            raise AssertionError("nobody let it go on")
        with self._lock:
            self.at_once -= 1
        return self.values[key]


@pytest.fixture
def a_run(tmp_path: Path) -> Callable[..., Writing]:
    """``a_run("run.h5", rank=0, ranks=1, every=1, units={…})``."""

    def begin(name: str = "run.h5", **options: Any) -> Writing:
        return Writing(tmp_path / name, **options)

    return begin


@pytest.fixture
def slow() -> type[SlowSeries]:
    """The class, to make one of given values."""
    return SlowSeries
