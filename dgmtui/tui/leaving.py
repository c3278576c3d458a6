"""Leaving at once: what a thread is in the middle of, as loading torch, is not waited for; and leaving where the
terminal is gone."""

import os
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


def may_be_stopped() -> bool:
    """Whether a shell would have it go on again; one that opened the terminal for this process alone has ended."""
    return os.getpgrp() != os.getsid(0)


def stop_with_others() -> None:
    """Stop all processes of this shell's job until it is in the foreground again: the one that waits for this one too,
    else the shell would not have the terminal back."""
    stopped = False
    while not (stopped and _in_foreground()):
        os.killpg(0, signal.SIGTSTP)
        stopped = True


def _in_foreground() -> bool:
    """Also where that can't be known: the terminal is gone."""
    try:
        return sys.__stdin__ is None or os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()
    except OSError:
        return True


class Hurried(ThreadPoolExecutor):
    """Threads that nobody waits for when the loop ends; what they make then is of no use to anybody."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of them."""
        super().shutdown(wait=False, cancel_futures=True)
