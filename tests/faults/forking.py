"""A process that has loaded torch once and forks a child for each command line of ``dgmtui``."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LIMIT = 120
"""Seconds of computing after which a child is ended,"""
PATIENCE = 900
"""and seconds after which it is anyway: on a busy machine it may have to wait."""
LOADED = ("torch", "torch._dynamo", "sklearn.datasets", "dgmtui.cli", "dgmtui.recorder.launch", "dgmtui.commands.batch")
"""What a child finds in ``sys.modules``: what takes longest to import in a fresh process, none of which computes."""


@dataclass(frozen=True)
class Ran:
    """How a command line ended."""

    code: int
    """Its exit code; negative where a signal ended it."""
    out: str
    err: str


class ForkServer:
    """Runs command lines of the ``dgmtui`` that lies in ``root``, one at a time; loads with the first."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if "_server" in vars(self):
            self._server.communicate()

    @cached_property
    def _server(self) -> "subprocess.Popen[str]":
        path = os.pathsep.join(filter(None, (str(self._root), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": path}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen([sys.executable, __file__], **pipes, text=True, env=environment)

    @cached_property
    def threads(self) -> int:
        """Of the server: a child has only the one that forked, and would wait forever for what another holds."""
        return int(self._answer())

    def run(self, arguments: Sequence[str], folder: Path) -> Ran:
        """Run ``dgmtui ARGUMENTS`` in ``folder``, where its output is left in ``out`` and ``err`` too."""
        if self.threads > 1:
            raise RuntimeError(f"the fork server has {self.threads} threads: its children could hang")
        assert self._server.stdin is not None
        print(json.dumps({"arguments": list(arguments), "folder": str(folder)}), file=self._server.stdin, flush=True)
        code = int(self._answer())
        return Ran(code, *((folder / name).read_text(errors="replace") for name in ("out", "err")))

    def _answer(self) -> str:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line:
            raise RuntimeError(f"the fork server ended with code {self._server.wait()}")
        return line


ENVIRONMENT: Mapping[str, str] = {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
"""One thread an operation: pools of threads don't outlive a fork."""


def serve() -> int:
    """Load, say how many threads there are, and answer each line with an exit code; a child returns its own."""
    for name in LOADED:
        __import__(name)
    print(len(list(Path("/proc/self/task").iterdir())) if Path("/proc/self/task").exists() else 1, flush=True)
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            return _run(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return 0


def _run(job: Mapping[str, Any]) -> int:
    """As ``python -m dgmtui`` would from that folder."""
    from dgmtui.cli import main

    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    signal.alarm(PATIENCE)
    os.chdir(job["folder"])
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, name, flags in ((0, os.devnull, os.O_RDONLY), (1, "out", writing), (2, "err", writing)):
        os.dup2(os.open(name, flags, 0o644), descriptor)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = ["dgmtui", *job["arguments"]]
    sys.path[0] = job["folder"]
    return main(job["arguments"])


if __name__ == "__main__":
    sys.exit(serve())
