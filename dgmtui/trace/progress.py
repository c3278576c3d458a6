"""How far a long computation is, told across threads, and the wish to stop it."""

import threading
from collections.abc import Callable

from dgmtui.errors import DgmtuiError


class Cancelled(DgmtuiError):
    """A person stopped a long computation."""

    def __init__(self) -> None:
        super().__init__("cancelled; nothing was changed")


class Progress:
    """Told by the thread that works, asked and cancelled by the one that waits."""

    def __init__(self, callback: Callable[[float, str], None] | None = None) -> None:
        self._callback = callback
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._state = (0.0, "")
        self._span = (0.0, 1.0, "")

    @property
    def done(self) -> float:
        """The share done, in [0, 1]."""
        with self._lock:
            return self._state[0]

    @property
    def text(self) -> str:
        """What is being done."""
        with self._lock:
            return self._state[1]

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancelled.is_set()

    def update(self, done: float, text: str) -> None:
        """Say that the share ``done`` in [0, 1] is finished and ``text`` is being done.

        Raises:
            Cancelled: somebody asked to stop.
        """
        self.check()
        with self._lock:
            self._state = (done, text)
        if self._callback is not None:
            self._callback(done, text)

    def begin_part(self, begin: float, end: float, text: str) -> None:
        """What ``part`` is handed out for now: work from the share ``begin`` to ``end``, and what it is.

        Raises:
            Cancelled: somebody asked to stop.
        """
        self._span = begin, end, text
        self.update(begin, text)

    def part(self) -> "Progress":
        """For work within this one: how far it is counts here, and whoever cancels this one stops it."""
        return _Part(self, *self._span)

    def cancel(self) -> None:
        """Ask the computation to stop at its next step."""
        self._cancelled.set()

    def check(self) -> None:
        """Stop here if somebody asked to.

        Raises:
            Cancelled: somebody did.
        """
        if self.cancelled:
            raise Cancelled


class _Part(Progress):
    """Of another, from one share to another of it."""

    def __init__(self, whole: Progress, begin: float, end: float, text: str) -> None:
        super().__init__()
        self._whole, self._begin, self._end, self._text = whole, begin, end, text

    @property
    def cancelled(self) -> bool:
        return self._whole.cancelled

    def update(self, done: float, text: str) -> None:
        super().update(done, text)
        said = f"{self._text}: {text}" if self._text else text
        self._whole.update(self._begin + done * (self._end - self._begin), said)

    def cancel(self) -> None:
        self._whole.cancel()
