"""The tour of somebody new, from a shell's prompt to the script that is saved, in a real terminal."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Terminal

ROOT = Path(__file__).parents[2]
WAY = (
    (("n",), "tour 2/8", "iteration 2,578 ✗ forward"),
    (("x",), "tour 3/8", "aten.exp", "Try:"),
    (("c",), "tour 4/8", "credit for xv[16] of sample 15", "enc.0 48"),
    (("C",), "tour 5/8", "features 22, 15, 14", "param:xv.weight[16]"),
    (("w",), "tour 6/8", "xv weight, norm", "▶16", "input[0][15] = input[0][3]"),
    (("e", "input[0][15] = input[0][3]", "Enter"), "tour 7/8", "loss 182.515 · holds"),
    (("f",), "tour 8/8", "dead_units", "save tour.dgm"),
    ((":", "save tour.dgm", "Enter"), "That was the tour", "8 commands saved"),
)
"""Of each step the keys that it asks for, and what is on the screen then."""
SMALL = pytest.mark.parametrize("terminal", [(80, 24)], indirect=True)


def press(terminal: "Terminal", keys: tuple[str, ...]) -> None:
    for key in keys:
        terminal.press(key) if len(key) == 1 or key in ("Enter", "Escape") else terminal.type(key)


@SMALL
def test_the_tour_leads_from_the_failing_value_to_a_script(terminal: "Terminal", tmp_path: Path) -> None:
    terminal.shell("export NO_COLOR=1")
    terminal.shell(f"dgmtui {ROOT / 'recordings' / 'vae.h5'}")
    terminal.until("New here? Press T", "no, thanks")
    press(terminal, ("T",))
    shown = terminal.until("tour 1/8", "Press n", "iteration 0")
    for keys, *seen in WAY:
        flat = " ".join(shown.split())
        assert all(f"Press {key}" in flat or key in flat or key == "Enter" for key in keys)
        press(terminal, keys)
        shown = terminal.until(*seen)
    press(terminal, ("q",))
    terminal.until("ready$")
    script = (tmp_path / "tour.dgm").read_text()
    assert "set input[0][15] = input[0][3]" in script
    assert "tour" not in [line.split()[0] for line in script.splitlines()]


@SMALL
def test_another_key_does_what_it_does_and_the_step_stays(terminal: "Terminal") -> None:
    terminal.shell(f"dgmtui {ROOT / 'recordings' / 'vae.h5'} -c tour")
    terminal.until("tour 1/8")
    press(terminal, ("l",))
    terminal.until("iteration 1 ", "tour 1/8")
    press(terminal, ("Escape",))
    terminal.until("`tour` takes it whenever")
    terminal.until_gone("tour 1/8")


@SMALL
def test_the_tour_is_offered_on_the_first_screen_only(terminal: "Terminal") -> None:
    line = f"dgmtui {ROOT / 'recordings' / 'cnn.h5'}"
    terminal.shell(f"{line} -c where")
    assert "New here" not in terminal.until("(dgm)", "iteration 599")
    press(terminal, ("q",))
    terminal.until("ready$")
    terminal.shell(line)
    terminal.until("New here? `dgmtui demo`")
    press(terminal, ("l",))
    terminal.until("this is the last iteration")
    terminal.until_gone("New here")
    press(terminal, ("q",))
    terminal.until("ready$")
    terminal.shell(line)
    assert "New here" not in terminal.until("(dgm)", "+4 consequences")
