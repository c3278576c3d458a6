"""What was added reaches the file in time even where nothing follows it: an iteration may take minutes."""

import functools
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Flushed(Protocol):
    """What is to be flushed; its methods that change anything are ``exclusive``."""

    lock: "threading.RLock"

    def flush_if_due(self) -> None:
        """Bring what was added into the file, if it has waited long enough."""


def exclusive(method: Callable[Concatenate[Any, _P], _T]) -> Callable[Concatenate[Any, _P], _T]:
    """Keep the flushing thread out while ``method`` runs."""

    @functools.wraps(method)
    def locked(self: Any, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked  # type: ignore[return-value]  # mypy takes the names of the first arguments for a difference


class Pace:
    """When what was added is to be flushed, and what refused it where nobody was there to be told."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._flushed_at = time.monotonic()
        self._added = False
        self.failure: Exception | None = None
        """Raised where something is added next."""

    def note_added(self) -> bool:
        """Something was added; whether a flush is due."""
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        self._added = True
        return time.monotonic() - self._flushed_at >= self._seconds

    @property
    def waiting(self) -> bool:
        """Whether anything has waited so long that a thread is to flush it."""
        return self._added and time.monotonic() - self._flushed_at >= self._seconds / 2

    def note_flushed(self) -> None:
        """All that was added is in the file."""
        self._flushed_at, self._added = time.monotonic(), False


class Flusher:
    """A thread that asks a writer to flush, until it is stopped or the writer is gone."""

    def __init__(self, writer: Flushed, seconds: float) -> None:
        self._writer = weakref.ref(writer)
        self._seconds = seconds
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="dgmtui-flush").start()

    def stop(self) -> None:
        """Ask no more; a flush under way is finished by whoever holds the writer's lock."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            writer = self._writer()
            if writer is None:
                return
            with writer.lock:
                if self._stopped.is_set():
                    return
                writer.flush_if_due()
            del writer
