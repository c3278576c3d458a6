"""What is kept of a training, against every tensor of every iteration, with what went wrong in it still found."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from table import BenchRow

from dgmtui.recording import Recording, open_recording
from dgmtui.recording.compacting import compact

AREA = "keeping"
RECORDINGS = Path(__file__).parents[2] / "recordings"
PLANTED = ("vae", "vae-replaced", "cnn")
"""Recordings of trainings in which something goes wrong; the others went well."""
SHARE = 1 / 1000
FIELDS = ("kind", "severity", "iteration", "phase", "module", "op", "sample", "unit")


def raw_bytes(recording: Recording) -> int:
    """Every module's output with its gradient, and every parameter with its gradient and its update, each iteration."""
    outputs = sum(4 * int(np.prod(module.output_shape)) for module in recording.modules if module.output_shape)
    first = recording.snapshots[0].tensors.items()
    parameters = sum(spec.nbytes for name, spec in first if name.startswith("param:"))
    return recording.iteration_count * (2 * outputs + 3 * parameters)


def found(path: Path) -> list[tuple[Any, ...]]:
    """What went wrong, by the command line."""
    line = [sys.executable, "-m", "dgmtui", str(path), "--batch", "--json", "-c", "findings"]
    answer = json.loads(subprocess.check_output(line, text=True))["findings"]
    return [tuple(each[name] for name in FIELDS) for each in answer]


def kept(name: str, directory: Path) -> Iterable[BenchRow]:
    """One recording as it was written, compacted, and thinned to the goal."""
    path = RECORDINGS / f"{name}.h5"
    with open_recording(path) as recording:
        raw, iterations = raw_bytes(recording), recording.iteration_count
    before = found(path)
    kinds = ", ".join(str(each[0]) for each in before)
    whole = compact(path, directory / f"{name}-whole.h5")
    small = compact(path, directory / f"{name}-small.h5", max_size=int(raw * SHARE))
    for what, where, size in (
        ("recorded", path, path.stat().st_size),
        ("compacted", whole.path, whole.after),
        ("compacted, --max-size", small.path, small.after),
    ):
        same = found(where) == before
        judged = where == small.path
        note = f"{iterations} iterations; {kinds}: {'found' if same else 'NOT found'}"
        ratio = size / raw
        met = (ratio <= SHARE and same and bool(before)) if judged else None
        goal = "≤ 1/1000, faults found" if judged else "–"
        yield BenchRow(AREA, f"{name}, {what}", size / 1e6, "MB", "raw tensors", raw / 1e6, ratio, goal, met, note)


def rows() -> Iterable[BenchRow]:
    """All measurements of what is kept."""
    with tempfile.TemporaryDirectory() as directory:
        for name in PLANTED:
            yield from kept(name, Path(directory))
