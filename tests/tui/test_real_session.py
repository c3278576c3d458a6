"""The screen on a recording, with the commands that ship."""

import subprocess
import sys
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.keymap import key_name
from dgmtui.recording import open_recording
from dgmtui.session.session import Session
from dgmtui.tui.app import DgmtuiApp
from dgmtui.tui.keys import bindings, footer, key_table
from dgmtui.tui.widgets.status import keys_row
from tests.terminal import terminal
from tests.tui.seen import text_of, until
from tests.waiting import wait_until

SHIPPED = Path(__file__).parents[2] / "recordings"


async def test_from_opening_to_the_cause(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            assert "small.h5 · 31 iterations · 3 snapshots" in text_of(app)
            await pilot.press("n")
            await until(app, pilot, "iteration 30  ✗ forward")
            await until(app, pilot, "aten.exp")
            await pilot.press("c")
            await until(app, pilot, "enc[1] of sample 2 = 160.2")
            assert "went to: inputs 160" in text_of(app)
            await pilot.press("t")
            await until(app, pilot, "✗    2  aten.exp")
            await pilot.press("f")
            await until(app, pilot, "[output]")


async def test_the_cause_is_shown_at_80_by_24_without_asking_for_it() -> None:
    with open_recording(SHIPPED / "vae.h5") as recording:
        session = Session(recording)
        session.start()
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(80, 24)) as pilot:
            assert "not replayed" in text_of(app)
            await until(app, pilot, "xv activation, mean")
            shown = text_of(app)
            assert "▶16" in shown and "not replayed" not in shown and "aten.exp" in shown
            await pilot.press("n")
            await until(app, pilot, "iteration 2,578  ✗ forward")
            await until(app, pilot, "(dgm) iteration 2,578 · forward · xv[16]@15")
            await pilot.press("c")
            await until(app, pilot, "credit for xv[16] of sample 15 = 93.55, then exp = inf")
            assert "no backward part: gradients are not finite; `goto 2048`, `credit xv[16]`" in text_of(app)
            contributors = [line.split()[-5:-3] for line in text_of(app).splitlines() if "% " in line and "█" in line]
            assert len({tuple(row) for row in contributors}) == len(contributors) >= 3


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_draw_is_told_so(small_recording: Path, term: str) -> None:
    code, said = run_screen(small_recording, TERM=term)
    assert code == 2 and "--batch" in said and "\x1b" not in said


def test_every_declared_key_is_bound_and_explained() -> None:
    bound = {key for binding in bindings(REGISTRY) for key in binding.key.split(",")}
    assert {key_name(key) for key in REGISTRY.keys} <= bound
    lines = {text for _, text in key_table(REGISTRY)}
    assert {line.strip() for key, (line, _) in REGISTRY.keys.items() if key not in ("f1",)} <= lines
    assert footer(REGISTRY)[-1] == ("?", "help")


def run_screen(path: Path, **environment: str) -> tuple[int, str]:
    """Exit code, and what the screen said, started in a terminal of its own."""
    code = "import sys; from dgmtui.tui import run; sys.exit(run(sys.argv[1]))"
    with terminal([sys.executable, "-c", code, str(path)], environment=environment) as shown:
        return shown.wait(), shown.data.decode()


def test_a_file_that_cannot_be_opened_is_one_sentence_and_code_3(tmp_path: Path) -> None:
    path = tmp_path / "notes.h5"
    path.write_text("no recording")
    code, said = run_screen(path)
    assert code == 3 and said.startswith("dgmtui: ") and len(said.strip().splitlines()) == 1 and "\x1b" not in said


def test_without_a_terminal_it_says_what_to_do(small_recording: Path) -> None:
    code = "import sys; from dgmtui.tui import run; sys.exit(run(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(small_recording)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dgmtui: the screen needs a terminal, and standard ")
    assert done.stderr.endswith("; use --batch to print text instead\n")


def test_garbage_is_collected_again_after_the_first_paint(small_recording: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = (
        "import gc, pathlib, sys, threading, time\n"
        "from dgmtui.tui import run\n"
        "def tell():\n"
        "    seen = [gc.isenabled()]\n"
        "    while not (False in seen and seen[-1]):\n"
        "        time.sleep(0.02)\n"
        "        seen.append(gc.isenabled())\n"
        f"    pathlib.Path({str(told)!r}).write_text(f'{{seen[-1]}}')\n"
        "threading.Thread(target=tell, daemon=True).start()\n"
        "run(sys.argv[1])\n"
    )
    with terminal([sys.executable, "-c", code, str(small_recording)]) as shown:
        wait_until(lambda: shown.listen(0.1, most=0.1) and told.exists() and told.read_text() == "True")


async def test_the_prompt_says_what_came_of_an_edit(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        app = DgmtuiApp(session, REGISTRY, first=session.view())
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press("n", "e", *"input[0][2] = 1", "enter")
            await until(app, pilot, "(dgm) iteration 30: edited (1 edit) · loss 323.337")
            assert "· holds" in text_of(app)
            await pilot.press("colon", *"undo", "enter")
            await until(app, pilot, "(dgm) iteration 30: replay")
            assert "· loss inf · first non-finite: node 2 exp" in text_of(app)
            await pilot.press("colon", *"replay --dtype float64", "enter")
            await until(app, pilot, "in float64 it is finite: 3.9e+69")
            assert "[output]" in text_of(app) and "float32" in text_of(app)


def test_the_keys_of_an_investigation_fit_into_80_columns() -> None:
    shown = "".join(text for text, _ in keys_row(footer(REGISTRY), 80))
    assert len(shown) <= 80
    for entry in ("n next ✗", "c credit", "r replay", "e edit", "x explain", "f findings", ": prompt", "? help"):
        assert entry in shown
