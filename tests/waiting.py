"""Waiting for what has to happen first. How long it takes is no test's matter: the benchmarks measure that."""

import time
from collections.abc import Callable

from dgmtui.recording import Recording

PATIENCE = 60.0
"""Seconds after which it will not come any more, however busy the machine is."""


def wait_until(holds: Callable[[], object], told: Callable[[], object] = lambda: "it did not come") -> None:
    """Until it holds.

    Raises:
        AssertionError: it does not come to hold; with what ``told`` says then.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def follow_until(recording: Recording, holds: Callable[[], object]) -> None:
    """Take in what a run records meanwhile until it holds.

    Raises:
        AssertionError: it does not come to hold.
    """

    def taken_in() -> object:
        recording.refresh()
        return holds()

    wait_until(taken_in, lambda: f"it stays at iteration {recording.last_iteration}")
