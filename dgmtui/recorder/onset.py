"""When a training leaves its past: that iteration is kept, so that it can be run again with its sample."""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

PAST = 64
"""A value is judged by so many before it,"""
RECENT = 32
"""but for the newest of all: what grows by a twentieth an iteration is no measure of itself before it has left."""
LEAST = 32
"""Fewer are no past. Every run begins by leaving its first iterations, of which many are kept anyway."""
FAR = 20.0
"""A value has left its past where it is above all of it and further from its median than so many times its upper
quartile is: 13 standard deviations of Gaussian noise, once in two million values where they decay exponentially."""
LEAST_RISE = 0.1
"""And by at least this share of the median, as a loss in half precision moves in steps of up to a hundredth of it."""
LEAST_OF_HIGHEST = 0.01
"""And of the highest median so far: a loss that came near zero is restless there, and what it does is of no account."""
SHARE = 4
"""An onset sooner after another than this part of the run has to be larger. Of those that are alike there are three
each time that the run has become twice as long, however restless it is."""
LARGER = 2.0
"""By this factor."""
FAINT = 2.0
"""An onset that goes less far than this may be the foreboding of one: larger ones that follow it soon count too,"""
IN_A_ROW = 4
"""so many of them together."""


@dataclass(frozen=True)
class Departure:
    """A value that is not like those before."""

    value: float
    lowest: float
    highest: float
    """Of its past."""
    count: int
    """How many values that is."""
    times: float
    """How far it is above the median of its past, where 1 is just far enough."""


class Past:
    """Follows one series of numbers, of which only a rise is a departure; a scale or a sign it need not have."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque()
        self._past: deque[float] = deque()
        self._sorted: list[float] = []
        """The same, upwards."""
        self._highest = 0.0
        """The greatest magnitude that the median had."""

    def follow(self, value: float) -> Departure | None:
        """Take the next value, which is finite; how it departs from those before, if it does."""
        departure = self._departure(value) if len(self._sorted) >= LEAST else None
        self._recent.append(value)
        if len(self._recent) > RECENT:
            self._age(self._recent.popleft())
        return departure

    def _departure(self, value: float) -> Departure | None:
        known = self._sorted
        count = len(known)
        median = known[count // 2]
        level = abs(median)
        self._highest = max(self._highest, level)
        spread = known[3 * count // 4] - median
        reach = max(FAR * spread, LEAST_RISE * level, LEAST_OF_HIGHEST * self._highest, known[-1] - median)
        if value - median <= reach or reach == 0:  # of nothing but zeros no scale is known
            return None
        return Departure(value, known[0], known[-1], count, (value - median) / reach)

    def _age(self, value: float) -> None:
        self._past.append(value)
        insort(self._sorted, value)
        if len(self._past) > PAST:
            del self._sorted[bisect_left(self._sorted, self._past.popleft())]


class Onsets:
    """Follows a training by several series, one departure of which is as good as another."""

    def __init__(self) -> None:
        self._pasts: dict[str, Past] = {}
        self._last: int | None = None
        self._times = 0.0
        """How far the last onset went."""
        self._in_a_row = 0
        self._faint = False
        """The first of those in a row was hardly far enough."""

    def follow(self, iteration: int, what: str, value: float) -> str | None:
        """Take the next value of the series ``what``; a sentence where the training leaves its past by it."""
        past = self._pasts.get(what)
        if past is None:
            past = self._pasts[what] = Past()
        gone = past.follow(value)
        if gone is None or self._is_still_the_last(iteration, gone.times):
            return None
        close = self._last is not None and iteration - self._last < PAST
        self._in_a_row = self._in_a_row + 1 if close else 1
        self._faint = self._faint if close else gone.times < FAINT
        self._last, self._times = iteration, gone.times
        return (
            f"the {what} left its past at iteration {iteration}: "
            f"{gone.value:.4g}, where {gone.count} before were {gone.lowest:.4g} to {gone.highest:.4g}"
        )

    def _is_still_the_last(self, iteration: int, times: float) -> bool:
        """Whether a departure is part of the onset before, or too much like it to be worth another sample so soon."""
        if self._last is None:
            return False
        since = iteration - self._last
        larger = times >= LARGER * self._times
        if since < PAST:
            return not (self._faint and larger and self._in_a_row < IN_A_ROW)
        return since < iteration // SHARE and not larger
