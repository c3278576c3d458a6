"""Completion in the shell, asked for as a shell does."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dgmtui.cli.completion import SHELLS, command_names
from dgmtui.commands import REGISTRY
from dgmtui.demos import DEMOS

ROOT = Path(__file__).parents[2]
ASK = r"""
eval "$(dgmtui completion bash)"
complete -p dgmtui >/dev/null || exit 1
read -ra COMP_WORDS <<< "$LINE"
[[ $LINE == *' ' ]] && COMP_WORDS+=("")
COMP_LINE=$LINE COMP_POINT=${#LINE} COMP_TYPE=9 COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_python_argcomplete dgmtui "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\n' "${COMPREPLY[@]}"
"""
"""What bash does for Tab: the function that `complete` names, with the line in its variables."""
Ask = Callable[[str], list[str]]


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``dgmtui`` is this one."""
    script = tmp_path / "bin" / "dgmtui"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom dgmtui.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    path = os.pathsep.join((str(script.parent), os.environ["PATH"]))
    return os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}


@pytest.fixture
def ask(program: dict[str, str], tmp_path: Path) -> Ask:
    """Completions of a line in a folder with some files."""
    folder = tmp_path / "work"
    (folder / "runs").mkdir(parents=True)
    for name in ("a.h5", "b.h5", "train.py", "way.dgm", "notes.txt", "runs/c.h5"):
        (folder / name).write_text("")

    def asked(line: str) -> list[str]:
        environment = program | {"LINE": line}
        done = subprocess.run(["bash", "-c", ASK], cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [word.strip() for word in done.stdout.splitlines() if word.strip()]

    return asked


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dgmtui re", ["record"]),
        ("dgmtui --th", ["--threshold", "--theme"]),
        ("dgmtui --fail-on ", ["error", "warning"]),
        ("dgmtui a.h5 ", ["a.h5", "b.h5", "runs/"]),
        ("dgmtui runs/", ["runs/c.h5"]),
        ("dgmtui a.h5 -x ", ["way.dgm", "runs/"]),
        ("dgmtui a.h5 -c next", ["next-nonfinite", "next-snapshot"]),
        ("dgmtui record ", ["train.py", "runs/"]),
        ("dgmtui record --on-nonfinite ", ["stop", "continue", "debug"]),
        ("dgmtui check b", ["b.h5"]),
        ("dgmtui demo ", list(DEMOS)),
        ("dgmtui completion ", list(SHELLS)),
    ],
)
def test_bash_completes(ask: Ask, line: str, expected: list[str]) -> None:
    assert ask(line) == expected


def test_the_first_word_is_a_recording_a_folder_or_a_form(ask: Ask) -> None:
    assert {"a.h5", "runs/", "record", "demo", "completion"} <= set(ask("dgmtui "))
    assert "notes.txt" not in ask("dgmtui ")


def test_all_commands_are_completed() -> None:
    assert sorted(command_names()) == sorted(command.name for command in REGISTRY.commands)


@pytest.mark.parametrize("line", ["dgmtui ", "dgmtui record --", "dgmtui a.h5 -c ", "dgmtui demo "])
def test_nothing_heavy_is_loaded_for_it(program: dict[str, str], line: str) -> None:
    code = "import os, sys\nos._exit = lambda code: print(*sys.modules)\nfrom dgmtui.cli import main\nmain([])\n"
    asked = {
        "_ARGCOMPLETE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_STDOUT_FILENAME": os.devnull,
    }
    done = subprocess.run([sys.executable, "-c", code], env=program | asked, capture_output=True, text=True)
    loaded = done.stdout.split()
    assert "argcomplete" in loaded
    assert not {"numpy", "h5py", "torch", "textual"} & set(loaded)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_reads_what_is_printed_for_it(program: dict[str, str], shell: str) -> None:
    made = subprocess.run(["dgmtui", "completion", shell], env=program, capture_output=True, text=True, check=True)
    assert "dgmtui" in made.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    subprocess.run([shell, "-n"], input=made.stdout, text=True, check=True)
