"""A pseudo-terminal with dgmtui in it: what is sent is counted, keys are pressed, and its state is looked at."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SCREEN = "import sys; from dgmtui.cli import main; sys.exit(main())"
"""What is run, with ``dgmtui``'s arguments."""


@dataclass(frozen=True)
class Heard:
    """What came through the terminal."""

    data: bytes
    seconds: float
    """From when listening began to the first of them, or to what was waited for."""

    @property
    def count(self) -> int:
        """Bytes."""
        return len(self.data)

    @property
    def text(self) -> str:
        """With its escape sequences."""
        return self.data.decode(errors="replace")


class Terminal:
    """A process in a terminal of its own; ``data`` is all that it ever sent."""

    def __init__(self, process: int, leader: int) -> None:
        self.process = process
        self.leader = leader
        self.data = b""
        self._code: int | None = None

    def press(self, keys: str | bytes) -> None:
        """Type."""
        os.write(self.leader, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window's corner."""
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def listen(self, silence: float = 0.5, most: float = 20.0) -> Heard:
        """Until nothing came for ``silence`` seconds, or it went on for ``most``."""
        return self._hear(silence, most, lambda data: False)

    def until(self, text: str, most: float = 60.0, silence: float = 0.0) -> Heard:
        """Until ``text`` was sent, and then nothing for ``silence`` seconds.

        Raises:
            AssertionError: it never was.
        """
        sought = text.encode()
        heard = self._hear(most, most, lambda data: sought in data)
        assert sought in heard.data, f"{text!r} is not in {heard.text[-2000:]!r}"
        rest = self.listen(silence) if silence else Heard(b"", 0.0)
        return Heard(heard.data + rest.data, heard.seconds)

    def wait(self, most: float = 20.0) -> int:
        """The exit code, a signal's as a negative number.

        Raises:
            AssertionError: it has not ended.
        """
        deadline = time.monotonic() + most
        while time.monotonic() < deadline:
            if self.ended:
                self.listen(0.1)
                assert self._code is not None
                return self._code
            self._hear(0.05, 0.05, lambda data: False)
        raise AssertionError(f"it goes on; it sent {self.data[-2000:]!r}")

    @property
    def ended(self) -> bool:
        """Whether the process has."""
        if self._code is None:
            pid, status = os.waitpid(self.process, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code is not None

    @property
    def settings(self) -> list[object]:
        """What ``stty`` shows."""
        return termios.tcgetattr(self.leader)

    @property
    def memory(self) -> int:
        """Bytes that the process holds."""
        with open(f"/proc/{self.process}/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.process, number)

    def close(self) -> None:
        """End the process, however it stands."""
        if not self.ended:
            self.signal(signal.SIGKILL)
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        with suppress(OSError):
            os.close(self.leader)

    def _hear(self, silence: float, most: float, enough: Callable[[bytes], bool]) -> Heard:
        began, first, data = time.perf_counter(), 0.0, b""
        while (left := began + most - time.perf_counter()) > 0:
            if not select.select([self.leader], [], [], min(silence, left))[0]:
                break
            try:
                part = os.read(self.leader, 65536)
            except OSError:  # whoever wrote is gone
                part = b""
            first = first or time.perf_counter() - began
            data += part
            if enough(data):
                first = time.perf_counter() - began
                break
            if not part:
                break
        self.data += data
        return Heard(data, first)


def offered_the_tour(state: Path) -> None:
    """Screens that keep their state there are of somebody who knows them."""
    (state / "dgmtui").mkdir(parents=True, exist_ok=True)
    (state / "dgmtui" / "tour").write_text("declined\n")


@contextmanager
def terminal(
    command: Sequence[str], size: tuple[int, int] = (80, 24), environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """``command`` in a terminal of ``size`` columns and rows; ended on leaving.

    Sessions are kept where ``XDG_STATE_HOME`` says, else nowhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = {"XDG_STATE_HOME": os.environ.get("XDG_STATE_HOME", folder)}
        offered_the_tour(Path(folder))
        with _terminal(command, size, {**state, **(environment or {})}) as made:
            yield made


@contextmanager
def _terminal(command: Sequence[str], size: tuple[int, int], environment: Mapping[str, str]) -> Iterator[Terminal]:
    known = {"TERM": "xterm-256color", "COLUMNS": None, "LINES": None, "SSH_CONNECTION": None, "SSH_TTY": None}
    environ = {**os.environ, **known, **environment}
    kept = {name: value for name, value in environ.items() if value is not None}
    process, leader = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.execvpe(command[0], list(command), kept)
    made = Terminal(process, leader)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def screen(
    path: object,
    size: tuple[int, int] = (80, 24),
    *,
    commands: Sequence[str] = (),
    follow: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Terminal]:
    """The screen on a recording."""
    given = [argument for line in commands for argument in ("-c", line)]
    command = [sys.executable, "-c", SCREEN, str(path), *given, *(["--follow"] if follow else [])]
    with terminal(command, size, environment) as made:
        yield made
