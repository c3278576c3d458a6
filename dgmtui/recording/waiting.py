"""Opening a recording whose run has only just begun."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dgmtui.errors import RecordingError
from dgmtui.recording.creating import part_of
from dgmtui.recording.reader import Recording, open_recording

LOOK_SECONDS = 0.2


def opened_when_there(path: str | Path | Sequence[str | Path]) -> Recording:
    """Open a recording, or the ranks of one run; while a run is in its first iteration, wait for it.

    Ctrl+C ends the waiting.

    Raises:
        RecordingError: it can't be read, and is not about to be.
    """
    paths = [Path(each) for each in ([path] if isinstance(path, str | Path) else path)]
    said = False
    while True:
        try:
            return open_recording(path)
        except RecordingError as error:
            waited = [each for each in paths if not each.exists() and part_of(each).exists()]
            if not waited:
                raise
            if not said:
                print(f"dgmtui: waiting for the first iteration of {waited[0]} (Ctrl+C leaves)", file=sys.stderr)
            said = True
            failure = error
        try:
            time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            raise failure from None
