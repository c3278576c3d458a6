"""Sampling that takes a while: what is wanted, what is under way, what became of it. Threads may share it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dgmtui.session.asked import Asked
from dgmtui.trace.progress import Progress

REST = 3.0
"""So many times as long as it took one waits before a run that goes on is sampled again."""
CANCELLED = "sampling was cancelled; `dynamics` begins again"


@dataclass(frozen=True)
class Run:
    """One refinement under way."""

    asked: Asked
    progress: Progress
    began: float

    def tell(self, share: float) -> None:
        """Say how far it is; raises ``Cancelled`` where it is not wanted any more."""
        self.progress.update(share, self.asked.what)


class Wish:
    """At most one chart is wanted, and at most one is being made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wanted: Asked | None = None
        self._run: Run | None = None
        self._trouble: tuple[tuple[object, ...], str] | None = None
        self._made: tuple[object, ...] | None = None
        self._rest_until = 0.0

    @property
    def due(self) -> bool:
        """Whether a refinement should begin now."""
        with self._lock:
            if self._wanted is None or self._run is not None:
                return False
            return self._wanted.wish != self._made or self._clock() >= self._rest_until

    @property
    def under_way(self) -> tuple[float, str] | None:
        """The share done and what is done; None where nothing is."""
        run = self._run
        return None if run is None else (run.progress.done, run.progress.text or run.asked.what)

    def want(self, asked: Asked) -> None:
        """Ask for a chart. What is under way goes on if its columns are of use, and makes this one then."""
        with self._lock:
            self._wanted = asked
            if self._run is not None and self._run.asked.sketch_key != asked.sketch_key:
                self._run.progress.cancel()

    def drop(self) -> None:
        """Nothing is wanted any more."""
        with self._lock:
            self._wanted = None
            if self._run is not None:
                self._run.progress.cancel()

    def cancel(self) -> None:
        """A person does not want to wait: what is under way stops, and is not begun again until it is asked for."""
        with self._lock:
            if self._run is not None:
                self._run.progress.cancel()
            stopped = self._wanted or (None if self._run is None else self._run.asked)
            if stopped is not None:
                self._trouble = stopped.wish, CANCELLED
            self._wanted = None

    def trouble_of(self, asked: Asked) -> str:
        """Why this is not made; empty where nothing speaks against it."""
        trouble = self._trouble
        return trouble[1] if trouble is not None and trouble[0] == asked.wish else ""

    def fail(self, asked: Asked, why: str) -> None:
        """It can't be made."""
        with self._lock:
            self._trouble = asked.wish, why
            if self._wanted is not None and self._wanted.wish == asked.wish:
                self._wanted = None

    def try_again(self) -> None:
        """What went wrong is forgotten."""
        self._trouble = None

    def begin(self) -> Run | None:
        """Take up what is wanted; None where nothing is, or one is being made."""
        with self._lock:
            if self._wanted is None or self._run is not None:
                return None
            self._run = Run(self._wanted, Progress(), self._clock())
            return self._run

    def latest(self, asked: Asked) -> Asked:
        """What is wanted by now."""
        with self._lock:
            return self._wanted or asked

    def end(self, run: Run, made: Asked | None) -> None:
        """It is over.

        Args:
            made: what was made; None where it was stopped.
        """
        with self._lock:
            self._run = None
            if made is not None:
                now = self._clock()
                self._made, self._rest_until = made.wish, now + REST * (now - run.began)
                wanted = self._wanted
                if wanted is not None and (wanted.chart_key, wanted.rows) == (made.chart_key, made.rows):
                    self._wanted = None
