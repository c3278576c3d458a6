"""The terminal that a training was started in: whether a screen can have it, and that it is left in order."""

import os
import shutil
import signal
import stat
import sys
import tempfile
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO, NamedTuple

STREAMS = ("input", "output", "error")
LEAVE_SCREEN = b"\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m\r\n"
"""What puts a terminal right in which a full-screen program was killed."""


class Streams(NamedTuple):
    """Descriptors of a terminal."""

    input: int
    output: int
    error: int

    def leave_screen(self) -> None:
        """Put right what a screen that was killed has left."""
        if in_foreground(self.input):
            with suppress(OSError):
                os.write(self.error, LEAVE_SCREEN)

    @property
    def takes_interrupts(self) -> bool:
        """Whether Ctrl+C is a signal there now; for a full-screen program it is a key."""
        with suppress(termios.error):
            return bool(termios.tcgetattr(self.input)[3] & termios.ISIG)
        return True


def no_terminal(say: Callable[[str], None]) -> str:
    """Why no screen can be opened here, in words; empty where one can.

    A training in the background of its shell is stopped until it is brought to the foreground, as any program is that
    wants the terminal.
    """
    lacking = [name for number, name in enumerate(STREAMS) if not _is_terminal(number)]
    unfit = f"standard {' and standard '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} no terminal"
    if len(lacking) == len(STREAMS):
        return unfit
    with _found(lacking) as streams:
        if streams is None:
            return unfit
        if in_foreground(streams.input):
            return ""
        say("the training waits to open the screen: bring it to the foreground (fg)")
        os.killpg(0, signal.SIGTTOU)  # stops it, unless there is no shell that could let it go on
        return "" if in_foreground(streams.input) else "it runs in the background of this terminal"


@contextmanager
def terminal_lent() -> Iterator[Streams]:
    """The terminal's streams, for a screen. What the training's threads print meanwhile follows when it is left; its
    settings are as before, however the screen ended."""
    lacking = [name for number, name in enumerate(STREAMS) if not _is_terminal(number)]
    with _found(lacking) as streams:
        if streams is None:
            raise OSError("there is no terminal any more")
        with _settings_kept(streams), _output_kept_back():
            yield streams


def in_foreground(terminal: int) -> bool:
    """Whether this process may have it; true where no shell governs it, as for the ranks of ``torchrun``."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return True


@contextmanager
def _found(lacking: Sequence[str]) -> Iterator[Streams | None]:
    """The standard streams where they are all a terminal, else the one that governs this process."""
    with ExitStack() as stack:
        try:
            if lacking:
                whole = os.open("/dev/tty", os.O_RDWR)
                stack.callback(os.close, whole)
                streams = Streams(whole, whole, whole)
            else:
                copies = [os.dup(number) for number in range(len(STREAMS))]
                for copy in copies:
                    stack.callback(os.close, copy)
                streams = Streams(*copies)
        except OSError:
            yield None
            return
        yield streams


@contextmanager
def _settings_kept(streams: Streams) -> Iterator[None]:
    try:
        before = termios.tcgetattr(streams.input)
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        if in_foreground(streams.input):  # else the shell has it, and the training would be stopped
            with suppress(termios.error):
                termios.tcsetattr(streams.input, termios.TCSADRAIN, before)


@contextmanager
def _output_kept_back() -> Iterator[None]:
    with ExitStack() as stack:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            if not _is_file(number):
                with suppress(OSError):  # it was closed, or there is no room: then it is not kept back
                    stack.enter_context(_kept_back(number, stream))
        yield


@contextmanager
def _kept_back(number: int, stream: object) -> Iterator[None]:
    _flush(stream)
    with tempfile.TemporaryFile() as file, os.fdopen(os.dup(number), "wb", buffering=0) as true:
        os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            _flush(stream)
            os.dup2(true.fileno(), number)
            _hand_over(file, true)


def _hand_over(file: BinaryIO, true: BinaryIO) -> None:
    file.seek(0)
    with suppress(OSError):  # nobody reads it any more
        shutil.copyfileobj(file, true)


def _flush(stream: object) -> None:
    with suppress(Exception):
        stream.flush()  # type: ignore[attr-defined]


def _is_file(number: int) -> bool:
    with suppress(OSError):
        return stat.S_ISREG(os.fstat(number).st_mode)
    return False


def _is_terminal(number: int) -> bool:
    with suppress(OSError):
        return os.isatty(number)
    return False
