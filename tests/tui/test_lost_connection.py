"""The screen in a terminal that goes away: what was done is there when it is started again."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START = "import sys; from dgmtui.tui import run; sys.exit(run(sys.argv[1]))"
SECONDS = 90.0
REPAINT = b"\x0c"


class Terminal:
    """A screen of 24 × 80 on a recording, as text in the order in which it was sent."""

    def __init__(self, recording: Path) -> None:
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.environ.update({"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"})
            os.execv(sys.executable, [sys.executable, "-c", START, str(recording)])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def until(self, words: str) -> None:
        """Read until it has shown this. Of a line only what changes is sent, so after a while all is asked for."""
        seen, end = "", time.monotonic() + SECONDS
        while words not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen):
            if time.monotonic() > end:
                raise AssertionError(f"{words!r} was not shown; the end of what was: {seen[-2000:]!r}")
            if select.select([self.terminal], [], [], 2.0)[0]:
                seen += os.read(self.terminal, 65536).decode(errors="replace")
            else:
                os.write(self.terminal, REPAINT)

    def type(self, keys: str, then: str) -> None:
        """Press keys, and wait for what they show."""
        os.write(self.terminal, keys.encode())
        self.until(then)

    def ended(self) -> None:
        """Wait for the process."""
        end = time.monotonic() + SECONDS
        while os.waitpid(self.child, os.WNOHANG) == (0, 0):
            assert time.monotonic() < end, "it did not end"
            if select.select([self.terminal], [], [], 0.05)[0]:
                try:
                    os.read(self.terminal, 65536)
                except OSError:
                    continue


@pytest.fixture(params=[signal.SIGKILL, signal.SIGHUP])
def blow(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    yield request.param


def test_a_session_whose_process_was_ended_is_taken_up(
    small_recording: Path, tmp_path: Path, blow: signal.Signals
) -> None:
    first = Terminal(small_recording)
    first.until("iteration 30")
    first.type(":goto 16\r", "iteration 16")
    first.type(":module enc\r", "enc · activation")
    first.type(":unit 2\r", "[2]")
    os.kill(first.child, blow)
    first.ended()
    os.close(first.terminal)

    second = Terminal(small_recording)
    second.until("broke off after 3 commands; Ctrl+R")
    saved = tmp_path / "a.dgm"
    second.type("\x12", "taken up")
    second.type(f":save {saved}\r", "saved to")
    lines = [line for line in saved.read_text().splitlines()[1:] if not line.startswith("stand ")]
    assert lines == ["goto 16", "module enc", "unit 2"]
    second.type("q", "")
    second.ended()
    os.close(second.terminal)

    third = Terminal(small_recording)
    third.until("iteration 30")
    third.type(":resume\r", "nothing to take up")
    third.type("q", "")
    third.ended()
    os.close(third.terminal)
