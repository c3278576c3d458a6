"""The screen: one dense chart beside plotext, and what starting and using it sends through a terminal."""

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from table import BenchRow

from dgmtui.recording.model import MEASURES, Channel, End, ModuleInfo, NonFinite, Quantity, RunInfo
from dgmtui.recording.writer import RecordingWriter
from dgmtui.render.backdrop import backdrop_cells, lay_beneath
from dgmtui.render.braille import rasterise
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop

AREA = "screen"
LINES, POINTS, WIDTH, HEIGHT = 100, 1000, 120, 30
ROWS, UNITS, LAYERS = 400, 256, 8
TERMINALS = ((80, 24), (200, 50))
QUIET_SECONDS = 0.6
TITLE = b"bench.h5"
START = "import sys; from dgmtui.tui import run; sys.exit(run(sys.argv[1]))"


def rows() -> Iterable[BenchRow]:
    """Frame times, then bytes and times through a pseudo-terminal."""
    yield from _frames()
    with tempfile.TemporaryDirectory() as folder:
        path = write_recording(Path(folder) / "bench.h5")
        yield _imports(path)
        for size in TERMINALS:
            yield from _terminal(path, size)


def _frames() -> Iterator[BenchRow]:
    series = np.random.default_rng(0).normal(size=(LINES, POINTS)).cumsum(axis=1).astype(np.float32)
    kinds = (np.arange(LINES) % 4 + 1).astype(np.uint8)
    peer, why = _plotext_frame(series)
    for scale in ("linear", "symlog"):
        ours = 1000 * _median(lambda scale=scale: _frame(series, kinds, scale), 30)
        ratio = None if peer is None else peer / ours
        met = ours <= 3 and (ratio is None or ratio >= 100)
        what = f"chart of {LINES} × {POINTS} in {WIDTH} × {HEIGHT} cells, {scale}"
        yield BenchRow(AREA, what, ours, "ms", "plotext", peer, ratio, "≤ 3, ≥ 100× faster", met, why)
    for overlay, backdrop in _backdrops():
        ours = 1000 * _median(lambda backdrop=backdrop: _frame(series, kinds, "symlog", backdrop), 30)
        yield BenchRow(AREA, f"the same over {overlay}", ours, "ms", "–", None, None, "≤ 3.5", ours <= 3.5)


def _backdrops() -> Iterator[tuple[str, Backdrop]]:
    edges = np.linspace(0, POINTS, 401).astype(np.int64)
    random = np.random.default_rng(0)
    yield "density", Backdrop(edges, random.integers(0, 5000, (400, 200)).astype(np.uint32), None)
    yield "bands", Backdrop(edges, None, np.sort(random.normal(size=(5, 400)).astype(np.float32) * 20, axis=0))


def _frame(
    series: NDArray[np.float32], kinds: NDArray[np.uint8], scale: str, backdrop: Backdrop | None = None
) -> list[str]:
    axis = Axis.fit(series, scale)
    raster = rasterise(axis.position(series), np.linspace(0, 1, POINTS), WIDTH, HEIGHT, kinds)
    if backdrop is not None:
        lay_beneath(raster, backdrop_cells(backdrop, axis, np.arange(POINTS), WIDTH, HEIGHT), 1)
    return [raster.row(y) for y in range(HEIGHT)]


def _plotext_frame(series: NDArray[np.float32]) -> tuple[float | None, str]:
    """Milliseconds for the same picture by plotext, in whichever of its interfaces is installed."""
    try:
        import plotext
    except ImportError:
        return None, "plotext is not installed"
    draw = _draw_by_figure if hasattr(plotext, "figure") and hasattr(plotext.figure, "signal") else _draw_by_module
    lines = [line.tolist() for line in series]
    return 1000 * _median(lambda: draw(plotext, lines), 3), f"plotext {getattr(plotext, '__version__', '5')}"


def _draw_by_figure(plotext: object, lines: list[list[float]]) -> str:
    figure = plotext.figure  # type: ignore[attr-defined]
    figure.clear()
    figure.plot_size(WIDTH, HEIGHT)
    for line in lines:
        figure.draw(figure.signal(line, marker="braille").lines())
    return str(figure.build())


def _draw_by_module(plotext: object, lines: list[list[float]]) -> str:
    plotext.clear_figure()  # type: ignore[attr-defined]
    plotext.plot_size(WIDTH, HEIGHT)  # type: ignore[attr-defined]
    for line in lines:
        plotext.plot(line, marker="braille")  # type: ignore[attr-defined]
    return str(plotext.build())  # type: ignore[attr-defined]


