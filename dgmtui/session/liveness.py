"""How a run that is watched is doing: its pace, its silence, and how far one is behind where one has paused."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

SILENT_SECONDS = 60.0
"""After which a run that has not told its end is taken for stopped or killed."""
PACE_OF = 50
"""How many of the last iterations the pace is of."""


class Liveness:
    """Asked now and then, it says in a few words how the run is."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.paused = False
        """What is recorded meanwhile is not taken in."""
        self.words = ""
        """``12.3 it/s``, ``paused, 120 iterations behind``, ``no iteration for 70 s: stopped or killed?``."""

    def look(self, recording: "Recording") -> bool:
        """Look again; whether the words are others now."""
        before, self.words = self.words, self._told(recording)
        return self.words != before

    def _told(self, recording: "Recording") -> str:
        if recording.is_replaced:
            return "another run has this name now: open it again"
        if self.paused:
            return f"paused, {self._behind(recording):,} iterations behind"
        if recording.end is not None:
            return ""
        silent = self._silent(recording)
        if silent > SILENT_SECONDS:
            return f"no iteration for {silent:.0f} s: stopped or killed?"
        took = recording.seconds(max(0, recording.iteration_count - PACE_OF))
        mean = float(np.nanmean(took)) if np.isfinite(took).any() else 0.0
        return f"{1 / mean:.3g} it/s" if mean > 0 else ""

    def _silent(self, recording: "Recording") -> float:
        try:
            return self._clock() - recording.path.stat().st_mtime
        except OSError:
            return 0.0

    @staticmethod
    def _behind(recording: "Recording") -> int:
        return max(0, recording.iterations_written() - recording.iteration_count)
