"""The process that reads a directory's runs, from the side of the list."""

import json
import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from dgmtui.errors import UsageError
from dgmtui.session.runs.background import REST
from dgmtui.session.runs.model import Run, RunFiles
from dgmtui.session.runs.updates import Begun, Listed, Update, from_line

_BEGIN = "import sys; sys.path[:] = sys.argv[3:]; from dgmtui.session.runs.background import main; main(*sys.argv[1:3])"
"""Finds what this process finds: not the ``random.py`` that may lie where a person trains."""
_AT_ONCE = 1 << 16


class RunsProcess:
    """Is there until ``close``, and works when asked to; where it breaks over a file it is begun again, without it."""

    def __init__(self, directory: Path) -> None:
        """``UsageError`` where no process can be started."""
        self._directory = directory
        self._level = REST
        self._broken: list[str] = []
        """Runs over which a process has broken."""
        self._files: dict[str, RunFiles] = {}
        self.ended = False
        """Nothing comes any more."""
        self.begun = 0
        """How often a process was begun: another one has another pipe, maybe of the same number."""
        self._begin()

    def fileno(self) -> int:
        """Readable when there is news, from the process that was begun last."""
        return self._output.fileno()

    def ask(self, level: str) -> None:
        """Ask for ``REST``, ``READ`` or ``LOOK``, as ``background`` has them."""
        self._level = level
        if self.ended:
            return
        assert self._process.stdin is not None
        with suppress(OSError):  # it has broken; the one that comes after it is told
            self._process.stdin.write(f"{level}\n".encode())
            self._process.stdin.flush()

    def receive(self, seconds: float = 0.0) -> list[Run | Listed]:
        """What is new; where nothing is, it is waited for so long."""
        if self.ended or not select.select([self], [], [], seconds)[0]:
            return []
        data = os.read(self.fileno(), _AT_ONCE)
        if not data:
            return [self._begin_again()]
        self._data += data
        news: list[Run | Listed] = []
        while (update := self._next()) is not None:
            if isinstance(update, Begun):
                self._reading = update.name
            else:
                news.append(update)
            if isinstance(update, Listed):
                self._files = {files.name: files for files in update.files}
        return news

    def close(self) -> None:
        """End it."""
        self.ended = True
        self._process.kill()
        for stream in (self._process.stdin, self._output):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._process.wait()

    def _begin(self) -> None:
        self._data, self._reading = b"", ""
        command = [sys.executable, "-c", _BEGIN, str(self._directory), json.dumps(self._broken), *sys.path]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # what the terminal's keys interrupt or suspend is not this
            )
        except OSError as error:
            raise UsageError(f"no process can be started to read the runs ({error}): use --batch") from error
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self.begun += 1

    def _begin_again(self) -> Run | Listed:
        """After it broke; what that means for the list."""
        name = self._reading
        self.close()
        if name not in self._files or name in self._broken:
            return Listed((), "the process that reads the runs has ended: leave the list, and open it again")
        self._broken.append(name)
        try:
            self._begin()
        except UsageError as error:
            return Listed((), str(error))
        self.ended = False
        self.ask(self._level)
        return Run(self._files[name], "unreadable", "reading it broke the process that did: it is damaged")

    def _next(self) -> Update | None:
        """The next update that has come as a whole; what a library has printed is passed over."""
        while b"\n" in self._data:
            line, _, self._data = self._data.partition(b"\n")
            with suppress(ValueError):
                return from_line(line)
        return None
