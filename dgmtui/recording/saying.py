"""What is said of a recording's size and of what was left out of it."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self, TextIO

from dgmtui.recording.budget import shown_size

if TYPE_CHECKING:
    from dgmtui.recording.compacting import Compacted

PATIENCE = 1.0
"""Seconds of work before which nothing is said."""
PAUSE = 0.2


def rounded_words(rounding: Mapping[str, int]) -> str:
    """``5 to 11 of 23 mantissa bits``; empty where nothing was rounded."""
    if not rounding:
        return ""
    least, most = min(rounding.values()), max(rounding.values())
    return f"{least} of 23 mantissa bits" if least == most else f"{least} to {most} of 23 mantissa bits"


def compacted_words(made: "Compacted") -> str:
    """What became of a recording, in a sentence."""
    told = f"{made.path}: {shown_size(made.before)} before, {shown_size(made.after)} now"
    rounding = rounded_words(made.rounding)
    parts = [f"series have {rounding}"] if rounding else []
    if made.rows[0] != made.rows[1]:
        parts.append(f"{made.rows[1]:,} of {made.rows[0]:,} rows are left")
    return told + ("; " + ", ".join(parts) if parts else "") + "."


class Meter:
    """One line on a terminal that tells how far long work is."""

    def __init__(self, stream: TextIO, what: str) -> None:
        self._stream, self._what = stream, what
        self._next = time.monotonic() + PATIENCE
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._stream.write("\n")

    def update(self, share: float) -> None:
        """Tell it, not too often, and only where somebody sees it."""
        now = time.monotonic()
        if now >= self._next and self._stream.isatty():
            self._next, self._shown = now + PAUSE, True
            self._stream.write(f"\rdgmtui: {self._what}: {share:4.0%}")
            self._stream.flush()
