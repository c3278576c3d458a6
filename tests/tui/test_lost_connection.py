"""The screen in a terminal that goes away: what was done is there when it is started again."""

import signal
from pathlib import Path

import pytest

from tests.terminal import Terminal, screen


def type_and_see(terminal: Terminal, keys: str, then: str) -> None:
    terminal.press(keys)
    terminal.wait_for(then)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGHUP])
def test_a_session_whose_process_was_ended_is_taken_up(
    small_recording: Path, tmp_path: Path, blow: signal.Signals
) -> None:
    with screen(small_recording) as first:
        first.wait_for("iteration 30")
        type_and_see(first, ":goto 16\r", "iteration 16")
        type_and_see(first, ":module enc\r", "enc · activation")
        type_and_see(first, ":unit 2\r", "[2]")
        first.signal(blow)
        first.wait()

    with screen(small_recording) as second:
        second.wait_for("broke off after 3 commands; Ctrl+R")
        saved = tmp_path / "a.dgm"
        type_and_see(second, "\x12", "taken up")
        type_and_see(second, f":save {saved}\r", "saved to")
        lines = [line for line in saved.read_text().splitlines()[1:] if not line.startswith("stand ")]
        assert lines == ["goto 16", "module enc", "unit 2"]
        second.press("q")
        second.wait()

    with screen(small_recording) as third:
        third.wait_for("iteration 30")
        type_and_see(third, ":resume\r", "nothing to take up")
        third.press("q")
        third.wait()
