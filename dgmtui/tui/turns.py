"""Keys in the order in which they were pressed: what one does may rest on what the one before it led to.

A key that comes while an answer is awaited may mean something else after it: another tab is open then, another module
is looked at. So it waits, unless all that is awaited changes neither, as the steps of a key that is held down.
"""

from collections import deque
from collections.abc import Callable, Iterable

AWAITED_LIGHTLY = ("step", "back", "module", "unit", "sample", "pick")
"""Commands whose answers leave the tab open that is, and the selection where the screen has put it already."""
ROWS, ROWS_TAB = "row", "contributions"
"""This one opens its tab, unless it is open."""


class Turns:
    """What is to be done, and what is awaited before; at first the first view."""

    def __init__(self, open_tab: Callable[[], str]) -> None:
        self._open_tab = open_tab
        self._awaited: list[str] | None = None
        """The commands without an answer so far; None before the first view is there."""
        self._waiting: deque[tuple[Callable[[], None], bool]] = deque()

    def take(self, act: Callable[[], None], *, keep: bool = False) -> None:
        """Do something now if nothing has to be awaited, else in its turn; ``keep``: also if keys are given up."""
        if self._waiting or not self._free:
            self._waiting.append((act, keep))
        else:
            act()

    def begin(self, line: str) -> None:
        """A command was sent off."""
        if self._awaited is not None:
            self._awaited.append(line.partition(" ")[0])

    def answered(self, left: Iterable[str]) -> None:
        """Answers came, of all commands but those of the lines ``left``; go on with what waits."""
        self._awaited = [line.partition(" ")[0] for line in left]
        while self._waiting and self._free:
            self._waiting.popleft()[0]()

    def give_up(self) -> None:
        """Forget the keys that wait, and do at once what is to be kept."""
        kept = [act for act, keep in self._waiting if keep]
        self._waiting.clear()
        for act in kept:
            act()

    @property
    def _free(self) -> bool:
        return self._awaited is not None and all(map(self._is_light, self._awaited))

    def _is_light(self, command: str) -> bool:
        return command in AWAITED_LIGHTLY or (command == ROWS and self._open_tab() == ROWS_TAB)
