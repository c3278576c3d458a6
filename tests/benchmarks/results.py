"""The page of results: a section an area, of which only those that were measured again are replaced."""

import os
import platform
import re
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from table import HEADINGS, BenchRow, cells

PAGE = Path(__file__).parent / "RESULTS.md"
_SECTION = re.compile(r"^## (\S+)\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_HEAD = """# Measured

Written by `python tests/benchmarks --write [AREA…]`. Each number stands beside its peer or floor, measured in the same
run; on another machine the ratios hold better than the numbers.

"""


def write(area: str, rows: Sequence[BenchRow], page: Path = PAGE) -> None:
    """Put the section of ``area`` into the page, in the place of the one that is there."""
    sections = {found[1]: found[0] for found in _SECTION.finditer(page.read_text("utf-8"))} if page.exists() else {}
    sections[area] = f"## {area}\n\n{_where()}\n\n{_table(rows)}\n"
    page.write_text(_HEAD + "\n".join(sections[name].rstrip() + "\n" for name in sorted(sections)), "utf-8")


def _where() -> str:
    day = time.strftime("%Y-%m-%d")
    return f"{day}, {os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, " + ", ".join(
        f"{name} {version(name)}" for name in ("torch", "textual", "h5py", "numpy")
    )


def _table(rows: Sequence[BenchRow]) -> str:
    lines = [HEADINGS, ["---"] * len(HEADINGS), *map(cells, rows)]
    return "\n".join("| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines)
