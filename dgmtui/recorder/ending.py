"""SIGTERM: the recording is closed before the process ends."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from dgmtui.recorder.ranks import rank_and_world

EXIT_CODE = 128 + signal.SIGTERM
PATIENCE = 2.0
"""Seconds in which a rank that waits for another one in C++ may yet come back to Python."""


class Terminated(BaseException):
    """The process was asked to end; no ``except Exception`` of the script holds it."""


class Ending:
    """Whether the process was asked to end, and whether the script, which is to hear of it, is running."""

    def __init__(self) -> None:
        self._running = False
        self.heard = threading.Event()

    @contextmanager
    def in_script(self) -> Iterator[None]:
        """Within, SIGTERM raises; outside, what is being closed is closed first."""
        self._running = True
        try:
            yield
        finally:
            self._running = False

    def terminate(self, number: int, frame: object) -> None:
        """The handler."""
        self.heard.set()
        if self._running:
            self._running = False
            raise Terminated

    def raise_if_heard(self) -> None:
        """Raise again where the script trains on: in a finaliser or a weak reference's callback Python swallows it."""
        if self.heard.is_set():
            raise Terminated


@contextmanager
def ending_whole(close: Callable[[], object]) -> Iterator[Ending]:
    """On SIGTERM raise ``Terminated`` in the script, unless it or its caller has a handler of its own.

    Of a distributed run, the rank that is asked to end is mostly waiting for one that has died, in C++, where no
    handler of Python's is run: then ``close`` is called from another thread and the process ends.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield Ending()
        return
    ending = Ending()
    terminate = ending.terminate
    signal.signal(signal.SIGTERM, terminate)
    try:
        with _watched(ending.heard, close) if rank_and_world()[1] > 1 else nullcontext():
            yield ending
    finally:
        if signal.getsignal(signal.SIGTERM) is terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _watched(came_back: threading.Event, close: Callable[[], object]) -> Iterator[None]:
    heard, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)

    def watch() -> None:
        while number := heard.recv(1):
            if number[0] == signal.SIGTERM and not came_back.wait(PATIENCE):
                close()
                sys.stderr.flush()
                os._exit(EXIT_CODE)

    threading.Thread(target=watch, daemon=True, name="dgmtui-sigterm").start()
    try:
        yield
    finally:
        now = signal.set_wakeup_fd(before)
        if now not in (written.fileno(), before):
            signal.set_wakeup_fd(now)  # an event loop of the script's took it over
        written.close()
