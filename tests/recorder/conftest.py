"""Training scripts as people write them, run alone and recorded."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "PYTHONPATH": os.environ.get("PYTHONPATH", "")
}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """A finished process."""

    code: int
    out: str
    err: str
    recording: Path


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ran]:
    """``run(source, *args, recorded=True, options=())``: write the script, run it in a process of its own."""

    def run_script(source: str, *args: str, recorded: bool = True, options: tuple[str, ...] = ()) -> Ran:
        script, recording = tmp_path / "train.py", tmp_path / "run.h5"
        script.write_text(source)
        how = ["-m", "dgmtui", "record", "-o", str(recording), *options] if recorded else []
        done = subprocess.run(
            [sys.executable, *how, str(script), *args],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr, recording)

    return run_script
