"""A small recording with something of everything, and the writer that makes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dgmtui.recording.model import (
    MEASURES,
    STATISTICS,
    Channel,
    End,
    Event,
    Match,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
    StoredTensor,
    Verdict,
)
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", ("--lr", "1"), "/", "cpu", 1, "AVX2", 1)
MODULES = [ModuleInfo("", "Net", None), ModuleInfo("enc", "Linear", "", (8, 5), 1, ("weight",), "in=3, out=5")]
CHANNELS = [
    Channel("enc", Quantity.ACTIVATION, 5),
    Channel("enc", Quantity.WEIGHT, 5),
    Channel("", Quantity.GRADIENT, 0),
]


def row_of(iteration: int) -> tuple[np.ndarray, dict[Any, np.ndarray]]:
    """Statistics ``[C, 9]`` and series of one iteration, different in every place."""
    statistics = np.arange(len(CHANNELS) * len(STATISTICS), dtype=float).reshape(len(CHANNELS), -1) + iteration / 3
    statistics[:, -3:] = 0
    series = {
        (i, measure): np.arange(channel.units, dtype=np.float32) + iteration + 100 * i
        for i, channel in enumerate(CHANNELS)
        if channel.units
        for measure in MEASURES[channel.quantity]
    }
    return statistics, series


def fill(writer: RecordingWriter, iterations: int) -> None:
    """Begin and add so many iterations with a row each, a snapshot, an event, a trace and something late."""
    writer.begin(MODULES, CHANNELS, ["lr"])
    for iteration in range(iterations):
        writer.add_iteration(iteration, 1.0 / (iteration + 1), 0.01, {"lr": 0.1, "kl": float(iteration)})
        writer.add_row(iteration, *row_of(iteration))
    trace = writer.add_trace('{"nodes": []}')
    writer.add_event(Event(1, "note", "something happened", {"value": np.inf}))
    bits = np.arange(12, dtype=np.uint8)
    writer.add_snapshot(
        iteration=2,
        turn="",
        reason="scheduled",
        trace=trace,
        loss=float("nan"),
        verdict=Verdict(Match.MATCHES, Match.NOT_MADE, "the loss"),
        tensors={"param:w": StoredTensor("bfloat16", (2, 3), bits), "input:x": StoredTensor("bool", (), bits[:1])},
    )
    (late,) = writer.add_late_channels([ModuleInfo("aux", "Linear", "")], [Channel("aux", Quantity.ACTIVATION, 2)])
    values = {measure: np.full(2, 7 + i, np.float32) for i, measure in enumerate(MEASURES[Quantity.ACTIVATION])}
    writer.add_late_row(iterations - 1, late, np.r_[np.arange(6.0), 0, 0, 0], values)
    writer.add_nonfinite(NonFinite(3, "enc", Quantity.WEIGHT, 4, 1, 2, 3))


@pytest.fixture
def sample(tmp_path: Path) -> Callable[..., Path]:
    """``sample(iterations=10, end=…)`` → the path of a closed recording."""

    def make(iterations: int = 10, end: End | None = End("finished", 9, "")) -> Path:  # noqa: B008
        path = tmp_path / "run.h5"
        writer = RecordingWriter(path, INFO)
        fill(writer, iterations)
        writer.close(end)
        return path

    return make


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A recording as a killed run leaves it: never closed."""
    writer = RecordingWriter(tmp_path / "going.h5", INFO)
    fill(writer, 20)
    writer.flush()
    path = tmp_path / "killed.h5"
    path.write_bytes((tmp_path / "going.h5").read_bytes())
    writer.close(None)
    return path
