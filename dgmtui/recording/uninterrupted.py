"""What must not be left half done where Ctrl+C or SIGTERM comes meanwhile."""

import threading
from collections.abc import Callable

_STARTS_WITHIN = 1.0
"""Seconds."""


def uninterrupted(act: Callable[[], object]) -> None:
    """Do it to its end, then raise what came meanwhile, or what it raised itself.

    Python raises what a signal's handler raises in the main thread alone, so there another thread does it.
    """
    if threading.current_thread() is not threading.main_thread():
        act()
        return
    began, done = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def run() -> None:
        began.set()
        try:
            act()
        except BaseException as error:  # noqa: BLE001
            raised.append(error)
        finally:
            done.set()

    try:
        threading.Thread(target=run, name="dgmtui-whole").start()
    except BaseException as interrupt:
        if not began.wait(_STARTS_WITHIN):
            raise
        raised.append(interrupt)
    while not done.is_set():
        try:
            done.wait()
        except BaseException as interrupt:  # noqa: BLE001
            raised.append(interrupt)
    if raised:
        raise raised[-1]
