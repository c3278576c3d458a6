"""The recording: appending against a raw file, jumping against scanning, one unit cold, memory at open."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import numpy as np
from table import BenchRow

from dgmtui.recording import open_recording
from dgmtui.recording.model import Channel, End, Measure, ModuleInfo, NonFinite, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter

AREA = "recording"
INFO = RunInfo("2026-01-01T00:00:00Z", "0", "2", "3.11", "x.py", (), "/", "cpu", 1, "", 1)
FULL = os.environ.get("DGMTUI_BENCH_FULL") == "1"
MEGABYTES = 2048 if FULL else 256
CHANNELS = 20
UNITS = 1024
Row = dict[tuple[int, Measure], np.ndarray]


def made(path: Path, rows: int, bad: int | None = None) -> int:
    """Write a recording of ``CHANNELS`` × ``UNITS`` series; its payload in bytes."""
    writer = RecordingWriter(path, INFO)
    names = [f"layer{i}" for i in range(CHANNELS)]
    channels = [Channel(name, Quantity.WEIGHT, UNITS) for name in names]
    writer.begin([ModuleInfo(name, "Linear", None) for name in names], channels)
    statistics = np.zeros((CHANNELS, 9))
    values = np.random.default_rng(0).standard_normal((CHANNELS, UNITS), np.float32)
    series: Row = {(i, Measure.NORM): values[i] for i in range(CHANNELS)}
    for row in range(rows):
        writer.add_iteration(row, 1.0, 0.01)
        if row == bad:
            values = values.copy()
            values[CHANNELS // 2, 7] = np.nan
            broken = statistics.copy()
            broken[CHANNELS // 2, 6] = 1
            found = NonFinite(row, names[CHANNELS // 2], Quantity.WEIGHT, 7, 1, 0, 0)
            writer.add_row(row, broken, {(i, Measure.NORM): values[i] for i in range(CHANNELS)})
            writer.add_nonfinite(found)
        else:
            writer.add_row(row, statistics, series)
    writer.close(End("finished", rows - 1, ""))
    return rows * (statistics.nbytes + values.nbytes)


def raw(path: Path, rows: int) -> None:
    """Write the same bytes to a plain file, a row at a time."""
    data = np.random.default_rng(0).bytes(CHANNELS * (UNITS * 4 + 9 * 8))
    with path.open("wb") as file:
        for _ in range(rows):
            file.write(data)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def forget(path: Path) -> None:
    """Let the system drop the file from its page cache, as far as it does."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def appending(directory: Path) -> BenchRow:
    """Append ÷ raw, interleaved."""
    rows = 1500
    ours, theirs = [], []
    for _ in range(5):
        theirs.append(seconds(lambda: raw(directory / "raw", rows)))
        ours.append(seconds(lambda: made(directory / "ours.h5", rows)))
    ratio = median(ours) / median(theirs)
    megabytes = rows * CHANNELS * (UNITS * 4 + 72) / 1e6
    note = f"{megabytes:.0f} MB, {rows} rows, opening and closing included"
    return BenchRow(
        AREA, "append", median(ours) * 1e3, "ms", "raw file write", median(theirs) * 1e3, ratio, "≤ 3", ratio <= 3, note
    )


def scan(path: Path) -> tuple[int, int]:
    """Channel and row of the first non-finite value by reading every series."""
    with open_recording(path) as recording:
        best = (len(recording.rows), -1)
        for channel in range(CHANNELS):
            series = recording.series(channel)
            for start in range(0, best[0], 64):
                bad = ~np.isfinite(series[start : start + 64]).all(axis=1)
                if bad.any():
                    best = min(best, (start + int(np.argmax(bad)), channel))
                    break
        return best


def jumping(path: Path, rows: int) -> Iterable[BenchRow]:
    """The first non-finite value by the index and by a scan; one unit over all time."""
    forget(path)
    scanned = seconds(lambda: scan(path))
    jumps, opens, units = [], [], []
    for _ in range(5):
        forget(path)
        started = time.perf_counter()
        with open_recording(path) as recording:
            opens.append(time.perf_counter() - started)
            jumps.append(seconds(recording.first_nonfinite))
            found = recording.first_nonfinite()
            assert found is not None and found.iteration == rows - 2 and found.unit == 7
            units.append(seconds(lambda: recording.series(3)[:, 100]))  # noqa: B023 - called at once
    jump, unit, ratio = median(jumps) * 1e3, median(units) * 1e3, scanned / median(jumps)
    note = f"{MEGABYTES} MB" + ("" if FULL else "; DGMTUI_BENCH_FULL=1 for 2 GB")
    opening = f"{note}; opening itself {median(opens) * 1e3:.1f} ms"
    yield BenchRow(
        AREA,
        "first non-finite, cold",
        jump,
        "ms",
        "scan of the series",
        scanned * 1e3,
        1 / ratio,
        "≤ 5 ms, ≥ 500× a scan",
        jump <= 5 and ratio >= 500,
        f"{opening}; {ratio:,.0f}× faster",
    )
    yield BenchRow(AREA, "one unit over all time, cold", unit, "ms", "–", None, None, "≤ 100 ms", unit <= 100, note)


def memory_at_open(path: Path) -> float:
    """Kilobytes that a fresh process's peak grows by when it opens the recording and stands on its first non-finite."""
    # VmHWM, since the peak that getrusage tells is inherited from the parent process
    code = (
        "import sys; from pathlib import Path; from dgmtui.recording import open_recording;"
        "peak = lambda: int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]);"
        "before = peak(); r = open_recording(sys.argv[1]); r.first_nonfinite(); print(peak() - before)"
    )
    return float(subprocess.check_output([sys.executable, "-c", code, str(path)], text=True))


def rows() -> Iterable[BenchRow]:
    """All measurements of the recording."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        yield appending(directory)
        count = MEGABYTES * 1_000_000 // (CHANNELS * (UNITS * 4 + 72))
        made(directory / "long.h5", count, bad=count - 2)
        made(directory / "short.h5", count // 64, bad=count // 64 - 2)
        yield from jumping(directory / "long.h5", count)
        long, short = (
            median(memory_at_open(directory / f"{which}.h5") for _ in range(3)) for which in ("long", "short")
        )
        yield BenchRow(
            AREA,
            "memory at open",
            long,
            "KB",
            "64 times shorter",
            short,
            long / max(short, 1.0),
            "independent of length",
            long <= short + 2048,
            "growth of the process's peak, modules imported inside",
        )
