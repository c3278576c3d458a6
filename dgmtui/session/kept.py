"""What was made and may be wanted again: the least recently used goes first. Threads may share it."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by key, within a budget of sizes."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def take(self, key: K) -> V | None:
        """The value, which is not kept any more: whoever changes it has it alone."""
        with self._lock:
            return self._values.pop(key, (None, 0))[0]

    def put(self, key: K, value: V, size: int = 1) -> None:
        """Keep a value; what is greater than the budget is not kept."""
        with self._lock:
            self._values.pop(key, None)
            if size > self._budget:
                return
            self._values[key] = (value, size)
            while sum(each for _, each in self._values.values()) > self._budget:
                self._values.popitem(last=False)

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:
            self._values.clear()


class Newest(Generic[K, V]):
    """Values by key, each of one version only: a run that goes on is asked the same of ever more rows."""

    def __init__(self, budget: int) -> None:
        self._kept: Kept[K, tuple[Hashable, V]] = Kept(budget)

    def get(self, key: K, version: Hashable) -> V | None:
        """The value, or None where it is of another version."""
        found = self._kept.get(key)
        return found[1] if found is not None and found[0] == version else None

    def put(self, key: K, version: Hashable, value: V, size: int = 1) -> None:
        """Keep a value in the place of that of any other version."""
        self._kept.put(key, (version, value), size)
