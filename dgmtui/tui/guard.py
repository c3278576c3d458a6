"""The terminal is as it was once this process is gone, however it went: by ``kill -9``, or for want of memory.

A process that is killed restores nothing, and a shell in raw mode on the alternate screen looks like a hang.
So a small process watches, and does nothing but that.
"""

import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LEAVE = (
    "\x1b[?2026l"  # no half-drawn frame is waited for
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"  # mouse reports
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # marked pastes, focus and size reports
    "\x1b[<u\x1b[?7h\x1b[m\x1b[?1049l\x1b[?25h"  # keyboard, wrapping, colours, the screen as it was, cursor
)
"""All that the screen switches on, switched off; a terminal that was left in order is not changed by it."""
_WELL = b"."


@contextmanager
def guarded_terminal() -> Iterator[None]:
    """Within, the terminal is watched over. To be entered while there is but one thread: it forks."""
    terminal = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
    before = termios.tcgetattr(terminal)
    listening, telling = os.pipe()
    try:
        watcher = os.fork()
    except OSError:  # there is no room for another process; then nobody watches
        watcher = -1
    if watcher == 0:
        _watch(listening, telling, terminal, before)
    os.close(listening)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(terminal, termios.TCSANOW, before)
        with suppress(OSError):  # the watcher is
            os.write(telling, _WELL)
        os.close(telling)
        with suppress(ChildProcessError):
            if watcher > 0:
                os.waitpid(watcher, 0)


def _watch(listening: int, telling: int, terminal: int, before: "list[int | list[bytes | int]]") -> None:
    """Wait for the end of the other process; its end of the pipe closes with it."""
    try:
        os.setsid()  # a signal to the terminal's processes is not for this one
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        os.close(telling)
        if os.read(listening, 1) != _WELL:
            os.write(terminal, LEAVE.encode())
            termios.tcsetattr(terminal, termios.TCSANOW, before)
    finally:
        os._exit(0)
