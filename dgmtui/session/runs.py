"""The recordings of a directory at a glance: only ends and losses are read of them."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.recording.reader import Recording

SILENT_SECONDS = 60.0
"""After which a run that has not told its end is taken for stopped or killed."""
SPARK_POINTS = 64
ORDERS = ("time", "loss", "state", "name")
STATES = ("failed", "unreadable", "silent", "running", "ended")
"""What needs a person first."""


@dataclass(frozen=True)
class Run:
    """One recording in the list."""

    path: Path
    written: float
    """When the file was written to last, in seconds since the epoch."""
    state: str
    """One of ``STATES``."""
    detail: str = ""
    """``failed at iteration 31``, ``no iteration for 70 s``, or why it can't be read."""
    iterations: int = 0
    loss: float | None = None
    """The last one; may be non-finite; None where there is none."""
    losses: tuple[float, ...] = ()
    """Up to 64 evenly over the run: of each part the one greatest in magnitude, a non-finite one before all."""


class Runs:
    """The list of a directory, of which only what has changed is read again.

    Of ``opened``, recordings that this process has open, nothing is opened a second time: HDF5 would misread them.
    """

    def __init__(self, directory: Path, opened: Sequence[Recording] = ()) -> None:
        self.directory = directory
        self._opened = {recording.path.resolve(): recording for recording in opened}
        self._known: dict[Path, tuple[tuple[int, int], Run]] = {}

    def read(self, order: str = "time") -> tuple[Run, ...]:
        """All recordings by now, newest first or by another of ``ORDERS``.

        Raises:
            UsageError: the directory can't be read, or there is no such order.
        """
        if order not in ORDERS:
            raise UsageError(f"runs are sorted by {', '.join(ORDERS)}; not {order}")
        try:
            paths = [path for path in self.directory.iterdir() if path.name.endswith((".h5", ".h5.part"))]
        except OSError as error:
            raise UsageError(f"{self.directory} can't be listed ({error.strerror}): name another directory") from error
        self._known = {path: known for path in paths if (known := self._entry(path)) is not None}
        return tuple(sorted((run for _, run in self._known.values()), key=_key(order)))

    def _entry(self, path: Path) -> tuple[tuple[int, int], Run] | None:
        try:
            stat = path.stat()
        except OSError:
            return None  # gone since it was listed
        as_of = stat.st_mtime_ns, stat.st_size
        known = self._known.get(path)
        if known is None or known[0] != as_of or known[1].state == "running":
            return as_of, _read(path, stat.st_mtime, self._opened.get(path.resolve()))
        return known


def _read(path: Path, written: float, opened: Recording | None) -> Run:
    silent = time.time() - written
    if path.name.endswith(".part"):
        waits = silent < SILENT_SECONDS
        return Run(path, written, "running" if waits else "silent", "in its first iteration")
    try:
        with Recording(path) if opened is None else nullcontext(opened) as recording:
            losses, end, count = recording.losses(), recording.end, recording.last_iteration + 1
    except DgmtuiError as error:
        return Run(path, written, "unreadable", str(error).removeprefix(f"{path} "))
    except Exception as error:  # noqa: BLE001 - one bad file must not hide the others
        return Run(path, written, "unreadable", f"{type(error).__name__}: {error}")
    loss = float(losses[-1]) if len(losses) else None
    if end is None:
        state = "running" if silent < SILENT_SECONDS else "silent"
        detail = "" if state == "running" else f"no iteration for {span_words(silent)}: stopped or killed?"
    elif end.reason == "finished":
        state, detail = "ended", ""
    else:
        state = "failed" if end.reason in ("nonfinite", "exception") else "ended"
        detail = f"{end.reason} at iteration {end.iteration}"
    return Run(path, written, state, detail, count, loss, _thinned(losses))


def _thinned(losses: NDArray[np.float64]) -> tuple[float, ...]:
    if len(losses) <= SPARK_POINTS:
        return tuple(map(float, losses))
    size = np.where(np.isfinite(losses), np.abs(losses), np.inf)
    parts = np.array_split(np.arange(len(losses)), SPARK_POINTS)
    return tuple(float(losses[part[size[part].argmax()]]) for part in parts)


def _key(order: str) -> Callable[[Run], tuple[float, str]]:
    def key(run: Run) -> tuple[float, str]:
        if order == "loss":
            known = run.loss is not None and math.isfinite(run.loss)
            return (float(run.loss or 0.0) if known else math.inf), run.path.name
        if order == "state":
            return STATES.index(run.state), run.path.name
        return (0.0 if order == "name" else -run.written), run.path.name

    return key


def span_words(seconds: float) -> str:
    """``70 s``, ``3 h``: in the largest unit of which there are two."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
