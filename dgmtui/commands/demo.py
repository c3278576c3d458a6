"""The demos: record one of the shipped trainings, and what to ask of it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dgmtui.demos import DEMOS
from dgmtui.errors import DgmtuiError, ExitCode, UsageError
from dgmtui.recording.reader import open_recording

FAILED = (
    "first-nonfinite",
    "where",
    "findings",
    "credit nonfinite --top 10",
    "explain",
    "chain nonfinite",
    "replay",
)
SURVIVED = ("findings", "explain", "where", "replay")


@contextmanager
def recorded(name: str, output: Path | None) -> Iterator[Path]:
    """Record a demo in a process of its own, whose output goes to standard error.

    Args:
        output: where to keep the recording; None: it is gone afterwards.

    Raises:
        UsageError: there is no such demo.
    """
    if name not in DEMOS:
        raise UsageError(f"no demo {name!r}; there are {', '.join(DEMOS)}")
    demo = DEMOS[name]
    with tempfile.TemporaryDirectory(prefix="dgmtui-demo-") as folder:
        path = output or Path(folder) / f"{name}.h5"
        line = ["-m", "dgmtui", "record", "--every", str(demo.every), "-o", str(path), "-m", demo.module]
        code = subprocess.run([sys.executable, *line], stdout=sys.stderr, check=False).returncode
        if code not in (ExitCode.DONE, ExitCode.FINDING):
            raise DgmtuiError(f"the demo {name} ended with exit code {code}; its messages are above")
        if output is None:
            print(f"dgmtui: {path} is temporary; `dgmtui demo {name} -o {name}.h5` keeps one", file=sys.stderr)
        yield path


def investigation(path: Path) -> tuple[str, ...]:
    """The commands that explain a recording, ending with what matters most."""
    with open_recording(path) as recording:
        return FAILED if recording.first_nonfinite() is not None else SURVIVED
