"""What sampling a great file costs beside reading it once: each run in a process of its own, which prints its numbers.

As a script: ``cost.py read|whole|sample|zoom FILE``.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

CHUNKS, COLUMNS, K = (64, 1024), 32, 40
MB = 1e6
TRIED = (
    "tried: chunks as they lie in the file (reading 1.2 to 0.55 s), four of them a call (0.3 s less), scores where "
    "they can matter (picks 2.9 to 0.8 s)"
)


@dataclass(frozen=True)
class Cost:
    """One run."""

    cpu: float
    """Seconds of all threads."""
    wall: float
    """Seconds."""
    memory: float
    """MB at most, beyond what the process held after its imports."""


def measured(act: str, path: Path, threads: int = 1) -> Cost:
    """Run ``act`` in a fresh process with so many BLAS threads."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    environment = {**os.environ, **limits, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, __file__, act, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return Cost(**json.loads(done.stdout))


def write(path: Path, rows: int, units: int, seed: int) -> None:
    """Levels, a drift and noise, in whole chunks."""
    rng = np.random.default_rng(seed)
    width, height = 64 * CHUNKS[1], CHUNKS[0]
    levels, drifts = (rng.normal(0, scale, units).astype(np.float32) for scale in (1, 0.5))
    noise = rng.standard_normal((height, 2 * width), dtype=np.float32)
    noise *= 0.1
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("series", (rows, units), "f4", chunks=CHUNKS)
        for row in range(0, rows, height):
            time_ = np.arange(row, min(row + height, rows), dtype=np.float32)[:, None] / rows
            for left in range(0, units, width):
                part = slice(left, min(left + width, units))
                block = drifts[part] * time_
                block += levels[part]
                shift = int(rng.integers(width))
                block += noise[: len(block), shift : shift + block.shape[1]]
                stored[row : row + height, part] = block


def units_with_room(folder: str, rows: int, units: int) -> int:
    """As many of ``units`` as fit on the disk and, for both to be read from there, in the page cache."""
    room = shutil.disk_usage(folder).free
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
        room = min(room, int(lines["MemAvailable"].split()[0]) * 1024)
    while units > CHUNKS[1] and 4 * rows * units * 1.5 > room:
        units //= 2
    return units


def _peak() -> float:
    """MB. What ``ru_maxrss`` says may still be the parent's, so the kernel's mark of this process goes first."""
    status = Path("/proc/self/status")
    if status.exists():
        mark = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(mark.split()[1]) * 1024 / MB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def _rows_at_a_time(series: h5py.Dataset) -> Iterator[np.ndarray]:
    """The floor: blocks of 64 rows into one buffer."""
    buffer = np.empty((CHUNKS[0], series.shape[1]), np.float32)
    for row in range(0, len(series), CHUNKS[0]):
        part = buffer[: min(CHUNKS[0], len(series) - row)]
        series.read_direct(part, np.s_[row : row + len(part)])
        yield part


def _run(act: str, path: str) -> Cost:
    from dgmtui.recording.series import StoredSeries
    from dgmtui.sampling import sample

    with h5py.File(path, "r") as file:
        stored = file["series"]
        series = StoredSeries(stored, len(stored), Path(path), file)
        middle = len(series) * 45 // 100
        before, cpu, wall = _peak(), time.process_time(), time.perf_counter()
        if act == "read":
            for _ in _rows_at_a_time(stored):
                pass
        elif act == "whole":
            stored[:]
        elif act == "sample":
            sample(series, K)
        else:
            sample(series, K, window=(middle, middle + len(series) // 10))
        return Cost(time.process_time() - cpu, time.perf_counter() - wall, _peak() - before)


if __name__ == "__main__":
    print(json.dumps(vars(_run(*sys.argv[1:]))))
else:
    from table import BenchRow

    def rows() -> Iterator[BenchRow]:
        """CPU and memory of both shapes; a zoom of the wide one."""
        for steps, wanted, goal in ((1000, 1_000_000, 1.5), (10_000, 100_000, 1.0)):
            with tempfile.TemporaryDirectory() as folder:
                units = units_with_room(folder, steps, wanted)
                path = Path(folder) / "series.h5"
                write(path, steps, units, 1)
                yield from _of(path, steps, units, goal, "" if units == wanted else f"no room for {wanted:,} series")

    def _of(path: Path, steps: int, units: int, goal: float, note: str) -> Iterator[BenchRow]:
        shape = f"{units:,} × {steps:,}"
        reading, sampling = [], {}
        for threads in (1, 2):
            reading.append(measured("read", path))
            sampling[threads] = measured("sample", path, threads)
        floor = float(np.mean([r.cpu for r in reading]))
        whole = measured("whole", path).cpu
        for threads, cost in sampling.items():
            ratio, what = cost.cpu / floor, f"CPU time, {shape}, {threads} BLAS thread{'s' * (threads > 1)}"
            array = f"÷ reading it into one array: {cost.cpu / whole:.2f}"
            said = "; ".join(filter(None, [f"k = {K}; wall {cost.wall:.2f} s; {array}", TRIED, note]))
            peer = "reading it once, 64 rows at a time"
            met = None if note else ratio <= goal
            yield BenchRow("sampling", what, cost.cpu, "s", peer, floor, ratio, f"ratio ≤ {goal:g}", met, said)
        bound, most = 12 * units * COLUMNS / MB + 150, max(c.memory for c in sampling.values())
        peak = f"peak memory, {shape}"
        yield BenchRow("sampling", peak, most, "MB", "12·N·M + 150 MB", bound, most / bound, "≤ 1", most <= bound, note)
        if units > 500_000:
            runs = sorted((measured("zoom", path) for _ in range(3)), key=lambda c: c.wall)
            met = None if note else runs[1].wall <= 1.5
            said = "; ".join(filter(None, [f"median of 3; CPU {runs[1].cpu:.2f} s", note]))
            what = f"a zoom to 10 % of {shape}, refined"
            yield BenchRow("sampling", what, runs[1].wall, "s", "–", None, None, "≤ 1.5", met, said)
