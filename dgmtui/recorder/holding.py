"""The training holds still while the screen is open in its terminal; what is answered there decides how it goes on."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from dgmtui.recorder.terminal import Streams, terminal_lent

PATIENCE = 2.0
"""Seconds in which the screen may end by itself once the training is asked to end."""
_ROOT = str(Path(__file__).parents[2])
_START = (
    "import sys; root = sys.argv.pop(1); root in sys.path or sys.path.insert(0, root); "
    "from dgmtui.cli import main; sys.exit(main())"
)
"""The screen's program: this very package, wherever the script has gone, and no module of the directory it is in."""


class Answer(StrEnum):
    """What the person at the screen wants of the training."""

    STOP = "stop"
    GO_ON = "go-on"
    GO_ON_FOR_GOOD = "go-on-for-good"
    """And the screen is not to open again."""
    NONE = ""
    """The screen ended otherwise."""


class _Ended(BaseException):
    """A signal that ends the process came while it held still."""

    def __init__(self, number: int) -> None:
        self.number = number


def hold(
    recording: Path, because: str, commands: Sequence[str], say: Callable[[str], None], *, ends: bool = False
) -> Answer:
    """Open the screen on a recording whose training waits, and wait for what is answered there.

    It is another process, as one that writes a recording can't read it too. Ctrl+C is the screen's meanwhile; where
    the training is otherwise asked to end, both end.

    Args:
        ends: there is nothing to be answered, the training ends.
    """
    lines = [word for line in commands for word in ("-c", line)]
    asked = ["--because", because, *(["--ends"] if ends else []), *lines, str(recording)]
    try:
        with _signals_heard() as heard:
            answer = _answered(asked, heard, say)
            heard.unless_answered(answer)
        return answer
    except _Ended as end:
        signal.signal(end.number, signal.SIG_DFL)
        os.kill(os.getpid(), end.number)
        raise


def _answered(asked: Sequence[str], heard: "_Heard", say: Callable[[str], None]) -> Answer:
    read, write = os.pipe()
    command = [sys.executable, "-P", "-c", _START, _ROOT, "--answer-to", str(write), *asked]
    try:
        try:
            with terminal_lent() as streams:
                heard.streams = streams
                screen = subprocess.Popen(
                    command, pass_fds=(write,), stdin=streams.input, stdout=streams.output, stderr=streams.error
                )
                _wait(screen, streams)
        except OSError as error:
            say(f"the screen could not be opened ({error})")
            return Answer.NONE
        finally:
            os.close(write)
        return _answer_of(read)
    finally:
        os.close(read)


def _answer_of(read: int) -> Answer:
    os.set_blocking(read, False)  # a process that was forked meanwhile may hold the other end
    try:
        return Answer(os.read(read, 64).decode().strip())
    except (BlockingIOError, ValueError):
        return Answer.NONE


def _wait(screen: "subprocess.Popen[bytes]", streams: Streams) -> None:
    """Until it has ended; where the training is asked to end meanwhile, so is the screen."""
    try:
        code = screen.wait()
    except BaseException:
        screen.terminate()
        with suppress(subprocess.TimeoutExpired):
            screen.wait(PATIENCE)
        screen.kill()
        screen.wait()
        streams.leave_screen()
        raise
    if code < 0:
        streams.leave_screen()


class _Heard:
    """What the training does about signals while it holds still."""

    def __init__(self) -> None:
        self.streams: Streams | None = None
        self._before = signal.getsignal(signal.SIGINT)
        self._interrupted = False

    def interrupt(self, number: int, frame: object) -> None:
        """The handler of SIGINT: from the keyboard it is the screen's, or that of a program that this one runs."""
        if self.streams is None or self.streams.takes_interrupts:
            self._interrupted = True
        else:
            self._pass_on(number, frame)

    def unless_answered(self, answer: Answer) -> None:
        """Ctrl+C that came before the screen was there was for the training too."""
        if self._interrupted and answer is Answer.NONE:
            self._pass_on(signal.SIGINT, None)

    def end(self, number: int, frame: object) -> NoReturn:
        """The handler of what would end the process at once, with the screen left open."""
        raise _Ended(number)

    def _pass_on(self, number: int, frame: object) -> None:
        if callable(self._before):
            self._before(number, frame)  # type: ignore[arg-type]
        elif self._before == signal.SIG_DFL:
            raise _Ended(number)


@contextmanager
def _signals_heard() -> Iterator[_Heard]:
    """Only the main thread can say so. Handlers, as the screen would inherit that a signal is ignored."""
    heard = _Heard()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    handlers = {signal.SIGINT: heard.interrupt}
    handlers |= {n: heard.end for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
