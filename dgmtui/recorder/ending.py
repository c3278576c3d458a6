"""SIGTERM, and SIGHUP where the terminal is closed: the recording is closed before the process ends."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext

from dgmtui.recorder.ranks import rank_and_world

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
PATIENCE = 2.0
"""Seconds in which a rank that waits for another one in C++ may yet come back to Python."""


class Terminated(BaseException):
    """The process was asked to end; no ``except Exception`` of the script holds it."""

    def __init__(self, number: int) -> None:
        super().__init__(ended_words(number))
        self.exit_code = 128 + number


def ended_words(number: int) -> str:
    """As the recording's end tells it."""
    return f"ended by {signal.Signals(number).name}"


class Ending:
    """Whether the process was asked to end, and whether the script, which is to hear of it, is running."""

    def __init__(self) -> None:
        self._running = False
        self._number = int(signal.SIGTERM)
        self.heard = threading.Event()

    @contextmanager
    def in_script(self) -> Iterator[None]:
        """Within, a signal raises; outside, what is being closed is closed first."""
        self._running = True
        try:
            yield
        finally:
            self._running = False

    def terminate(self, number: int, frame: object) -> None:
        """The handler."""
        self._number = number
        self.heard.set()
        if self._running:
            self._running = False
            raise Terminated(number)

    def raise_if_heard(self) -> None:
        """Raise again where the script trains on: in a finaliser or a weak reference's callback Python swallows it."""
        if self.heard.is_set():
            raise Terminated(self._number)


@contextmanager
def ending_whole(close: Callable[[str], object]) -> Iterator[Ending]:
    """On a signal raise ``Terminated`` in the script, unless it or its caller has a handler of its own, or ignores it
    (``nohup``).

    Of a distributed run, the rank that is asked to end is mostly waiting for one that has died, in C++, where no
    handler of Python's is run: then ``close`` is called from another thread, with what is to be told, and the process
    ends.
    """
    ending = Ending()
    ours = [number for number in SIGNALS if signal.getsignal(number) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread() or not ours:
        yield ending
        return
    terminate = ending.terminate
    for number in ours:
        signal.signal(number, terminate)
    try:
        with _watched(ending.heard, ours, close) if rank_and_world()[1] > 1 else nullcontext():
            yield ending
    finally:
        for number in ours:
            if signal.getsignal(number) is terminate:
                signal.signal(number, signal.SIG_DFL)


@contextmanager
def _watched(came_back: threading.Event, numbers: Sequence[int], close: Callable[[str], object]) -> Iterator[None]:
    heard, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)

    def watch() -> None:
        while number := heard.recv(1):
            if number[0] in numbers and not came_back.wait(PATIENCE):
                close(f"{ended_words(number[0])} while it waited")
                sys.stderr.flush()
                os._exit(128 + number[0])

    threading.Thread(target=watch, daemon=True, name="dgmtui-sigterm").start()
    try:
        yield
    finally:
        now = signal.set_wakeup_fd(before)
        if now not in (written.fileno(), before):
            signal.set_wakeup_fd(now)  # an event loop of the script's took it over
        written.close()
