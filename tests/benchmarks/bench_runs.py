"""The list of fifty runs of 100 MB: first paint, longest work of a handler, all findings, memory."""

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holding import LoopWatch
from synthetic import Run
from table import BenchRow

from dgmtui.session.runs.files import find_runs
from dgmtui.session.runs.listing import list_runs
from dgmtui.session.runs.process import RunsProcess
from dgmtui.session.runs.shown import RunList
from dgmtui.tui.runs import RunsApp
from tests.terminal import Terminal, screen

AREA = "runs"
COUNT = 50
SIZE = 100_000_000
"""Bytes of each; ``BENCH_RUN_BYTES`` takes another number."""
LAYERS, UNITS = 64, 512
FIRST_PAINT, HANDLER, MEMORY = 0.5, 50.0, 250.0
"""Goals: seconds, milliseconds, megabytes."""
REPEATS = 5
KEYS = ("j", "s", "G", "slash", "r", "u", "n", "escape", "pageup", "s", "f1", "escape", "k", "s")
FLOOR = "import textual.app, numpy; print('here', flush=True); input()"


def rows() -> Iterator[BenchRow]:
    """All on the same fifty files, which are gone afterwards."""
    size = int(os.environ.get("BENCH_RUN_BYTES", SIZE))
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        _write(directory, size)
        what = f"{COUNT} runs of {size / 1e6:.0f} MB"
        yield _first_paint(directory, what)
        yield from _at_work(directory, what)
        yield _memory(directory)


def _write(directory: Path, size: int) -> None:
    """One run with noise to the given size, and copies of it with times a minute apart."""
    first = directory / "run00.h5"
    run = Run(first, LAYERS, UNITS)
    run.go_on(8)
    while first.stat().st_size < size:
        run.go_on(8)
    run.fail()
    now = time.time()
    for number in range(COUNT):
        path = directory / f"run{number:02}.h5"
        if path != first:
            shutil.copyfile(first, path)
        os.utime(path, (now - 60 * number,) * 2)


def _forget(directory: Path) -> None:
    """Have the system read the files from the disk when they are next read."""
    for path in directory.iterdir():
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


@contextmanager
def _list(directory: Path) -> Iterator[Terminal]:
    """The real list in a terminal; what is compiled is kept, as where it is installed."""
    with screen(directory, environment={"PYTHONDONTWRITEBYTECODE": ""}) as shown:
        yield shown


def _first_paint(directory: Path, what: str) -> BenchRow:
    """Of some, after one that compiles and is not counted."""
    ours, floors = [], []
    for _ in range(REPEATS + 1):
        _forget(directory)
        with _list(directory) as shown:
            ours.append(shown.until(f"{COUNT} runs").seconds)
        began = time.perf_counter()
        with subprocess.Popen([sys.executable, "-c", FLOOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as floor:
            assert floor.stdout is not None
            floor.stdout.readline()
            floors.append(time.perf_counter() - began)
            floor.kill()
    usual, least = statistics.median(ours[1:]), statistics.median(floors[1:])
    note = f"worst of {REPEATS}: {max(ours[1:]):.2f} s"
    return BenchRow(
        AREA, f"first paint of the list, {what}", usual, "s", "loading Textual", least, usual / least,
        f"≤ {FIRST_PAINT}", usual <= FIRST_PAINT, note,
    )  # fmt: skip


def _at_work(directory: Path, what: str) -> Iterator[BenchRow]:
    _forget(directory)
    worked, wall, key, took = asyncio.run(_driven(directory))
    _forget(directory)
    began = time.perf_counter()
    list_runs(directory)
    alone = time.perf_counter() - began
    yield BenchRow(
        AREA, f"the loop's longest work without a pause, {what}", worked, "ms", "on the clock", wall, wall / worked,
        f"≤ {HANDLER:.0f}", worked <= HANDLER, f"at {key!r}; the clock has what else the machine does in it",
    )  # fmt: skip
    yield BenchRow(
        AREA, f"all findings there, {what}", took, "s", "without a screen", alone, took / alone,
        "≤ 3 times as long", took <= 3 * alone, "with keys pressed meanwhile, and the process that reads started",
    )  # fmt: skip


async def _driven(directory: Path) -> tuple[float, float, str, float]:
    """Milliseconds between two turns of the loop, at most: of its thread's work and on the clock; at which key; and
    seconds until all findings were there."""
    began = time.perf_counter()
    process, listing = RunsProcess(directory), RunList(directory, find_runs(directory))
    app = RunsApp(listing, process)
    took = 0.0

    def found_all() -> None:
        nonlocal took
        if not took and not listing.waiting:
            took = time.perf_counter() - began

    watch = LoopWatch(found_all)
    try:
        async with app.run_test(size=(200, 60)) as pilot, watch.going():
            while not took:
                for watch.doing in KEYS:
                    await pilot.press(watch.doing)
                    await pilot.pause(0.05)
            watch.doing = "resize"
            await pilot.resize_terminal(80, 24)
            await pilot.pause(0.3)
    finally:
        process.close()
    return watch.worked, watch.wall, watch.longest_at, took


def _memory(directory: Path) -> BenchRow:
    """Once all findings are there and were held for a while."""
    with _list(directory) as shown:
        shown.until(f"{COUNT} runs")
        shown.listen(silence=3.0, most=60.0)
        children = Path(f"/proc/{shown.process.pid}/task/{shown.process.pid}/children").read_text().split()
        others = sum(_resident(int(child)) for child in children)
        ours = shown.memory
    with subprocess.Popen([sys.executable, "-c", FLOOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as floor:
        assert floor.stdout is not None
        floor.stdout.readline()
        least = _resident(floor.pid)
        floor.kill()
    total = (ours + others) / 1e6
    return BenchRow(
        AREA, "memory of the list and the processes behind it", total, "MB", "Textual loaded", least / 1e6,
        1e6 * total / least, f"< {MEMORY:.0f}", total < MEMORY, f"the list itself {ours / 1e6:.0f} MB",
    )  # fmt: skip


def _resident(process: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
