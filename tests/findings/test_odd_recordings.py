"""Findings never raise, whatever little or odd a recording holds."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dgmtui.findings import diagnose
from dgmtui.recording import open_recording
from dgmtui.recording.model import (
    MEASURES,
    STATISTICS,
    Channel,
    End,
    ModuleInfo,
    NonFinite,
    Quantity,
    RunInfo,
)
from dgmtui.recording.writer import RecordingWriter

INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
TYPES = ("Linear", "ReLU", "ReLU6", "Net")
ODD = (float("nan"), float("inf"), 0.0, -1.0, 1.0, 1e38)


SHAPES = (None, (), (4, 3), (0, 3))


def write_odd(path: Path, rng: np.random.Generator, rows: int, known: int, late: int) -> None:
    """Odd values and non-finite entries; some modules without a shape, some channels met late or without units."""
    modules = [ModuleInfo("", "Net", None)]
    for i in range(known + late):
        modules.append(ModuleInfo(f"m{i}", TYPES[rng.integers(4)], "", SHAPES[rng.integers(4)]))
    quantities = list(Quantity)
    channels = [Channel(m.path, quantities[rng.integers(5)], int(rng.integers(4))) for m in modules]
    writer = RecordingWriter(path, INFO)
    writer.begin(modules[: known + 1], channels[: known + 1])
    for row in range(rows):
        if late and row == rows // 2:
            writer.add_late_channels(modules[known + 1 :], channels[known + 1 :])
        writer.add_iteration(row, rng.choice(ODD), 0.01)
        tables = rng.choice(ODD, (len(channels), len(STATISTICS)))
        tables[:, 6:] = rng.integers(0, 2, (len(channels), 3))
        series = [
            {m: rng.choice(ODD, c.units).astype(np.float32) for m in MEASURES[c.quantity] if c.units} for c in channels
        ]
        given_now = {(i, m): values for i in range(known + 1) for m, values in series[i].items()}
        writer.add_row(row, tables[: known + 1], given_now)
        for i in range(known + 1, len(channels) if late and row >= rows // 2 else 0):
            writer.add_late_row(row, i, tables[i], series[i])
    if rows and rng.random() < 0.5:
        bad = channels[rng.integers(known + 1)]
        writer.add_nonfinite(NonFinite(rows - 1, bad.module, bad.quantity, None, 1, 0, 0))
    writer.close(End("finished", rows - 1, "") if rng.random() < 0.5 else None)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 2, 7, 45, 150]), st.integers(0, 2), st.integers(0, 2))
def test_odd_recordings_are_diagnosed_without_an_error(seed: int, rows: int, known: int, late: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "odd.h5"
        write_odd(path, np.random.default_rng(seed), rows, known, late)
        with open_recording(path) as recording:
            for finding in diagnose(recording):
                assert finding.message.endswith(".") and finding.advice.endswith(".")
                assert 0 <= finding.iteration < rows
                assert finding.onset is None or finding.onset <= finding.iteration


def test_nothing_but_nan_losses_is_told_as_a_failure(synthetic: Callable[..., Any]) -> None:
    (finding,) = diagnose(synthetic({"a": ("Linear", 3)}, np.full(200, np.nan)))
    assert (finding.kind, finding.iteration) == ("nonfinite", 0)


def test_one_row_is_too_little_to_judge(synthetic: Callable[..., Any]) -> None:
    assert diagnose(synthetic({"a": ("ReLU", 3)}, np.ones(1))) == ()
