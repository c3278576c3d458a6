"""Where one iteration ends: at the optimiser's step, or where there are several, when each has had its turn."""

import weakref


class Rounds:
    """Knows the optimisers there are and which have stepped in this iteration."""

    def __init__(self) -> None:
        self._known: weakref.WeakSet[object] = weakref.WeakSet()
        self._idle: weakref.WeakSet[object] = weakref.WeakSet()
        self._stepped: list[int] = []

    def add(self, optimizer: object) -> None:
        """An optimiser was made."""
        self._known.add(optimizer)

    @property
    def without_optimizer(self) -> bool:
        """No optimiser lives: an iteration ends with its backward pass."""
        return not self._known

    def begins_anew(self, optimizer: object) -> bool:
        """The first optimiser works again after another has: those that never step are not waited for again."""
        again = bool(self._stepped) and self._stepped[0] == id(optimizer) and len(set(self._stepped)) > 1
        if again:
            for other in self._known:
                if id(other) not in self._stepped:
                    self._idle.add(other)
        return again

    def stepped(self, optimizer: object) -> bool:
        """Note a step; whether every optimiser has now had its turn."""
        self._known.add(optimizer)
        self._idle.discard(optimizer)
        self._stepped.append(id(optimizer))
        return {id(o) for o in self._known if o not in self._idle} <= set(self._stepped)

    def next(self) -> None:
        """A new iteration begins."""
        self._stepped = []
