"""A recording of noise, as many rows and layers as asked for."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import MEASURES, Channel, End, ModuleInfo, NonFinite, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter

ROWS, UNITS, LAYERS = 400, 256, 8


class Run:
    """A training that is being recorded: a chain of layers whose units wander."""

    def __init__(self, path: Path, layers: int = LAYERS, units: int = UNITS) -> None:
        self._names = [f"layer{i}" for i in range(layers)]
        modules = [ModuleInfo("", "Net", None)] + [
            ModuleInfo(name, "Linear", "", (32, units), 1, ("weight", "bias")) for name in self._names
        ]
        self._channels = [Channel(name, Quantity.ACTIVATION, units) for name in self._names]
        info = RunInfo("2026-01-01T00:00:00", "0", "0", "3", "net.py", (), "/", "cpu", 1, "default", 1)
        self.writer = RecordingWriter(path, info)
        self.writer.begin(modules, self._channels)
        self._random = np.random.default_rng(0)
        self._level = self._random.normal(size=(layers, units)).astype(np.float32)
        self.iterations = 0

    def go_on(self, rows: int = 1) -> None:
        """Train for so many iterations."""
        for iteration in range(self.iterations, self.iterations + rows):
            self._level += self._random.normal(size=self._level.shape).astype(np.float32) * 0.1
            self.writer.add_iteration(iteration, float(np.exp(-iteration / 100)), 0.01)
            rows_of = np.stack([_statistics(row) for row in self._level])
            self.writer.add_row(iteration, rows_of, _series(self._channels, self._level))
        self.iterations += rows

    def fail(self) -> None:
        """A unit of the last layer becomes infinite, and that is the end."""
        self._level[-1, 3] = np.inf
        self.go_on()
        last = self.iterations - 1
        self.writer.add_nonfinite(NonFinite(last, self._names[-1], Quantity.ACTIVATION, 3, 0, 1, 0))
        self.writer.close(End("nonfinite", last, ""))


def write_recording(path: Path, rows: int = ROWS, layers: int = LAYERS, units: int = UNITS) -> Path:
    """A chain of layers whose last becomes infinite in the end."""
    run = Run(path, layers, units)
    run.go_on(rows - 1)
    run.fail()
    return path


def _series(channels: list[Channel], level: NDArray[np.float32]) -> dict[tuple[int, object], NDArray[np.float32]]:
    return {(i, measure): level[i] for i in range(len(channels)) for measure in MEASURES[Quantity.ACTIVATION]}


def _statistics(row: NDArray[np.float32]) -> NDArray[np.float64]:
    finite = row[np.isfinite(row)].astype(np.float64)
    five = [finite.min(), finite.max(), finite.mean(), finite.std(), np.abs(finite).max()]
    return np.array([*five, (row == 0).mean(), 0, np.isposinf(row).sum(), np.isneginf(row).sum()])
