"""What may be imported where, seen at run time: import-linter reads the source, this looks at ``sys.modules``."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dgmtui

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


def test_nothing_is_unpickled_or_evaluated() -> None:
    """What comes from a file or another process is data."""
    for path in sorted(Path(dgmtui.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            names |= {node.module} if isinstance(node, ast.ImportFrom) else set()
            assert not names & {"pickle", "marshal", "shelve", "dill"}, path
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id == "eval"), path
