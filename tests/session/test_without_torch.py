"""A machine for looking only, on which PyTorch is not installed."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

VAE = Path(__file__).parents[2] / "recordings" / "vae.h5"
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from dgmtui.cli import main
sys.exit(main())
"""


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_the_recording_alone_tells_is_told_and_that_it_is_that() -> None:
    done = run(str(VAE), "--batch", "-c", "findings", "-c", "dynamics", "-c", "explain")
    assert (done.returncode, done.stderr) == (0, "")
    assert "PyTorch is not installed here: nothing was replayed" in done.stdout
    assert "nonfinite" in done.stdout and "2,578" in done.stdout


@pytest.mark.parametrize("command", ["replay", "credit", "clusters", "print xv", "set input[0][1] = 2"])
def test_what_needs_a_replay_says_what_to_do(command: str) -> None:
    done = run(str(VAE), "--batch", "--json", "-c", command)
    assert done.returncode == 2
    assert "`pip install torch`" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("form", [("record", "train.py"), ("demo",)])
def test_training_needs_it(form: tuple[str, ...]) -> None:
    done = run(*form)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dgmtui: this needs PyTorch") and len(done.stderr.splitlines()) == 1


def test_installing_it_leaves_a_torch_that_is_there_as_it_is() -> None:
    needed = [line for line in importlib.metadata.requires("dgmtui") or [] if "extra ==" not in line]
    assert needed and not [line for line in needed if line.startswith("torch")]
