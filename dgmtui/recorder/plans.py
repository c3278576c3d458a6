"""The traces that stand for an iteration's backward passes: which there are, and which are still to be taken."""

from collections.abc import Callable

from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recorder.binding import Plan, finish
from dgmtui.recorder.keeping import is_power
from dgmtui.recorder.naming import Names
from dgmtui.recorder.window import Window


class Plans:
    """By a backward pass' number in its iteration and the first call that led to it."""

    def __init__(self, names: Names, note: Callable[[int, str], None]) -> None:
        self._names = names
        self._note = note
        self._known: dict[tuple[int, str], Plan] = {}
        self._joined: set[int] = set()
        """The backward passes that use what was made for the one before."""
        self.most_calls = 64
        """After so many outermost calls a trace is given up: they may be an evaluation's."""
        self.early = False
        """A pass needs what was made before its first call: windows are to open at the end of the step before."""

    def is_unknown(self, window: Window, number: int) -> bool:
        """Whether the ``number``-th pass, which begins, or one that goes on with it has no trace yet."""
        while (number, window.first) in self._known:
            number += 1
            if number not in self._joined:
                return False
        return True

    def goes_on(self, number: int) -> bool:
        """Whether the ``number``-th pass uses what was made for the one before."""
        return number in self._joined

    def of(self, window: Window, loss: Tensor, number: int, iteration: int) -> Plan | None:
        """The trace that stands for a pass that ends in ``loss``: its own, or an earlier one of the same signature."""
        key = number, window.first
        if window.gave_up:  # they were of one pass all the same: the next is traced to its end
            self.most_calls = 2 * len(window.passes)
            return None
        if window.tracer is None:
            return self._earlier(key, window)
        window.end_trace()
        self._names.refresh()
        try:
            plan = finish(window, loss, self._names)
        except ReplayError as error:
            if is_power(iteration):
                self._note(iteration, str(error))
            return None
        if plan.missing:
            self._look_further_back(number)
        self._known[key] = plan
        return plan

    def _earlier(self, key: tuple[int, str], window: Window) -> Plan | None:
        known = self._known.get(key)
        if known is not None and (known.signature, known.generation) != (window.signature, self._names.generation):
            del self._known[key]
            return None
        return known

    def _look_further_back(self, number: int) -> None:
        """What is missing was perhaps made for the pass before, or for one before that, or before the first call."""
        if number == 0:
            self.early = True
            return
        while number in self._joined:
            number -= 1
        self._joined.add(max(1, number))
