"""The screen: one dense chart beside plotext, and what starting and using it sends through a terminal."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import held
import numpy as np
import wire
from numpy.typing import NDArray
from synthetic import write_recording
from table import BenchRow

from dgmtui.render.backdrop import backdrop_cells, lay_beneath
from dgmtui.render.braille import rasterise
from dgmtui.render.scales import Axis
from dgmtui.session.view import Backdrop

AREA = "screen"
LINES, POINTS, WIDTH, HEIGHT = 100, 1000, 120, 30


def rows() -> Iterable[BenchRow]:
    """Frame times, then bytes and times through a pseudo-terminal."""
    yield from _frames()
    with tempfile.TemporaryDirectory() as folder:
        path = write_recording(Path(folder) / "bench.h5")
        yield _imports(path)
        yield from wire.rows(path)
    yield from held.rows()


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


def _median(function: Callable[[], object], repeats: int) -> float:
    """Seconds, after one call that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
