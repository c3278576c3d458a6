"""Recordings of the demos, and what dgmtui says of them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits

ROOT = Path(__file__).parents[2]


def dgmtui(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "dgmtui", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.fixture(scope="session")
def findings() -> Callable[[Path], list[dict[str, Any]]]:
    """The answer of ``--batch --json -c findings``."""

    def ask(path: Path) -> list[dict[str, Any]]:
        done = dgmtui(path, "--batch", "--json", "-c", "findings")
        assert done.returncode == 0, done.stderr
        answer: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
        return answer

    return ask


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``recorded("dgmtui.demos.vae", every=25)``: a recording made now."""

    def record(module: str, every: int) -> Path:
        path = tmp_path_factory.mktemp("demo") / "demo.h5"
        dgmtui("record", "--every", str(every), "-o", path, "-m", module)
        return path

    return record


@pytest.fixture(scope="session")
def image_number() -> Callable[[list[float]], int]:
    """The number of the one image among the digits that has these pixels."""
    images = torch.tensor(load_digits().data, dtype=torch.float32)

    def find(pixels: list[float]) -> int:
        (number,) = (images == torch.tensor(pixels)).all(1).nonzero().flatten().tolist()
        return int(number)

    return find
