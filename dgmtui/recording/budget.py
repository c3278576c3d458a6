"""How large a recording may become, as a person writes it and as a writer keeps to it."""

import re
from pathlib import Path

from dgmtui.errors import RecordingError, UsageError
from dgmtui.recording.room import RESERVE

LEAST = 1 << 20
"""Bytes below which no recording is worth its overhead."""
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[kmgt]?)(?P<kind>i?b?)", re.IGNORECASE)


def parse_size(text: str | int) -> int:
    """Bytes of ``500M``, ``2G``, ``2GiB`` (powers of 1024), ``2GB`` (of 1000) or a plain number.

    Raises:
        UsageError: it is none, or too small for any recording.
    """
    found = _SIZE.fullmatch(str(text).strip())
    kind = "" if found is None else found["kind"].lower()
    if found is None or (kind.startswith("i") and (not found["unit"] or kind == "i")):
        raise UsageError(f"{text!r} is no size: write one as 500M, 2G, 2GiB or in bytes")
    base = 1000 if kind == "b" and found["unit"] else 1024
    size = int(float(found["number"]) * base ** _POWERS[found["unit"].lower()])
    if size < LEAST:
        raise UsageError(f"a recording of at most {size:,} bytes holds nothing: allow it at least 1M")
    return size


def shown_size(size: int) -> str:
    """``512.0M``: bytes for people, in powers of 1024."""
    for unit, power in (("G", 3), ("M", 2), ("K", 1)):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f}{unit}"
    return f"{size} bytes"


class Budget:
    """The most that a recording may take, and when it is time to thin it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = False
        """What is being written has parts that refer to each other: no thinning now."""
        self._thinned_to = 0

    @property
    def goals(self) -> tuple[int, int]:
        """Sizes to thin to: the one aimed at, and what is put up with."""
        return self.limit // 3, self.limit // 2

    def wants_thinning(self, size: int, needed: int) -> bool:
        """Whether a file of ``size`` bytes is to be thinned before so many are added; not again and again in vain."""
        if self.held or size + needed <= self.limit * 2 // 3:
            return False
        return size >= self._thinned_to + self.limit // 16 or size + needed + RESERVE > self.limit

    def tried(self, size: int) -> None:
        """It was thinned, to ``size`` bytes, or could not be."""
        self._thinned_to = size

    def check(self, path: Path, size: int, needed: int, reserve: int) -> None:
        """``RecordingError`` where so many more bytes would bring the file over the limit."""
        if size + needed + reserve > self.limit:
            raise RecordingError(
                f"{path} can't be kept under --max-size {shown_size(self.limit)} (it has {size:,} bytes, {needed:,} "
                "more are to be written, and what is left may not be thinned): allow it more, or record less with "
                "--only, --every or --elements."
            )

    def check_block(self, path: Path, block: int) -> None:
        """``RecordingError`` where not even a few blocks of rows fit."""
        if 6 * block > self.limit:
            raise RecordingError(
                f"{path} can't be kept under --max-size {shown_size(self.limit)}: 64 rows of this network take "
                f"{block:,} bytes; allow it at least {shown_size(6 * block)}, or record less with --only or --elements."
            )

    def takes_snapshot(self, size: int, *, failing: bool = False) -> bool:
        """Whether a snapshot of ``size`` bytes leaves room for the rest; there is one of a failing iteration only."""
        return (4 if failing else 8) * size <= self.limit
