"""The screen at work: how long a large recording holds its loop, and how much memory an hour of following takes."""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from holding import LoopWatch
from synthetic import Run
from table import BenchRow

from dgmtui.commands import REGISTRY
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui import screen
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.memory import give_back_freed_memory

AREA = "screen"
LARGE = 2_000_000_000
"""Bytes; ``BENCH_LARGE_BYTES`` takes another number."""
LAYERS, UNITS = 8, 4096
KEYS = ("n", "h", "H", "up", "up", "w", "a", "z", "t", "t", "k", "right", "slash", "escape", "question_mark", "escape")
HOUR = 36_000
"""Iterations of an hour at ten a second, all of them written."""
AT_ONCE = 10
"""Iterations between two looks of the screen, a second's."""
LOOKS_EVERY = 0.02
"""Seconds, so that the hour is over in minutes."""
TRAINING = """
import sys
from pathlib import Path
from synthetic import Run
run = Run(Path(sys.argv[1]))
for line in sys.stdin:
    run.go_on(int(line))
    print("gone on", flush=True)
"""


def rows() -> Iterator[BenchRow]:
    """Both in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield _holding(Path(folder) / "large.h5")
        yield _following(Path(folder) / "live.h5")


def _holding(path: Path) -> BenchRow:
    size = int(os.environ.get("BENCH_LARGE_BYTES", LARGE))
    run = Run(path, LAYERS, UNITS)
    while path_of(path).stat().st_size < size:
        run.go_on(64)
    run.fail()
    with open_recording(path) as recording:
        worked, wall, key = asyncio.run(_driven(Session(recording)))
    return BenchRow(
        AREA, "the loop's longest work without a pause", worked, "ms", "on the clock", wall, wall / worked,
        f"≤ 50 on {size / 1e9:.1f} GB", worked <= 50, f"at {key!r}; the clock has what else the machine does in it",
    )  # fmt: skip


async def _driven(session: Session) -> tuple[float, float, str]:
    """Milliseconds between two turns of the loop, at most: of its thread's work and on the clock; and the last key."""
    app = DgmtuiApp(session, REGISTRY, first=session.view())
    watch = LoopWatch()
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.pause(1.0)
        async with watch.going():
            for watch.doing in KEYS:
                await pilot.press(watch.doing)
                await pilot.pause(0.5)
            watch.doing = "resize"
            await pilot.resize_terminal(80, 24)
            await pilot.pause(0.5)
    return watch.worked, watch.wall, watch.longest_at


def _following(path: Path) -> BenchRow:
    with subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(path)], cwd=Path(__file__).parent, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as training:  # fmt: skip
        _train(training, 200)
        grown = asyncio.run(_followed(path, training))
        training.terminate()
    hour = grown / 1e6
    note = f"{HOUR:,} iterations, looked at {HOUR // AT_ONCE:,} times"
    return BenchRow(
        AREA, "memory that an hour of following takes", hour, "MB", "–", None, None, "< 20", hour < 20, note
    )


async def _followed(path: Path, training: subprocess.Popen[str]) -> int:
    """Bytes by which the process grew while a run went on for an hour."""
    give_back_freed_memory()
    screen.FOLLOW_SECONDS = LOOKS_EVERY
    with open_recording(path_of(path)) as recording:
        session = Session(recording)
        session.start()
        session.follow()
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(80, 24)):
            await _written(training, AT_ONCE)
            before = _resident()
            await _written(training, HOUR)
            return _resident() - before


async def _written(training: subprocess.Popen[str], count: int) -> None:
    """Rows as they come, with the screen taking them in."""
    for _ in range(0, count, AT_ONCE):
        await asyncio.to_thread(_train, training, AT_ONCE)
        await asyncio.sleep(2 * LOOKS_EVERY)
    await asyncio.sleep(2.0)


def _train(training: subprocess.Popen[str], count: int) -> None:
    """For so many iterations, and until they are written."""
    assert training.stdin is not None and training.stdout is not None
    training.stdin.write(f"{count}\n")
    training.stdin.flush()
    training.stdout.readline()


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def path_of(path: Path) -> Path:
    """Where a run that goes on is written."""
    part = path.with_name(path.name + ".part")
    return path if path.exists() else part
