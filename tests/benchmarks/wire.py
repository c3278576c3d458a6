"""What starting and using the screen sends through a terminal, beside the same with Textual's own updates."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from table import BenchRow

from tests.terminal import SCREEN, Heard, Terminal, screen, terminal

AREA = "screen"
SIZES = ((80, 24), (200, 50))
STARTS = 6
QUIET = 0.5
FLOOR = "import numpy, h5py, textual.app"
PEER = "Textual's own updates"
WITHOUT_FRAME = "from textual.app import App; import dgmtui.tui.app as ours; ours.DgmtuiApp._display = App._display; "
KEYS = (
    ("n", "n", 4000),
    ("cursor one iteration", "h", 800),
    ("another series: module", "\x1b[A", 9000),
    ("tab", "t", 9000),
    ("prompt opened", ":", 4000),
    ("prompt closed", "\x1b", 4000),
    ("help opened", "?", 25_000),
    ("help closed", "\x1b", 25_000),
    ("palette opened", "\x10", 60_000),
    ("palette closed", "\x1b", 60_000),
)
"""What, the key, and the most bytes."""
WITHIN = {"cursor one iteration": 10.0, "another series: module": 15.0}
"""Milliseconds until the first byte; those in which nothing else runs here."""


def rows(path: Path) -> Iterator[BenchRow]:
    """For both sizes."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(path.parent / "compiled")}
    for size in SIZES:
        yield from _starting(path, size, compiled)
        ours, theirs = _session(path, size, compiled, ""), _session(path, size, compiled, WITHOUT_FRAME)
        goals = {"first paint": 45_000 if size[0] > 100 else 25_000} | {what: most for what, _, most in KEYS}
        for what, heard in ours.items():
            yield _bytes(f"{what}, {size[0]}×{size[1]}", heard, theirs[what].count, goals[what], WITHIN.get(what))


def _starting(path: Path, size: tuple[int, int], compiled: Mapping[str, str]) -> Iterator[BenchRow]:
    """Seconds to the first line and to all of the screen; interleaved with the floor."""
    first, whole, floor = [], [], []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", FLOOR], check=True, env={**os.environ, **compiled})
        floor.append(time.perf_counter() - began)
        with screen(path, size, environment=compiled) as shown:
            began = time.perf_counter()
            shown.until(path.name)
            first.append(time.perf_counter() - began)
            if b"help" not in shown.data:  # nor did it come together with the name
                shown.until("help")
            whole.append(time.perf_counter() - began)
    least = statistics.median(floor[1:])  # the first one compiles
    for what, times in (("first paint", first), ("the whole screen", whole)):
        ours = statistics.median(times[1:])
        yield BenchRow(
            AREA, f"{what}, {size[0]}×{size[1]}", ours, "s", "importing numpy, h5py and textual", least, ours / least,
            "≤ 0.5", ours <= 0.5,
        )  # fmt: skip


def _session(path: Path, size: tuple[int, int], compiled: Mapping[str, str], before: str) -> dict[str, Heard]:
    """What each of ``KEYS`` sent; of a key pressed twice, the second."""
    told = {}
    with _screen(path, size, compiled, before) as shown:
        told["first paint"] = shown.until(path.name, silence=2.0)
        for what, key, _ in KEYS:
            for _ in range(2 if what in WITHIN else 1):
                shown.press(key)
                told[what] = shown.listen(QUIET, most=3.0)
    return told


@contextmanager
def _screen(path: Path, size: tuple[int, int], compiled: Mapping[str, str], before: str) -> Iterator[Terminal]:
    with terminal([sys.executable, "-c", before + SCREEN, str(path)], size, compiled) as shown:
        yield shown


def _bytes(what: str, heard: Heard, theirs: int, goal: int, within: float | None) -> BenchRow:
    took = 1000 * heard.seconds
    met = heard.count <= goal and (within is None or took <= within)
    also = "" if within is None else f", {within:g} ms"
    ratio = theirs / heard.count if heard.count else None
    return BenchRow(
        AREA, what, float(heard.count), "bytes", PEER, theirs, ratio, f"≤ {goal:,}{also}", met,
        f"begun after {took:.1f} ms",
    )  # fmt: skip
