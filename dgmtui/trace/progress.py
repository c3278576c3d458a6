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
