"""A training in a shell that has a terminal of its own, and what was shown there."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.terminal import Terminal, terminal

SCRIPT = """
import os, sys, threading, time
import torch
from torch import nn
torch.manual_seed(5)
where, out = sys.argv[1], open(sys.argv[2], "w", buffering=1)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(model.parameters(), 1e-3)
if where == "workers":
    rows = torch.utils.data.TensorDataset(torch.randn(30 * 16, 8))
    batches = iter(torch.utils.data.DataLoader(rows, 16, num_workers=2))
if where == "prints":
    def tell():
        for number in range(1000):
            print("tick", number, flush=True)
            os.write(2, b"tock\\n")
            time.sleep(0.02)
    threading.Thread(target=tell, daemon=True).start()
if where == "elsewhere":
    os.mkdir("sub")
    os.chdir("sub")
    open("random.py", "w").write("raise RuntimeError('the screen is not to load this')")
for i in range(30):
    x = next(batches)[0] if where == "workers" else torch.randn(16, 8)
    if where == "loop" and i > 3:
        breakpoint()
        breakpoint()
    hidden = model[1](model[0](x))
    made = model[2](hidden[:, :31] if where == "shape" and i == 13 else hidden)
    loss = torch.exp(made.abs()).mean()
    if where == "key" and i == 13:
        {}["label"]
    if i == 9 and where in ("fails", "prints", "workers", "elsewhere"):
        loss = loss * float("inf")
    optimizer.zero_grad()
    loss.backward()
    if where == "stepped" and i == 13:
        raise ValueError("before the step")
    for p in model.parameters():
        p.grad.nan_to_num_(0, 0, 0)
    if where == "step" and i == 13:
        breakpoint()
    optimizer.step()
    print(loss.item().hex(), file=out)
print("the", "script ended")
"""
RECORD = f"{sys.executable} -m dgmtui record --on-nonfinite debug --on-exception debug -o run.h5 train.py"
PROMPT = "shell$ "
REPAINT = "\x0c"
LEFT = b"\x1b[?1049l"
"""Sent when a screen gives the terminal back."""
ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=$]*[a-zA-Z]|[()][A-Z0-9]|[=>]|\][^\x07\x1b]*(\x07|\x1b\\))")


class Shell:
    """``bash``, as one has it before one."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._since = 0

    @property
    def shown(self) -> str:
        """What was, since ``run``, without escape sequences."""
        return ESCAPES.sub(b"", self.terminal.data[self._since :]).decode(errors="replace")

    def run(self, line: str) -> None:
        """Type a command line."""
        self._since = len(self.terminal.data)
        self.terminal.press(f"{line}\r")

    def press(self, keys: str) -> None:
        """Type; what is waited for next was shown later."""
        self._since = len(self.terminal.data)
        self.terminal.press(keys)

    def wait_for(self, text: str, *, on_screen: bool = True, most: float = 60.0) -> str:
        """Until it was shown. Of a line only what changes is sent, so the screen is asked for all from time to time."""
        deadline, asked = time.monotonic() + most, time.monotonic()
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown[-3000:]
            if on_screen and time.monotonic() > asked + 3:
                self.terminal.press(REPAINT)
                asked = time.monotonic()
            self.terminal.listen(0.1, 0.5)
        return self.shown

    def wait_for_prompt(self, text: str = "", most: float = 60.0) -> str:
        """Until ``text`` was shown and the shell has the terminal again."""
        if text:
            self.wait_for(text, on_screen=False)
        deadline = time.monotonic() + most
        while not self.shown.rstrip().endswith(PROMPT.rstrip()):
            assert time.monotonic() < deadline, self.shown[-3000:]
            self.terminal.listen(0.1, 0.5)
        return self.shown

    def go_on(self) -> None:
        """Leave the screen, and let the training go on; what is waited for next was shown after that."""
        self.press(":resume-training\r")
        deadline = time.monotonic() + 60.0
        while (left := self.terminal.data.find(LEFT, self._since)) < 0:
            assert time.monotonic() < deadline, self.shown[-3000:]
            self.terminal.listen(0.1, 0.5)
        self._since = left

    def state(self) -> str:
        """The shell's terminal, as ``stty`` tells."""
        self.run("stty -a; echo done$((1 + 1))")
        told = self.wait_for_prompt("done2")
        return told[told.index("speed") : told.index("done2")]

    @property
    def is_in_order(self) -> bool:
        """Whether the terminal has its own screen and its cursor."""
        text = self.terminal.data.decode(errors="replace")
        own = text.rfind("\x1b[?1049l") > text.rfind("\x1b[?1049h")
        return own and text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")


@contextmanager
def shell(directory: Path) -> Iterator[Shell]:
    """A shell in ``directory``, where ``train.py`` is."""
    (directory / "train.py").write_text(SCRIPT)
    environment = {"PS1": PROMPT, "HISTFILE": "", "PYTHONBREAKPOINT": "dgmtui.set_trace"}
    with terminal(["bash", "--norc", "--noprofile", "-i"], environment=environment) as made:
        shown = Shell(made)
        shown.wait_for(PROMPT, on_screen=False)
        shown.run(f"cd {shlex.quote(str(directory))}")
        shown.wait_for_prompt("cd ")
        yield shown


def losses_alone(directory: Path, where: str) -> list[str]:
    """Those of the script that nobody records."""
    (directory / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONBREAKPOINT": "0"}
    command = [sys.executable, "train.py", where, "alone"]
    subprocess.run(command, cwd=directory, env=environment, check=False, capture_output=True)
    return (directory / "alone").read_text().split()


def losses_told(directory: Path) -> list[str]:
    """Those of the recorded script so far."""
    return (directory / "told").read_text().split()
