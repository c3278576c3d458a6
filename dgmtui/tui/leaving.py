"""Leaving at once: what a thread is in the middle of, as loading torch, is not waited for; and leaving where the
terminal is gone."""

import select
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

LOOK_SECONDS = 1.0
"""How often it is looked whether the terminal is still there."""
HUNG_UP = 128 + signal.SIGHUP
"""The exit code that a shell expects after SIGHUP."""
TERMINATED = 128 + signal.SIGTERM
"""The exit code that a shell expects after SIGTERM."""


def terminal_is_gone() -> bool:
    """Whether its window, or the connection to it, was closed. SIGHUP tells that only to processes that it controls,
    and that did not inherit to ignore it; the others would read its end again and again."""
    if sys.__stdin__ is None or not hasattr(select, "poll"):
        return False
    watched = select.poll()
    watched.register(sys.__stdin__.fileno(), 0)
    return any(event & select.POLLHUP for _, event in watched.poll(0))


class Hurried(ThreadPoolExecutor):
    """Threads that nobody waits for when the loop ends; what they make then is of no use to anybody."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of them."""
        super().shutdown(wait=False, cancel_futures=True)
