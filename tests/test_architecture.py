"""What may be imported where, seen at run time: import-linter reads the source, this looks at ``sys.modules``."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "textual", "sklearn", "plotext")
WITHOUT = {
    "dgmtui": (*HEAVY, "h5py"),
    "dgmtui.cli": HEAVY,
    "dgmtui.errors": (*HEAVY, "h5py", "numpy"),
    "dgmtui.recording": HEAVY,
    "dgmtui.sampling": HEAVY,
    "dgmtui.trace.graph": HEAVY,
    "dgmtui.findings": HEAVY,
    "dgmtui.session": HEAVY,
    "dgmtui.commands": HEAVY,
    "dgmtui.tui.app": ("torch", "sklearn"),
}


@pytest.mark.parametrize("module", WITHOUT)
def test_importing_loads_nothing_heavy(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert sorted(set(WITHOUT[module]) & set(loaded)) == []


def test_top_level_holds_what_the_readme_names() -> None:
    root = Path(__file__).parent.parent
    listed = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    visible = {path.split("/")[0] for path in listed if not path.startswith(".")}
    assert visible <= {
        "dgmtui",
        "tests",
        "recordings",
        "pyproject.toml",
        "README.md",
        "Makefile",
        "LICENSE",
        "CHANGELOG.md",
    }
