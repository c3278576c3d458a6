"""A process that reads a directory's runs for a list that is open in another one, and tells of what has changed.

In a process of its own a large file, a slow disk or a file that breaks HDF5 can't hold up the list; and a recording
that is opened from the list is open once in its process, as HDF5 wants it.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TypeAlias

from dgmtui.errors import DgmtuiError
from dgmtui.session.runs.files import find_runs
from dgmtui.session.runs.model import LIVE, Run, RunFiles
from dgmtui.session.runs.updates import Begun, Listed, Update, to_line
from dgmtui.trace.progress import Cancelled, Progress

SCAN_SECONDS = 2.0
"""Between two looks at the directory."""
NICENESS = 5
"""The screen comes first, and so does whatever trains."""
LOOK_SHARE = 0.1
"""Of the time at most so much goes into looking at one live run again and again."""
REST, READ, LOOK = "rest", "read", "look"
"""What may be asked for: nothing for now, as at first; the runs; their findings too."""

Send: TypeAlias = Callable[[Update], object]


class Wanted:
    """What is asked for, by the thread that listens; waited for by the one that works."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._level = REST
        self.progress = Progress()
        """Of the findings that are being looked for; cancelled when they are not wanted any more."""

    @property
    def level(self) -> str:
        """One of ``REST``, ``READ`` and ``LOOK``."""
        return self._level

    def ask(self, level: str) -> None:
        """From now on."""
        with self._changed:
            self._level = level
            if level == LOOK:
                self.progress = Progress()
            else:
                self.progress.cancel()
            self._changed.notify()

    def wait(self, seconds: float | None) -> None:
        """Until something else is wanted, or so long."""
        level = self._level
        with self._changed:
            self._changed.wait_for(lambda: self._level != level, seconds)


@dataclass
class _Known:
    """What has been found out of a run."""

    run: Run
    read: bool = False
    """Since the directory was last looked at, or it can't have changed."""
    looked: tuple[tuple[int, int, int], ...] = ()
    """The stamp of its files when findings were looked for."""
    look_from: float = 0.0
    """Not again before this time."""


class RunsReader:
    """Reads the runs of a directory, one piece of work at a time: the newest first, and findings last.

    Args:
        skipped: names of runs that are not read, as reading them has broken a process.
    """

    def __init__(
        self,
        directory: Path,
        send: Send,
        skipped: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory, self._send, self._skipped, self._clock = directory, send, frozenset(skipped), clock
        self._known: dict[str, _Known] = {}
        self._sent: Listed | None = None
        self._scanned = -SCAN_SECONDS

    def step(self, wanted: Wanted) -> float | None:
        """Do the next piece of work.

        Returns:
            None where there may be more to do at once, else after how many seconds.
        """
        now = self._clock()
        if now - self._scanned >= SCAN_SECONDS:
            self._scan()
        elif (unread := self._next(lambda known: not known.read)) is not None:
            self._read(unread)
        elif wanted.level == LOOK and (due := self._next(self._is_due)) is not None:
            self._look(due, wanted.progress)
        else:
            return self._scanned + SCAN_SECONDS - now
        return None

    def _scan(self) -> None:
        self._scanned = self._clock()
        try:
            listed = Listed(find_runs(self._directory))
        except DgmtuiError as error:
            listed = Listed((), str(error))
        else:
            self._known = {files.name: self._entry(files) for files in listed.files}
        if listed != self._sent:
            self._send(listed)
            self._sent = listed

    def _entry(self, files: RunFiles) -> _Known:
        known = self._known.get(files.name)
        if known is None:
            return _Known(Run(files), read=files.name in self._skipped)
        if known.run.files.stamp != files.stamp or known.run.state in LIVE:
            known.read = files.name in self._skipped
        known.run = replace(known.run, files=files)
        return known

    def _next(self, is_due: Callable[[_Known], bool]) -> _Known | None:
        """The newest."""
        due = filter(is_due, self._known.values())
        return min(due, key=lambda known: (-known.run.written, known.run.name), default=None)

    def _read(self, known: _Known) -> None:
        before = known.run
        self._send(Begun(before.name))
        from dgmtui.session.runs.reading import read_run

        read = read_run(before.files)
        if not read.looked:
            read = replace(read, looked=before.looked, worst=before.worst, not_looked=before.not_looked)
        known.run, known.read = read, True
        if read != before:
            self._send(read)

    def _is_due(self, known: _Known) -> bool:
        run = known.run
        if run.name in self._skipped or run.state in ("unread", "unreadable") or not run.iterations:
            return False
        return known.looked != run.files.stamp and self._clock() >= known.look_from

    def _look(self, known: _Known, progress: Progress) -> None:
        self._send(Begun(known.run.name))
        from dgmtui.session.runs.reading import look_at_run

        began = self._clock()
        try:
            known.run = look_at_run(known.run, progress=progress)
        except Cancelled:
            return
        known.looked = known.run.files.stamp
        known.look_from = self._clock() + (self._clock() - began) / LOOK_SHARE
        self._send(known.run)


def main(directory: str, skipped: str) -> None:
    """Read ``directory`` until standard input ends; ``skipped`` is a list of names in JSON."""
    os.nice(NICENESS)
    wanted = Wanted()
    threading.Thread(target=_listen, args=(wanted,), daemon=True).start()
    reader = RunsReader(Path(directory), _sender(sys.stdout.buffer), json.loads(skipped))
    try:
        while True:
            if wanted.level == REST:
                wanted.wait(None)
            elif (seconds := reader.step(wanted)) is not None:
                wanted.wait(seconds)
    except BrokenPipeError:
        os._exit(0)


def _listen(wanted: Wanted) -> None:
    for line in sys.stdin:
        wanted.ask(line.strip())
    os._exit(0)  # who asked is gone, however it went


def _sender(stream: IO[bytes]) -> Send:
    def send(update: Update) -> None:
        stream.write(to_line(update))
        stream.flush()

    return send
