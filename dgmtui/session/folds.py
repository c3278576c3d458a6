"""What of the network tree is open: a part of the session, so that a saved script opens and collapses the same."""

from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgmtui.session.outline import Outline

FITS = 40
"""A network of so many modules is opened wholly at first; of a larger one, about so many."""
ILL_OPENED = 8
"""Of a larger one, so many ill modules are opened to besides."""


@dataclass
class Folds:
    """Which modules are collapsed, and which show their units; by path, so that other ranks are open alike."""

    collapsed: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    ill_only: bool = False
    """Only what is unhealthy is shown, and what contains it."""
    sought: str = ""
    """What was looked for last."""
    begun: bool = False
    """The first choice of what is open was made."""

    def begin(self, outline: "Outline", ill: list[int]) -> None:
        """Open what fits, and to what is ill."""
        self.begun = True
        if len(outline) <= FITS:
            return
        self.collapsed = {outline.modules[i].path for i in range(len(outline)) if outline.is_parent(i)}
        level = [i for i in range(len(outline)) if outline.parent[i] < 0]
        shown = len(level)
        while level:
            below = []
            for place in level:
                children = outline.children(place)
                if children and shown + len(children) <= FITS:
                    shown += len(children)
                    below += children
                    self.collapsed.discard(outline.modules[place].path)
            level = below
        for place in ill[:ILL_OPENED]:
            self.reveal(outline, place)

    def state_of(self, path: str) -> str:
        """``closed``, ``units`` where its units are shown, or nothing."""
        return "closed" if path in self.collapsed else "units" if path in self.units else ""

    def reveal(self, outline: "Outline", place: int) -> None:
        """Open what contains a module."""
        self.collapsed.difference_update(outline.modules[above].path for above in outline.ancestors(place))


class Visible:
    """The rows that are open, counted but not made: each module's row, followed by those of its units."""

    def __init__(
        self, outline: "Outline", folds: Folds, units: Callable[[int], int], kept: Collection[int] | None = None
    ) -> None:
        """Lay out what is open.

        Args:
            units: how many units the module at a place has; asked of those only that show them.
            kept: the only places that are shown; None: all.
        """
        self.places: list[int] = []
        place = 0
        while place < len(outline):
            hidden = kept is not None and place not in kept
            if not hidden:
                self.places.append(place)
            closed = hidden or outline.modules[place].path in folds.collapsed
            place = outline.end[place] if closed else place + 1
        opened = {outline.place[path] for path in folds.units if path in outline.place}
        counts = [1 + units(place) if place in opened else 1 for place in self.places]
        self._starts = [0, *accumulate(counts)]
        self._at = {place: i for i, place in enumerate(self.places)}

    def __len__(self) -> int:
        return self._starts[-1]

    def row_of(self, place: int, unit: int | None) -> int | None:
        """The row of a module, or of its unit where that is shown; None where the module is not."""
        i = self._at.get(place)
        if i is None:
            return None
        first, behind = self._starts[i], self._starts[i + 1]
        return first if unit is None or first + 1 + unit >= behind else first + 1 + unit

    def at(self, row: int) -> tuple[int, int | None]:
        """The place of the module at a row, and the unit that the row is of."""
        i = bisect_right(self._starts, row) - 1
        unit = row - self._starts[i] - 1
        return self.places[i], None if unit < 0 else unit
