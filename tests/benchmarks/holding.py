"""How long a screen holds its event loop between two turns, seen from within that loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

TICK = 0.005
"""Seconds between two looks."""


class LoopWatch:
    """The longest work without a pause, in milliseconds: of the loop's thread, and on the clock."""

    def __init__(self, each: Callable[[], None] = lambda: None) -> None:
        """``each`` is called at every look."""
        self.worked = self.wall = 0.0
        self.doing = self.longest_at = "start"
        """What is being done, which the caller sets; and what was when the thread worked longest."""
        self._each, self._going = each, True

    @asynccontextmanager
    async def going(self) -> AsyncIterator["LoopWatch"]:
        """Watch until the block is left."""
        watching = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            self._going = False
            await watching

    async def _watch(self) -> None:
        before, clock = time.thread_time(), time.perf_counter()
        while self._going:
            await asyncio.sleep(TICK)
            self.wall = max(self.wall, 1000 * (time.perf_counter() - clock - TICK))
            if (worked := 1000 * (time.thread_time() - before)) > self.worked:
                self.worked, self.longest_at = worked, self.doing
            before, clock = time.thread_time(), time.perf_counter()
            self._each()
