"""The last iterations of which no row was written, measured all the same, in memory until something fails."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.recorder.defaults import LAST
from dgmtui.recorder.light import LightRow

if TYPE_CHECKING:
    from dgmtui.recorder.measure import Key
    from dgmtui.recorder.rows import Measurement

RING_BYTES = 64 << 20
"""What they may take in memory: of a huge network fewer are kept."""
_OBJECT = 128
"""Bytes that an array takes besides its elements."""


@dataclass(frozen=True)
class Kept:
    """One iteration's measurements."""

    iteration: int
    row: "LightRow | Mapping[Key, Measurement]"
    """As it was measured, or its calls already merged."""


class Ring:
    """The newest iterations, as many as fit; they hold numbers, and nothing of the training alive."""

    def __init__(self, last: int = LAST, most_bytes: int = RING_BYTES) -> None:
        self._last = last
        self._most_bytes = most_bytes
        self._kept: deque[tuple[Kept, int]] = deque()
        self._bytes = 0

    def keep(self, iteration: int, row: "LightRow | Mapping[Key, Measurement]") -> None:
        """Add the iteration that ended last; the oldest ones give way to it."""
        size = _nbytes(row)
        self._kept.append((Kept(iteration, row), size))
        self._bytes += size
        while self._kept and (len(self._kept) > self._last or self._bytes > self._most_bytes):
            self._bytes -= self._kept.popleft()[1]

    def take(self) -> list[Kept]:
        """Give up all that is kept, oldest first."""
        kept = [one for one, _ in self._kept]
        self._kept.clear()
        self._bytes = 0
        return kept


def _nbytes(row: "LightRow | Mapping[Key, Measurement]") -> int:
    if isinstance(row, LightRow):
        taken = (*row.outputs.values(), *(taken for _, taken in row.again), *row.gradients.values())
        picked = sum(_OBJECT + one.values.nbytes for one in row.picked.values())
        return picked + sum(_OBJECT + (len(one) if isinstance(one, bytes) else one.nbytes) for one in taken)
    return sum(_OBJECT + array.nbytes for one in row.values() for array in one.arrays)
