"""Real terminals with dgmtui in them: keys are pressed, what is shown is waited for, what is sent is counted."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.waiting import PATIENCE

SCREEN = "import sys; from dgmtui.cli import main; sys.exit(main())"
"""What is run, with ``dgmtui``'s arguments."""
REPAINT = b"\x0c"
REPAINT_SECONDS = 2.0
"""How long nothing comes before all of the screen is asked for."""
ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=]*[a-zA-Z]|[()][A-Z0-9]|[=>]|\][^\x07\x1b]*(\x07|\x1b\\))")
PROMPT = "ready$"
ROOT = Path(__file__).parents[1]


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
    """A process in a pseudo-terminal; ``data`` is all that it ever sent."""

    def __init__(self, process: subprocess.Popen[bytes], leader: int) -> None:
        self.process = process
        self.leader = leader
        self.data = b""
        self._pressed_at = 0
        """How much had come when keys were last pressed."""

    def press(self, keys: str | bytes) -> None:
        """Type."""
        self._pressed_at = len(self.data)
        os.write(self.leader, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window's corner."""
        termios.tcsetwinsize(self.leader, (rows, columns))

    def listen(self, silence: float = 0.5, most: float = 20.0) -> Heard:
        """Until nothing came for ``silence`` seconds, or it went on for ``most``."""
        return self._hear(silence, most, lambda data: False)

    def until(self, text: str, most: float = PATIENCE, silence: float = 0.0) -> Heard:
        """Until ``text`` was sent from now on, escape sequences included, and then nothing for ``silence`` seconds.

        Raises:
            AssertionError: it never was.
        """
        sought = text.encode()
        heard = self._hear(most, most, lambda data: sought in data)
        assert sought in heard.data, f"{text!r} is not in {heard.text[-2000:]!r}"
        rest = self.listen(silence) if silence else Heard(b"", 0.0)
        return Heard(heard.data + rest.data, heard.seconds)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until ``text`` was shown so often since keys were last pressed.

        Of a line only what changes is sent, so when nothing more comes all of the screen is asked for.

        Raises:
            AssertionError: it never was, or the process has ended.
        """
        deadline, goes_on = time.monotonic() + PATIENCE, True
        while self._shown().count(text) < times:
            assert time.monotonic() < deadline and goes_on, f"{text!r} is not in {self._shown()[-3000:]!r}"
            if not self._hear(REPAINT_SECONDS, REPAINT_SECONDS, bool).data:
                goes_on = not self.ended
                os.write(self.leader, REPAINT)

    def wait(self, most: float = PATIENCE) -> int:
        """The exit code, a signal's as a negative number.

        Raises:
            AssertionError: it has not ended.
        """
        deadline = time.monotonic() + most
        while not self.ended:
            assert time.monotonic() < deadline, f"it goes on; it sent {self.data[-2000:]!r}"
            if not self._hear(0.05, 0.05, bool).data:
                time.sleep(0.02)
        self.listen(0.1)
        return self.process.returncode

    @property
    def ended(self) -> bool:
        """Whether the process has."""
        return self.process.poll() is not None

    @property
    def settings(self) -> list[object]:
        """What ``stty`` shows."""
        return termios.tcgetattr(self.leader)

    @property
    def memory(self) -> int:
        """Bytes that the process holds."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the window under it."""
        os.close(self.leader)
        self.leader = os.open(os.devnull, os.O_RDWR)

    def close(self) -> None:
        """End the process, however it stands."""
        self.process.kill()
        self.process.wait()
        with suppress(OSError):
            os.close(self.leader)

    def _shown(self) -> str:
        return ESCAPES.sub(b"", self.data[self._pressed_at :]).decode(errors="replace")

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
    command: Sequence[str],
    size: tuple[int, int] = (80, 24),
    environment: Mapping[str, str | None] | None = None,
    *,
    directory: Path | None = None,
    controlling: bool = True,
) -> Iterator[Terminal]:
    """``command`` in a terminal of ``size`` columns and rows; ended on leaving.

    Sessions are kept where ``XDG_STATE_HOME`` says, else nowhere.

    Args:
        environment: beside that of this process; None takes a variable away.
        controlling: it leads a session of its own, and the terminal is its controlling one, as under a terminal
            emulator. Else it has only its standard streams there, as what a shell started has when the shell is gone.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = {"XDG_STATE_HOME": os.environ.get("XDG_STATE_HOME", folder)}
        offered_the_tour(Path(folder))
        made = _started(command, size, {**state, **(environment or {})}, directory, controlling)
        try:
            yield made
        finally:
            made.close()


def _started(
    command: Sequence[str],
    size: tuple[int, int],
    environment: Mapping[str, str | None],
    directory: Path | None,
    controlling: bool,
) -> Terminal:
    known = {"TERM": "xterm-256color", "COLUMNS": None, "LINES": None, "SSH_CONNECTION": None, "SSH_TTY": None}
    environ = {**os.environ, **known, **environment}
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (size[1], size[0]))
    process = subprocess.Popen(
        list(command), stdin=follower, stdout=follower, stderr=follower, cwd=directory,
        env={name: value for name, value in environ.items() if value is not None},
        preexec_fn=partial(os.login_tty, 0) if controlling else None,
    )  # fmt: skip
    os.close(follower)
    return Terminal(process, leader)


@contextmanager
def screen(
    path: object,
    size: tuple[int, int] = (80, 24),
    *,
    commands: Sequence[str] = (),
    follow: bool = False,
    environment: Mapping[str, str | None] | None = None,
    controlling: bool = True,
) -> Iterator[Terminal]:
    """The screen on a recording."""
    given = [argument for line in commands for argument in ("-c", line)]
    command = [sys.executable, "-c", SCREEN, str(path), *given, *(["--follow"] if follow else [])]
    with terminal(command, size, environment, controlling=controlling) as made:
        yield made


class TmuxTerminal:
    """One window of a tmux server of its own, with a shell in it: what a person sees can be asked for at any time."""

    def __init__(self, folder: Path, columns: int, rows: int) -> None:
        self._server = ["tmux", "-S", str(folder / "tmux"), "-f", os.devnull]
        environment = {
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "LANG": "C.UTF-8",
            "TEXTUAL_ANIMATIONS": "none",
        }
        given = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        start = folder / "shell"
        start.write_text(f"PS1='{PROMPT} '\nPATH='{Path(sys.executable).parent}:{os.environ['PATH']}'\n")
        size = ["-x", str(columns), "-y", str(rows)]
        self._tmux("new-session", "-d", "-s", "shell", *size, "-c", str(folder), *given, f"exec bash --rcfile {start}")
        self.keys = 0
        """Pressed since the last line was given to the shell."""
        self.until(PROMPT)

    @staticmethod
    def is_installed() -> bool:
        """Whether there is a tmux to run."""
        return shutil.which("tmux") is not None

    def shell(self, line: str) -> None:
        """Type a line at the shell's prompt, and Enter."""
        self._tmux("send-keys", "-t", "shell", "-l", line)
        self._tmux("send-keys", "-t", "shell", "Enter")
        self.keys = 0

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names of them; each counts."""
        for key in keys:
            self._tmux("send-keys", "-t", "shell", key)
            self.keys += 1

    def type(self, text: str) -> None:
        """Type characters; each counts."""
        self._tmux("send-keys", "-t", "shell", "-l", text)
        self.keys += len(text)

    def until(self, *texts: str) -> str:
        """Wait until all of these are shown, line breaks and pane borders aside, and return the screen."""
        deadline = time.monotonic() + PATIENCE
        while True:
            shown = self.screen()
            flat = " ".join(shown.split())
            missing = [text for text in texts if text not in flat]
            if not missing:
                return shown
            assert time.monotonic() < deadline, f"{missing} not in\n{shown}"
            time.sleep(0.05)

    def until_gone(self, text: str) -> None:
        """Wait until this is not shown any more; a screen may be read while it is painted."""
        deadline = time.monotonic() + PATIENCE
        while text in " ".join(self.screen().split()):
            assert time.monotonic() < deadline, f"{text} still in\n{self.screen()}"
            time.sleep(0.05)

    def screen(self) -> str:
        """What is shown."""
        return self._tmux("capture-pane", "-p", "-t", "shell")

    def close(self) -> None:
        """End the shell and all that runs in it."""
        subprocess.run([*self._server, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run([*self._server, *arguments], capture_output=True, text=True, check=True)
        return done.stdout
