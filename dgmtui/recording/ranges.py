"""Parts of a long dataset that are kept, and where they come to lie when the rest is gone."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any

import h5py
from numpy.typing import NDArray


class Ranges:
    """Parts ``(offset, length)``, in any order; those that touch or overlap become one."""

    def __init__(self, parts: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._moved: list[int] = []
        self.total = 0
        """Length of all together."""
        for offset, length in sorted(parts):
            if length <= 0:
                continue
            if self._stops and offset <= self._stops[-1]:
                self.total += max(0, offset + length - self._stops[-1])
                self._stops[-1] = max(self._stops[-1], offset + length)
            else:
                self._starts.append(offset)
                self._stops.append(offset + length)
                self._moved.append(self.total)
                self.total += length

    def moved(self, offset: int) -> int:
        """Where what was at ``offset`` comes to lie; 0 for what has no length and lies nowhere."""
        place = bisect_right(self._starts, offset) - 1
        return self._moved[place] + offset - self._starts[place] if place >= 0 else 0

    def blocks(self, dataset: h5py.Dataset, most: int) -> Iterator[NDArray[Any]]:
        """What is kept, in order, in arrays of ``most`` elements (the last: the rest)."""
        for start, stop in zip(self._starts, self._stops, strict=True):
            for at in range(start, stop, most):
                yield dataset[at : min(at + most, stop)]
