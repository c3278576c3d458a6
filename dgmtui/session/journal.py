"""A session on disk as it goes, so that it can be taken up again after the connection or the process was lost."""

import hashlib
import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session import script
from dgmtui.session.folders import state_folder

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

KEPT_SECONDS = 30 * 24 * 3600.0
"""How long a session that broke off is offered."""


@dataclass(frozen=True)
class BrokenOff:
    """A session on this recording that did not end as it should have."""

    file: Path
    began: datetime
    commands: int

    @property
    def words(self) -> str:
        """``the session of 14:02 broke off after 12 commands``."""
        today = self.began.date() == datetime.now().date()
        when = self.began.strftime("%H:%M" if today else "%d %b %H:%M")
        return f"the session of {when} broke off after {self.commands} command{'s' * (self.commands != 1)}"


class Journal:
    """A file that has every line of the diary as soon as it is there; locked while its process lives.

    A disk that can't be written to costs the journal and nothing else.
    """

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._stream: IO[str] | None = None
        self._file: Path | None = None
        self._given_up = False

    def add(self, line: str) -> None:
        """Append a line; the first makes the file."""
        if self._given_up:
            return
        try:
            stream = self._stream or self._begin()
            stream.write(line + "\n")
            stream.flush()
        except OSError:
            self._given_up = True

    def end(self) -> None:
        """The session was left as it should be: nothing is to be taken up."""
        self._given_up = True
        with suppress(OSError):
            if self._stream is not None:
                self._stream.close()
            if self._file is not None:
                self._file.unlink()

    def _begin(self) -> IO[str]:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{_prefix(self._recording)}-{os.getpid()}-{time.time_ns()}.dgm"
        self._file = folder / name
        self._stream = self._file.open("x", encoding="utf-8")
        _lock(self._stream)
        self._stream.write(script.header(str(self._recording.path)) + "\n")
        return self._stream


def broken_off(recording: "Recording") -> BrokenOff | None:
    """The latest session on this recording, as it was recorded, that broke off on this machine."""
    with suppress(OSError):
        for file in sorted(_folder().glob(f"{_prefix(recording)}-*.dgm"), key=_when, reverse=True):
            if time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()
            elif not _lives(file) and (found := _read(file)) is not None:
                return found
    return None


def _read(file: Path) -> BrokenOff | None:
    """None where it holds nothing but where the session began."""
    with suppress(UsageError):
        commands = sum(not line.text.startswith("stand ") for line in script.read(file))
        if commands > 0:
            return BrokenOff(file, datetime.fromtimestamp(_when(file) / 1e9), commands)
    return None


def _folder() -> Path:
    return state_folder() / "sessions"


def _prefix(recording: "Recording") -> str:
    """Of this recording, as it was recorded, on this machine: a home may be shared by many."""
    path = recording.path.resolve()
    told = f"{path}\n{recording.info.created}\n{socket.gethostname()}"
    return hashlib.sha256(told.encode(errors="replace")).hexdigest()[:20]


def _when(file: Path) -> int:
    """When it was begun, in nanoseconds."""
    digits = file.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _lock(stream: IO[str]) -> bool:
    """Whether the file is locked now, or can't be; it stays so until the process ends."""
    try:
        import fcntl
    except ImportError:  # Windows: a session that runs beside this one is taken for one that broke off
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _lives(file: Path) -> bool:
    with file.open("r+", encoding="utf-8") as stream:
        return not _lock(stream)
