"""The contract of the command line: exit codes, one sentence an error, JSON lines, what is imported."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from dgmtui import __version__
from dgmtui.cli import main


def dgmtui(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "dgmtui", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def in_process(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(item) for item in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json_is_one_object_a_command(small_recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = in_process(
        capsys, small_recording, "-c", "first-nonfinite", "-c", "# a note", "-c", "where", "--json"
    )
    assert code == 0
    assert [json.loads(line)["command"] for line in out.splitlines()] == ["first-nonfinite", "where"]


def test_a_failing_command_is_told_and_the_next_one_runs(
    small_recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = in_process(
        capsys, small_recording, "--batch", "--json", "-c", "module nowhere", "-c", "fingings", "-c", "where"
    )
    objects = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [set(item) for item in objects[:2]] == [{"command", "error", "at"}] * 2
    assert [item["command"] for item in objects] == ["module", "fingings", "where"]
    assert "did you mean 'findings'" in objects[1]["error"]


def test_scripts_and_commands_run_in_the_order_given(
    small_recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "a.dgm"
    script.write_text("# begins\ngoto 3\nnonsense\ngoto 9\n")
    code, out, err = in_process(capsys, small_recording, "-x", script, "-c", "step", "--batch")
    assert code == 2
    assert f"{script}:3: no command 'nonsense'" in err and "1 command before it ran" in err
    assert err.splitlines()[1:] == ["  nonsense", "  ^^^^^^^^"]
    assert "iteration 4" in out
    code, out, _ = in_process(capsys, small_recording, "-c", "quit", "-c", "where", "--json")
    assert (code, [json.loads(line)["command"] for line in out.splitlines()]) == (0, ["quit"])


@pytest.mark.parametrize(("fails", "level", "code"), [(True, "error", 1), (False, "error", 0)])
def test_fail_on_sets_the_exit_code(
    make_recording: Callable[..., Path], capsys: pytest.CaptureFixture[str], fails: bool, level: str, code: int
) -> None:
    assert in_process(capsys, make_recording(fails=fails), "--fail-on", level)[0] == code


def test_a_pipe_implies_batch_where_commands_are_named(small_recording: Path) -> None:
    done = dgmtui(small_recording, "-c", "where")
    assert (done.returncode, done.stderr) == (0, "")
    assert "iteration 30" in done.stdout
    done = dgmtui(small_recording)
    assert done.returncode == 2
    assert "--batch" in done.stderr and "\n" not in done.stderr.strip()


def _truncated(folder: Path, small: Path) -> Path:
    path = folder / "truncated.h5"
    path.write_bytes(small.read_bytes()[:700])
    return path


def _not_hdf5(folder: Path, small: Path) -> Path:
    path = folder / "text.h5"
    path.write_text("loss,1.0\n")
    return path


def _not_ours(folder: Path, small: Path) -> Path:
    path = folder / "weights.h5"
    with h5py.File(path, "w") as file:
        file["weight"] = [1.0, 2.0]
    return path


def _newer(folder: Path, small: Path) -> Path:
    path = folder / "newer.h5"
    path.write_bytes(small.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99
    return path


def _missing(folder: Path, small: Path) -> Path:
    return folder / "nowhere.h5"


@pytest.mark.parametrize("bad", [_truncated, _not_hdf5, _not_ours, _newer, _missing])
def test_what_is_no_recording_is_said_in_one_sentence(
    bad: Callable[[Path, Path], Path], tmp_path: Path, small_recording: Path
) -> None:
    done = dgmtui(bad(tmp_path, small_recording), "-c", "where")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("dgmtui: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a recording"),
        (["--nonsense"], "REC"),
        (["record"], "SCRIPT"),
        (["record", "nowhere.py"], "there is no script nowhere.py"),
        (["record", "--every", "0", "x.py"], "a whole number from 1"),
        (["record", "--last", "-1", "x.py"], "a whole number from 0"),
        (["demo", "nothing"], "no demo 'nothing'"),
        (["check"], "REC"),
    ],
)
def test_bad_usage(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = dgmtui(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_script_that_is_not_there_is_said_before_anything_runs(small_recording: Path, tmp_path: Path) -> None:
    done = dgmtui(small_recording, "-c", "where", "-x", tmp_path / "nowhere.dgm", "--batch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "can't read the script" in done.stderr


def test_check_says_whole_killed_and_unreadable(
    small_recording: Path, make_recording: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert in_process(capsys, "check", small_recording)[0] == 0
    assert in_process(capsys, "check", make_recording(end=False))[0] == 0
    code, out, err = in_process(capsys, "check", _not_hdf5(tmp_path, small_recording))
    assert (code, out) == (3, "")
    assert err


def test_version_and_help() -> None:
    assert dgmtui("--version").stdout.strip() == f"dgmtui {__version__}"
    done = dgmtui("--help")
    assert done.returncode == 0
    assert "examples:" in done.stdout and "dgmtui record train.py" in done.stdout
    for form in ("record", "demo", "check"):
        assert dgmtui(form, "--help").returncode == 0


@pytest.mark.parametrize("form", ["--json", "--batch"])
def test_a_closed_pipe_is_no_error(small_recording: Path, form: str) -> None:
    line = f"set -o pipefail; {sys.executable} -m dgmtui {small_recording} {form} " + "-c help " * 200 + "| head -c 10"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 10, "")


@pytest.mark.parametrize(
    "code",
    [
        "import dgmtui.cli",
        "from dgmtui.cli import main; main([RECORDING, '--json', '-c', 'goto 16', '-c', 'where'])",
        "from dgmtui.cli import main; main([RECORDING, '--json', '-c', 'findings --quick', '-c', 'dynamics'])",
    ],
)
def test_looking_loads_neither_torch_nor_textual(code: str, small_recording: Path) -> None:
    heavy = 'print(sorted({"torch", "textual", "sklearn"} & set(sys.modules)), file=sys.stderr)'
    text = f"import sys; RECORDING = {str(small_recording)!r}; {code}; {heavy}"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch, small_recording: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dgmtui.commands.batch.run_batch", interrupted)
    assert main([str(small_recording), "--batch"]) == 130


def test_a_defect_is_a_traceback(monkeypatch: pytest.MonkeyPatch, small_recording: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("dgmtui.commands.batch.run_batch", broken)
    with pytest.raises(ZeroDivisionError):
        main([str(small_recording), "--batch"])


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_change_no_exit_code(small_recording: Path, closed: str) -> None:
    line = f'"{sys.executable}" -m dgmtui "{small_recording}" --batch -c where -c module {closed}'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr
