"""The tasks of the README, each from a shell's prompt to the answer, with the keys that it took."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from tests.terminal import TmuxTerminal

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| ((?:`[^`]+` ?)+|–) \| (\d+) \|", re.MULTILINE)
ANSWERS = {
    "my loss is NaN": ("aten.exp", "xv[16]", "sample 15", "vae.py:32", "Try:"),
    "which units put it there": ("credit for xv[16] of sample 15 = 93.55, then exp = inf", "enc.0"),
    "which image, which weight": ("input:argument0", "param:xv.weight[16]"),
    "would the fix have held": ("edited (1 edit)", "loss 182.515", "holds"),
    "my loss is stuck": ("dead_units", "relu2", "since iteration 20", "Try: They died while training"),
    "my GAN collapsed": ("mode_collapse", "`G` has collapsed", "Try:"),
    "which rank": ("rank 1", "aten.exp", "sample 3"),
    "in CI": ("nonfinite", "code 1"),
}
"""What is on the screen at the end."""
SHELL_ONLY = "in CI"
RECORD_FIRST = ("my GAN collapsed", "which rank")
"""These train, for ten seconds and more: at one size only."""
SIZES = ((80, 24), (200, 60))


@dataclass(frozen=True)
class Task:
    """One row of the README's table."""

    name: str
    line: str
    keys: tuple[str, ...]
    count: int


def tasks() -> Iterator[Task]:
    for name, line, keys, count in ROW.findall((ROOT / "README.md").read_text(encoding="utf-8")):
        if name in ANSWERS:
            yield Task(name, line, tuple(re.findall(r"`([^`]+)`", keys)), int(count))


TASKS = tuple(tasks())
CASES = [
    pytest.param(size, task, id=f"{task.name}-{size[0]}x{size[1]}")
    for task in TASKS
    for size in SIZES
    if size == SIZES[0] or task.name not in RECORD_FIRST
]


def test_the_readme_has_every_task_and_a_nan_takes_at_most_five_keys() -> None:
    assert {task.name for task in TASKS} == set(ANSWERS)
    assert next(task.count for task in TASKS if task.name == "my loss is NaN") <= 5


@pytest.mark.parametrize(("terminal", "task"), CASES, indirect=["terminal"])
def test_a_task_takes_the_keys_that_the_readme_says(terminal: TmuxTerminal, task: Task, tmp_path: Path) -> None:
    for folder in ("recordings", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    terminal.shell(task.line)
    if task.name != SHELL_ONLY:
        terminal.until("(dgm)", "network")
    for key in task.keys:
        terminal.press(key) if len(key) == 1 or key == "Enter" else terminal.type(key)
    shown = terminal.until(*ANSWERS[task.name])
    assert "Traceback" not in shown
    assert terminal.keys == task.count


def test_the_readme_tells_every_key() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("| key | does |")[1].split("\n\n")[0]
    told = {key.replace("\\|", "|") for key in re.findall(r"`([^` ]+)`", table)}
    shown = {"right": "→", "left": "←", "full_stop": ".", "comma": ",", "backspace": "⌫", "f1": "F1", "enter": "Enter"}
    digits = set("2345678")
    assert {shown.get(key, key) for key in REGISTRY.keys} - digits <= told
