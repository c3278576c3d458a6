"""A training that opens the screen in its terminal: whatever the shell and signals do to both, neither is stuck."""

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from dgmtui.recording import open_recording
from dgmtui.recording.check import check
from tests.tui.held import RECORD, losses_alone, losses_told, shell

WAITS = "iteration 9 is not finite: the training waits"


def processes_of(directory: Path) -> list[int]:
    """Those that record there, the oldest first."""
    listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    return sorted(
        int(pid)
        for pid, command in lines
        if "dgmtui record" in command
        and Path(f"/proc/{pid}/cwd").exists()
        and Path(f"/proc/{pid}/cwd").readlink() == directory
    )


def test_ctrl_z_stops_the_training_too_and_fg_brings_both_back(tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(f"{RECORD} fails told")
        typed.wait_for(WAITS)
        typed.press("\x1a")
        typed.wait_for_prompt("Stopped")
        assert typed.is_in_order
        typed.run("bg; sleep 1; jobs")
        typed.wait_for("Stopped", on_screen=False)
        typed.run("fg")
        typed.wait_for(WAITS)
        typed.go_on()
        typed.wait_for_prompt("the script ended")
    assert losses_told(tmp_path) == losses_alone(tmp_path, "fails")


def test_a_training_in_the_background_waits_for_the_terminal(tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(f"{RECORD} fails told &")
        typed.wait_for("bring it to the foreground", on_screen=False)
        typed.press("\r")
        typed.wait_for("Stopped", on_screen=False)
        typed.run("fg")
        typed.wait_for(WAITS)
        typed.go_on()
        typed.wait_for_prompt("the script ended")
        assert typed.is_in_order
    assert losses_told(tmp_path) == losses_alone(tmp_path, "fails")


@pytest.mark.parametrize("redirected", ["| tee log", "> log 2>&1", "2> log", "< /dev/null"])
def test_where_one_stream_is_redirected_the_screen_opens_on_the_terminal(redirected: str, tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        before = typed.state()
        typed.run(f"{RECORD} fails told {redirected}; echo left $((40 + 2))")
        typed.wait_for(WAITS)
        typed.go_on()
        typed.wait_for_prompt("left 42")
        assert typed.is_in_order and typed.state() == before
    assert losses_told(tmp_path) == losses_alone(tmp_path, "fails")
    if ">" in redirected or "tee" in redirected:
        assert "\x1b[?1049h" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "how",
    ["nohup {} > log 2>&1", "setsid -w {} < /dev/null > log 2>&1", "bash -c '{} & wait' < /dev/null 2>&1 | cat > log"],
)
@pytest.mark.parametrize(("where", "code"), [("fails", 1), ("step", 0), ("shape", 1)])
def test_where_nobody_sits_nothing_waits(how: str, where: str, code: int, tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(how.format(f"{RECORD} {where} told") + "; echo code $?.")
        said = typed.wait_for_prompt("code ")
        assert "code 1." in said or "code 0." in said
        if "|" not in how and "wait" not in how:
            assert f"code {code}." in said
    text = (tmp_path / "log").read_text()
    assert "no terminal" in text
    ends = {"fails": "the training stops", "step": "the training goes on", "shape": "the exception ends the training"}
    assert text.count(ends[where]) == 1


@pytest.mark.parametrize(
    ("number", "codes"), [(signal.SIGTERM, (143,)), (signal.SIGHUP, (129,)), (signal.SIGINT, (130,))], ids=str
)
@pytest.mark.parametrize("where", ["fails", "step", "shape"])
def test_a_signal_to_the_training_ends_both_with_the_recording_whole(
    number: int, codes: tuple[int, ...], where: str, tmp_path: Path
) -> None:
    with shell(tmp_path) as typed:
        before = typed.state()
        typed.run(f"{RECORD} {where} told; echo code $?.")
        typed.wait_for("(q")
        os.kill(processes_of(tmp_path)[0], number)
        said = typed.wait_for_prompt("code ")
        assert any(f"code {code}." in said for code in ((1,) if where == "shape" else codes)), said
        assert typed.is_in_order and typed.state() == before
    assert check(tmp_path / "run.h5").whole
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.end is not None
        assert recording.end.reason == ("exception" if where == "shape" else "interrupted")
        if number != signal.SIGINT and where != "shape":
            assert signal.Signals(number).name in recording.end.message


def test_the_terminal_is_closed(tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(f"{RECORD} fails told")
        typed.wait_for(WAITS)
        (training, *_) = processes_of(tmp_path)
        os.close(typed.terminal.leader)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{training}").exists() and "Z" not in Path(f"/proc/{training}/stat").read_text().split():
            assert time.monotonic() < deadline, "it goes on without a terminal"
            time.sleep(0.1)
        typed.terminal.leader = os.open(os.devnull, os.O_RDONLY)
    assert check(tmp_path / "run.h5").whole
    with open_recording(tmp_path / "run.h5") as recording:
        assert recording.end is not None and recording.end.reason in ("interrupted", "nonfinite")


def test_what_threads_print_meanwhile_comes_when_the_screen_is_left(tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(f"{RECORD} prints told")
        typed.wait_for(WAITS)
        typed.terminal.listen(0.3, 2.0)
        typed.press("j")
        typed.terminal.listen(0.3, 2.0)
        assert "tick" not in typed.shown and "tock" not in typed.shown
        typed.press(":resume-training\r")
        said = typed.wait_for_prompt("the script ended")
        ticks = [int(word) for word in said.split("tick ")[1:] for word in [word.split()[0]]]
        assert "tock" in said and len(ticks) > 20 and ticks == list(range(ticks[0], ticks[0] + len(ticks)))


@pytest.mark.parametrize("where", ["workers", "elsewhere"])
def test_workers_wait_and_a_script_may_be_elsewhere(where: str, tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(f"{RECORD} {where} {shlex.quote(str(tmp_path / 'told'))}")
        typed.wait_for(WAITS)
        typed.terminal.resize(100, 30)
        typed.go_on()
        typed.wait_for_prompt("the script ended")
    assert losses_told(tmp_path) == losses_alone(tmp_path, "workers" if where == "workers" else "fails")


def test_set_trace_in_a_loop_opens_at_each_call_until_one_goes_on_for_good(tmp_path: Path) -> None:
    with shell(tmp_path) as typed:
        typed.run(f"{RECORD} loop told")
        for iteration in (3, 3, 4):
            typed.wait_for(f"after iteration {iteration}: the training waits")
            typed.go_on()
        typed.wait_for("after iteration 4: the training waits")
        typed.press(":resume-training --for-good\r")
        typed.wait_for_prompt("the script ended")
    assert losses_told(tmp_path) == losses_alone(tmp_path, "loop")


def test_what_is_tried_on_the_screen_is_tried_there_alone(tmp_path: Path) -> None:
    """An edit, replays, the step and the iterations that follow are the screen's; the training goes on as it was."""
    tried = (
        "goto 13", "replay", "set input[0][3] = input[0][1]", "replay", "optimizer-step", "undo", "optimizer-step",
        "goto 8", "train 1", "set param:0.weight *= 0.5", "replay", "credit loss",
    )  # fmt: skip
    with shell(tmp_path) as typed:
        options = " ".join(f"--snapshot {n}" for n in (8, 9, 10, 13))
        typed.run(f"{RECORD.replace(' -o ', f' {options} -o ')} step told")
        typed.wait_for("before the step of iteration 13")
        for line in tried:
            typed.press(f":{line}\r")
            typed.terminal.listen(2.0, 30.0)
        typed.press(":save tried.dgm\r")
        typed.terminal.listen(1.0, 10.0)
        typed.go_on()
        typed.wait_for_prompt("the script ended")
    assert (tmp_path / "tried.dgm").read_text().count("\n") >= 3
    assert losses_told(tmp_path) == losses_alone(tmp_path, "step")
