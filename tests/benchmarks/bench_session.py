"""How quickly the command line answers and a view is made; neither may load torch."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from table import BenchRow

from dgmtui.recording import MEASURES, Channel, ModuleInfo, Quantity, RunInfo, open_recording
from dgmtui.recording.writer import RecordingWriter
from dgmtui.session.session import Session

MODULES, UNITS, ROWS = 100, 64, 500


def rows() -> Iterable[BenchRow]:
    """Start-up against an empty Python, and views of a network of 100 modules."""
    bare = _started("pass")
    helped = _started("from dgmtui.cli import main; main(['check', '--help'])")
    yield BenchRow(
        "session", "dgmtui check --help", helped, "ms", "python -c pass", bare, helped / bare, "≤ 150 ms", helped <= 150
    )
    with tempfile.TemporaryDirectory() as folder:
        path = _write(Path(folder) / "wide.h5")
        where = _started(f"from dgmtui.cli import main; main([{str(path)!r}, '--json', '-c', 'where'])")
        yield BenchRow("session", "where in batch, 100 modules", where, "ms", "import torch", _started("import torch"),
                       None, "torch not loaded", None)  # fmt: skip
        with open_recording(path) as recording:
            session = Session(recording)
            session.select_module("m7")
            began = time.perf_counter()
            session.view()
            first = (time.perf_counter() - began) * 1e3
            yield BenchRow(
                "session",
                "first view, 100 modules × 64 units × 500 rows",
                first,
                "ms",
                "",
                None,
                None,
                "≤ 500 ms",
                first <= 500,
            )
            moved = _median(lambda i: (session.go_to(i), session.view()))
            yield BenchRow("session", "view after one step", moved, "ms", "", None, None, "≤ 50 ms", moved <= 50)


def _started(code: str) -> float:
    """Median milliseconds of running ``code`` in a fresh Python."""
    line = [sys.executable, "-c", code]
    return _median(lambda _: subprocess.run(line, capture_output=True, check=False), 5)


def _median(action: Callable[[int], object], times: int = 20) -> float:
    taken = []
    for i in range(times):
        began = time.perf_counter()
        action(i)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


def _write(path: Path) -> Path:
    random = np.random.default_rng(0)
    info = RunInfo("2026-01-01T00:00:00Z", "0.1.0", "2.13.0", "3.11", "train.py", (), "/", "cpu", 1, "AVX2", 1)
    modules = [ModuleInfo("", "Net", None)]
    modules += [ModuleInfo(f"m{i}", "Linear", "", (8, UNITS), 1) for i in range(MODULES)]
    channels = [Channel(module.path, Quantity.ACTIVATION, UNITS) for module in modules[1:]]
    writer = RecordingWriter(path, info)
    writer.begin(modules, channels)
    for iteration in range(ROWS):
        values = random.normal(size=(MODULES, UNITS)).astype(np.float32)
        numbers = np.zeros((MODULES, 9))
        numbers[:, 4] = np.abs(values).max(axis=1)
        measures = MEASURES[Quantity.ACTIVATION]
        writer.add_iteration(iteration, float(values.mean()), 0.01)
        writer.add_row(iteration, numbers, {(i, m): values[i] for i in range(MODULES) for m in measures})
    writer.close(None)
    return path
