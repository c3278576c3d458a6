"""The training holds still while the screen is open in its terminal; what is answered there decides how it goes on."""

import os
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from dgmtui.recorder.ranks import rank_and_world

LEAVE_SCREEN = b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m\r\n"
"""What puts a terminal right in which a full-screen program was killed."""
PATIENCE = 2.0
"""Seconds in which the screen may end by itself once the training is asked to end."""


class Answer(StrEnum):
    """What the person at the screen wants of the training."""

    STOP = "stop"
    GO_ON = "go-on"
    GO_ON_FOR_GOOD = "go-on-for-good"
    """And the screen is not to open again."""
    NONE = ""
    """The screen ended otherwise."""


def no_terminal() -> str:
    """Why no screen can be opened here, in words; empty where one can."""
    rank, world = rank_and_world()
    if world > 1 and rank:
        return f"the screen opens in the terminal of rank 0 only, and this is rank {rank}"
    lacking = [name for number, name in enumerate(("input", "output", "error")) if not _is_terminal(number)]
    if not lacking:
        return ""
    return f"standard {' and standard '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} no terminal"


def hold(recording: Path, because: str, commands: Sequence[str], say: Callable[[str], None]) -> Answer:
    """Open the screen on a recording whose training waits, and wait for what is answered there.

    It is another process, as one that writes a recording can't read it too. Ctrl+C is the screen's meanwhile.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    read, write = os.pipe()
    lines = [word for line in commands for word in ("-c", line)]
    command = [sys.executable, "-m", "dgmtui", "--answer-to", str(write), "--because", because, *lines, str(recording)]
    try:
        with _terminal_kept(), _interrupts_left():
            try:
                screen = subprocess.Popen(command, pass_fds=(write,))
            except OSError as error:
                say(f"the screen could not be opened ({error})")
                return Answer.NONE
            finally:
                os.close(write)
            _wait(screen)
        with os.fdopen(read, "rb", closefd=False) as answers:
            return _answer_of(answers.read(64))
    finally:
        os.close(read)


def _answer_of(told: bytes) -> Answer:
    try:
        return Answer(told.decode().strip())
    except ValueError:
        return Answer.NONE


def _wait(screen: "subprocess.Popen[bytes]") -> None:
    """Until it has ended; where the training is asked to end meanwhile, so is the screen."""
    try:
        code = screen.wait()
    except BaseException:
        screen.terminate()
        with suppress(subprocess.TimeoutExpired):
            screen.wait(PATIENCE)
        screen.kill()
        screen.wait()
        _leave_screen()
        raise
    if code < 0:
        _leave_screen()


def _leave_screen() -> None:
    with suppress(OSError):
        os.write(2, LEAVE_SCREEN)


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """The terminal's settings are as before, however the screen ended."""
    try:
        before = termios.tcgetattr(0)
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextmanager
def _interrupts_left() -> Iterator[None]:
    """Ctrl+C does not reach the training; only the main thread can say so. A handler, as the screen would inherit that
    the signal is ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def _is_terminal(number: int) -> bool:
    with suppress(OSError):
        return os.isatty(number)
    return False
