"""Which thread's training is recorded: PyTorch's modes, and the order of the calls in a loop, are one thread's own."""

import threading
import weakref
from collections.abc import Iterator


class Followed:
    """The thread that is followed: the first that calls a model, or the first that goes back, until it ends."""

    def __init__(self) -> None:
        self._thread: weakref.ref[threading.Thread] | None = None
        self.trains = False
        """It has gone back from a loss."""

    def is_this(self) -> bool:
        """Whether it is the thread that asks."""
        return self._thread is not None and self._thread() is threading.current_thread()

    def may_be_this(self, *, trains: bool) -> bool:
        """Whether the thread that asks may be followed instead; ``trains``: it goes back from a loss now."""
        thread = None if self._thread is None else self._thread()
        return thread is None or not thread.is_alive() or (trains and not self.trains)

    def move_here(self) -> None:
        """From here on it is this thread."""
        self._thread, self.trains = weakref.ref(threading.current_thread()), False


def others() -> Iterator[threading.Thread]:
    """The threads that Python waits for before it ends."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread is not threading.main_thread() and not thread.daemon:
            yield thread


def wait_for_others() -> None:
    """Until each has ended, and those that they start."""
    while (thread := next(others(), None)) is not None:
        thread.join()