def _imports(path: Path) -> BenchRow:
    """Which slow libraries a view for the first paint has loaded."""
    code = (
        "import sys\nfrom dgmtui.recording import open_recording\nfrom dgmtui.session.session import Session\n"
        "import dgmtui.commands, dgmtui.tui.app\nSession(open_recording(sys.argv[1])).view()\n"
        "print(sum(name in sys.modules for name in ('torch', 'sklearn', 'scipy', 'plotext')))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    loaded = float(run.stdout)
    return BenchRow(
        AREA, "slow libraries loaded before the first paint", loaded, "count", "–", None, None, "0", loaded == 0
    )


_STARTS = 6


@dataclass(frozen=True)
class Heard:
    """What came through the terminal after one stimulus."""

    count: int
    """Bytes."""
    first: float
    """Seconds to the first of them; for the start, to the file's name in the title."""


def _terminal(path: Path, size: tuple[int, int]) -> Iterator[BenchRow]:
    where = f"{size[0]}×{size[1]}"
    floor = _median(lambda: subprocess.run([sys.executable, "-c", "import numpy, h5py, textual.app"], check=True), 3)
    goals = {"first paint": 45_000 if size[0] > 100 else 25_000, "n": 4000, "one iteration": 800, "tab": 9000}
    times = []
    for _ in range(_STARTS):
        with running(path, size) as listen:
            times.append(listen(None, 3.0).first)
    with running(path, size) as listen:
        start = listen(None, 3.0)
        start = Heard(start.count, statistics.median(times[1:]))  # the first one compiles
        met = start.first <= 0.5
        yield BenchRow(
            AREA, f"first paint, {where}", start.first, "s", "importing numpy, h5py and textual", floor,
            floor / start.first, "≤ 0.5", met,
        )  # fmt: skip
        yield _bytes(f"first paint, {where}", start, goals["first paint"])
        listen(None, 4.0)
        for what, key in (("n", b"n"), ("one iteration", b"h"), ("one iteration", b"h"), ("tab", b"t")):
            heard = listen(key, QUIET_SECONDS)
            yield _bytes(f"{what}, {where}", heard, goals[what])


def _bytes(what: str, heard: Heard, goal: int) -> BenchRow:
    met = heard.count <= goal
    note = f"begun after {heard.first * 1000:.1f} ms"
    return BenchRow(AREA, what, float(heard.count), "bytes", "–", None, None, f"≤ {goal:,}", met, note)


@contextmanager
def running(path: Path, size: tuple[int, int]) -> Iterator[Callable[[bytes | None, float], Heard]]:
    """The screen on ``path`` in a pseudo-terminal; call with a key (or None) and how long a silence ends listening."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update({"TERM": "xterm-256color", "COLUMNS": str(size[0]), "LINES": str(size[1])})
        os.environ.pop("SSH_CONNECTION", None)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once
        os.environ["PYTHONPYCACHEPREFIX"] = str(path.parent / "compiled")
        os.execv(sys.executable, [sys.executable, "-c", START, str(path)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    try:
        yield lambda key, silence: _listen(terminal, key, silence)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def _listen(terminal: int, key: bytes | None, silence: float) -> Heard:
    """Until nothing came for ``silence`` seconds."""
    began = time.perf_counter()
    awaited = TITLE if key is None else b""
    if key is not None:
        os.write(terminal, key)
    parts: list[bytes] = []
    first = 0.0
    while select.select([terminal], [], [], silence)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
        if not first and awaited in b"".join(parts):
            first = time.perf_counter() - began
    return Heard(sum(map(len, parts)), first)


def _median(function: Callable[[], object], repeats: int) -> float:
    """Seconds, after one call that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def write_recording(path: Path) -> Path:
    """A chain of layers whose last becomes infinite in the end."""
    names = [f"layer{i}" for i in range(LAYERS)]
    modules = [ModuleInfo("", "Net", None)] + [
        ModuleInfo(name, "Linear", "", (32, UNITS), 1, ("weight", "bias")) for name in names
    ]
    channels = [Channel(name, Quantity.ACTIVATION, UNITS) for name in names]
    info = RunInfo("2026-01-01T00:00:00", "0", "0", "3", "net.py", (), "/", "cpu", 1, "default", 1)
    writer = RecordingWriter(path, info)
    writer.begin(modules, channels)
    random = np.random.default_rng(0)
    level = random.normal(size=(LAYERS, UNITS)).astype(np.float32)
    for iteration in range(ROWS):
        level += random.normal(size=level.shape).astype(np.float32) * 0.1
        if iteration == ROWS - 1:
            level[-1, 3] = np.inf
        writer.add_iteration(iteration, float(np.exp(-iteration / 100)), 0.01)
        writer.add_row(iteration, np.stack([_statistics(row) for row in level]), _series(channels, level))
    writer.add_nonfinite(NonFinite(ROWS - 1, names[-1], Quantity.ACTIVATION, 3, 0, 1, 0))
    writer.close(End("nonfinite", ROWS - 1, ""))
    return path


def _series(channels: list[Channel], level: NDArray[np.float32]) -> dict[tuple[int, object], NDArray[np.float32]]:
    return {(i, measure): level[i] for i in range(len(channels)) for measure in MEASURES[Quantity.ACTIVATION]}


def _statistics(row: NDArray[np.float32]) -> NDArray[np.float64]:
    finite = row[np.isfinite(row)].astype(np.float64)
    five = [finite.min(), finite.max(), finite.mean(), finite.std(), np.abs(finite).max()]
    return np.array([*five, (row == 0).mean(), 0, np.isposinf(row).sum(), np.isneginf(row).sum()])
