"""Tiny and changing terminals, files that change under the tool, a wrong script: it stays up, and ``q`` works."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import Terminal, screen


def ends_well(shown: Terminal, before: list[object]) -> bool:
    shown.press("q")
    return shown.wait() == 0 and shown.settings == before and b"Traceback" not in shown.data


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (300, 3)], ids=["20x5", "1x1", "300x3"])
def test_a_tiny_terminal(small_recording: Path, size: tuple[int, int]) -> None:
    with screen(small_recording, size) as shown:
        before = shown.settings
        shown.until("\x1b[2J", silence=1.0)
        for key in ("n", "?", "\x1b", ":", "goto 3\r", "\x10", "\x1b"):
            shown.press(key)
            shown.listen(0.3, most=2.0)
        assert ends_well(shown, before)


def test_dragged_wildly_while_it_works(small_recording: Path) -> None:
    chance = random.Random(0)
    with screen(small_recording) as shown:
        before = shown.settings
        shown.until("31 iterations", silence=0.3)
        for _ in range(60):
            shown.resize(chance.choice([1, 5, 20, 80, 200, 300]), chance.choice([1, 3, 5, 24, 60]))
            shown.press(chance.choice("nhlt[]u"))
            shown.listen(0.02, most=0.02)
        shown.resize(80, 24)
        shown.listen(0.5, most=5.0)
        shown.press("\x0c")
        assert "small.h5" in shown.until("help").text
        assert ends_well(shown, before)


def deleted(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    shutil.copy(path, path.with_name("other"))
    path.with_name("other").replace(path)


def cut(path: Path) -> None:
    os.truncate(path, 3000)


def overwritten(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


@pytest.mark.parametrize(
    ("harm", "said"),
    [(deleted, "was deleted"), (replaced, "was replaced"), (cut, "cut short"), (overwritten, "written to")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_changes_under_the_tool(
    small_recording: Path, tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    path = tmp_path / "victim.h5"
    shutil.copy(small_recording, path)
    with screen(path) as shown:
        before = shown.settings
        shown.until("31 iterations", silence=0.3)
        harm(path)
        shown.press("h")
        shown.until(said)
        for key in ("[", "\x1b[A", "u", "c", "r"):
            shown.press(key)
            shown.listen(0.3, most=5.0)
        assert ends_well(shown, before)


def test_a_script_with_an_error_in_line_7(small_recording: Path, tmp_path: Path) -> None:
    script = tmp_path / "wrong.dgm"
    script.write_text("goto 1\n" * 6 + "gato 2\n")
    with screen(small_recording, (120, 30), commands=[f"source {script}"]) as shown:
        before = shown.settings
        heard = shown.until("gato", silence=0.3).text
        assert "wrong.dgm" in heard and "7" in heard
        assert ends_well(shown, before)
