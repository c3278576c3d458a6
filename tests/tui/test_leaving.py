"""However the screen ends, the terminal is as it was: its settings, its screen, its cursor; and it ends at once."""

import signal
import sys
from collections import deque
from pathlib import Path

import pytest

from dgmtui.tui.worker import taken
from tests.terminal import SCREEN, Terminal, screen, terminal

SHIPPED = Path(__file__).parents[2] / "recordings" / "vae.h5"
ENDLESS = "import time; from dgmtui.session.results import Results; Results._load = lambda *_: time.sleep(1e6); "
"""Before the screen: replays never end."""


def in_order(shown: Terminal, before: list[object]) -> bool:
    """Whether the terminal has its settings, its own screen and its cursor again."""
    text = shown.data.decode(errors="replace")
    off, on = text.rfind("\x1b[?1049l"), text.rfind("\x1b[?1049h")
    visible = text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")
    return shown.settings == before and off > on and visible and "Traceback" not in text


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, -1), (signal.SIGQUIT, -3), (signal.SIGKILL, -9)],
    ids=lambda value: str(value),
)
def test_a_signal_leaves_no_stuck_terminal(small_recording: Path, number: int, code: int) -> None:
    with screen(small_recording) as shown:
        before = shown.settings
        shown.until("small.h5", silence=0.3)
        assert shown.settings != before
        shown.signal(number)
        assert shown.wait() == code
        shown.listen(0.5)
        assert in_order(shown, before)


def test_q_does_not_wait_for_what_is_under_way() -> None:
    command = [sys.executable, "-c", ENDLESS + SCREEN, str(SHIPPED)]
    with terminal(command) as shown:
        before = shown.settings
        shown.until("vae.h5", silence=0.3)
        shown.press("rc")
        shown.wait_for("reading the snapshot")
        shown.press("q")
        assert shown.wait() == 0
        assert in_order(shown, before)


def test_the_window_is_closed(small_recording: Path) -> None:
    with screen(small_recording) as shown:
        shown.until("small.h5", silence=0.3)
        shown.hang_up()
        shown.wait()


def test_suspended_and_back_again(small_recording: Path) -> None:
    environment = {"PS1": "shell$ ", "HISTFILE": ""}
    with terminal(["bash", "--norc", "--noprofile", "-i"], environment=environment) as shell:
        shell.until("shell$ ")
        shell.press(f"{sys.executable} -c '{SCREEN}' {small_recording}\r")
        shell.until("31 iterations", silence=0.3)
        shell.press("\x1a")
        assert "\x1b[?1049l" in shell.until("shell$ ").text
        shell.press("echo still $((6 * 7))\r")
        shell.until("still 42", silence=0.1)
        shell.press("fg\r")
        heard = shell.until("31 iterations", silence=0.3).text
        assert "\x1b[?1049h" in heard and "\x1b[2J" in heard
        shell.press("q")
        assert "\x1b[?1049l" in shell.until("shell$ ").text
        shell.press("echo left with $?\r")
        shell.until("left with 0")


def test_a_key_held_down_is_one_long_step() -> None:
    pending = deque([("back", False), ("back", False), ("back 10", False), ("step", False), ("back", True)])
    assert taken(pending) == ("back 12", False)
    assert taken(pending) == ("step", False)
    assert taken(pending) == ("back", True)


def test_a_key_held_down_that_shows_something_shows_it_once() -> None:
    pending = deque([("explain", False)] * 3 + [("explain", True), ("pick next", False), ("pick next", False)])
    assert taken(pending) == ("explain", False)
    assert [taken(pending) for _ in range(3)] == [("explain", True), ("pick next", False), ("pick next", False)]


def test_of_modules_passed_by_only_the_last_is_looked_at() -> None:
    pending = deque([("module a", False), ("module b", False), ("next-nonfinite", False), ("module c", False)])
    assert [taken(pending)[0] for _ in range(3)] == ["module b", "next-nonfinite", "module c"]


def test_thousands_of_keys_end_where_they_lead_and_q_still_works(small_recording: Path) -> None:
    with screen(small_recording) as shown:
        before = shown.settings
        shown.until("small.h5", silence=0.3)
        for _ in range(100):
            shown.press("h" * 50)
            shown.listen(0.001, most=0.01)
        shown.until("first iteration", silence=0.5)
        memory = shown.memory
        for _ in range(100):
            shown.press("lh" * 25)
            shown.listen(0.001, most=0.01)
        shown.press("q")
        assert shown.wait() == 0, shown.data[-4000:].decode(errors="replace")
        assert in_order(shown, before)
        assert memory < 400 << 20


def test_a_screen_whose_terminal_is_gone_ends_though_no_signal_tells_it(small_recording: Path) -> None:
    with screen(small_recording, controlling=False) as shown:
        shown.until("small.h5")
        shown.hang_up()
        assert shown.wait() != 0
