"""A shell in a real terminal: what is typed is counted, what is shown is read."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0
"""Seconds until what is waited for must be on the screen; other tests take the cores meanwhile."""
PROMPT = "ready$"


class Terminal:
    """One window of a tmux server of its own, with a shell in it."""

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
            if all(text in flat for text in texts):
                return shown
            missing = [text for text in texts if text not in flat]
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


ROOT = Path(__file__).parents[2]


@pytest.fixture
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed here")
    columns, rows = request.param
    made = Terminal(tmp_path, columns, rows)
    yield made
    made.close()
