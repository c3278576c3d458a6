"""Whoever watches a training while it is recorded gets a look at it now and then, and may say a line."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dgmtui.recorder.so_far import SoFar
from dgmtui.recording.model import Channel, Event, ModuleInfo, RunInfo

LEAST_SECONDS = 2.0
"""Between two looks, and before the first."""
SHARE = 0.01
"""Of the time since the recording began, what all looks together may take, counting in the next at the cost of the
dearest so far."""
FINDING = "finding"
"""The kind of the event that keeps what was said."""


class Told(NamedTuple):
    """What is to be said."""

    text: str
    """One line."""
    data: dict[str, object]
    """JSON-able, for the event."""


class Watcher(Protocol):
    """Looks at what a run has recorded so far; it changes nothing and draws no random numbers."""

    def look(self, seen: SoFar) -> Sequence[Told]:
        """What is new since the last look."""


class Watch:
    """Gives a watcher its looks and keeps what it costs in bounds."""

    def __init__(
        self,
        watcher: Watcher | None,
        path: Path,
        info: RunInfo,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._watcher = watcher
        self._path, self._info = path, info
        self._say, self._clock = say, clock
        self._seen: SoFar | None = None
        self._began = self._last = clock()
        self._spent = self._dearest = 0.0

    def begin(self, modules: Sequence[ModuleInfo], channels: Sequence[Channel]) -> None:
        """The recording's channels are known."""
        if self._watcher is not None:
            self._seen = SoFar(self._path, self._info, modules, channels)

    def iteration(self, iteration: int, loss: float, seconds: float) -> None:
        """An iteration has ended."""
        if self._seen is not None:
            self._seen.add_iteration(iteration, loss, seconds)

    def row(self, iteration: int, statistics: NDArray[np.float64]) -> None:
        """A row was recorded: ``[C, 9]``."""
        if self._seen is not None:
            self._seen.add_row(iteration, statistics)

    def look_if_due(self, iteration: int) -> list[Event]:
        """Let the watcher look after an iteration if that is its turn; what it said, as events. One that fails is asked
        no more."""
        now = self._clock()
        if self._watcher is None or self._seen is None or not self._is_due(now):
            return []
        try:
            with np.errstate(all="ignore"):
                told = self._watcher.look(self._seen)
        except Exception as error:  # whatever goes wrong in it, the training goes on
            self._watcher = self._seen = None
            text = f"warnings while recording are off from here on: {type(error).__name__}: {error}"
            self._say(text)
            return [Event(iteration, "warning", text)]
        self._last = self._clock()
        self._spent += self._last - now
        self._dearest = max(self._dearest, self._last - now)
        for one in told:
            self._say(one.text)
        return [Event(iteration, FINDING, one.text, one.data) for one in told]

    def _is_due(self, now: float) -> bool:
        return now - self._last >= LEAST_SECONDS and self._spent + self._dearest <= SHARE * (now - self._began)
