"""What a list of runs holds of each, and the ways in which it is sorted and narrowed."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

SPARK_POINTS = 64
State: TypeAlias = Literal["exception", "killed", "unreadable", "stopped", "silent", "running", "done", "unread"]
STATES: tuple[State, ...] = ("exception", "killed", "unreadable", "stopped", "silent", "running", "done", "unread")
"""What needs a person first: of the ranks of a run the first of these counts. ``unread``: it has not been read yet."""
LIVE = ("running", "silent")
ORDERS: Mapping[str, str] = {
    "time": "newest first",
    "finding": "worst finding first",
    "name": "by name",
    "loss": "least loss first",
    "state": "by state",
}
"""With the words for it."""
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Worst:
    """The most likely root cause among a run's gravest findings, told without a replay."""

    severity: str
    """One of ``SEVERITIES``."""
    kind: str
    iteration: int
    message: str
    count: int
    """How many findings there are in all."""


@dataclass(frozen=True)
class RunFiles:
    """The files of one run, as the directory tells them."""

    name: str
    """``run.h5``; of several ranks ``run.rank*.h5``."""
    paths: tuple[Path, ...]
    """By rank."""
    written: float
    """When the latest of them was written to last, in seconds since the epoch."""
    stamp: tuple[tuple[int, int, int], ...]
    """Inode, nanoseconds since the epoch and size in bytes of each: a file that has the same is the same."""


@dataclass(frozen=True)
class Run:
    """One row of the list."""

    files: RunFiles
    state: State = "unread"
    detail: str = ""
    """``nonfinite at iteration 31``, ``no iteration for 70 s: stopped or killed?``, or why it can't be read."""
    iterations: int = 0
    loss: float | None = None
    """The last one; may be non-finite; None where there is none. Of ranks, of the first where it is non-finite."""
    losses: tuple[float, ...] = ()
    """Up to 64 evenly over the run: of each part the one greatest in magnitude, a non-finite one before all."""
    looked: bool = False
    """Whether findings have been looked for; they may be of somewhat fewer iterations than ``iterations``."""
    worst: Worst | None = None
    """None where there is none, or it is not known yet."""
    not_looked: str = ""
    """Why findings can't be looked for; empty where they can."""

    @property
    def name(self) -> str:
        """As it is listed."""
        return self.files.name

    @property
    def written(self) -> float:
        """As of its files."""
        return self.files.written

    @property
    def awaits_findings(self) -> bool:
        """Whether a look at it is still to come."""
        return not self.looked and self.state != "unreadable"

    def holds(self, words: Iterable[str]) -> bool:
        """Whether each of ``words``, in lower case, is in its name, its state or its finding's kind or severity."""
        finding = "" if self.worst is None else f"{self.worst.kind} {self.worst.severity}"
        text = f"{self.name} {self.state} {finding}".lower()
        return all(word in text for word in words)


def sorted_runs(runs: Iterable[Run], order: str) -> tuple[Run, ...]:
    """By one of ``ORDERS``; of what is alike the newest comes first, except by name."""
    return tuple(sorted(runs, key=_KEYS[order]))


def _by_time(run: Run) -> tuple[float, str]:
    return -run.written, run.name


def _by_finding(run: Run) -> tuple[object, ...]:
    if run.worst is not None:
        gravity = SEVERITIES.index(run.worst.severity)
    else:
        gravity = len(SEVERITIES) + run.awaits_findings
    return gravity, STATES.index(run.state), *_by_time(run)


def _by_loss(run: Run) -> tuple[object, ...]:
    known = run.loss is not None and math.isfinite(run.loss)
    return (run.loss if known else math.inf), *_by_time(run)


_KEYS: Mapping[str, Callable[[Run], tuple[object, ...]]] = {
    "time": _by_time,
    "finding": _by_finding,
    "name": lambda run: (run.name,),
    "loss": _by_loss,
    "state": lambda run: (STATES.index(run.state), *_by_time(run)),
}


def span_words(seconds: float) -> str:
    """``70 s``, ``3 h``: in the largest unit of which there are two."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
