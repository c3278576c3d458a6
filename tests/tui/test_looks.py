"""Themes, the clipboard, moved keys and ASCII on the running screen."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App

from dgmtui.commands import REGISTRY
from dgmtui.commands.registry import Registry
from dgmtui.recording import open_recording
from dgmtui.render.themes import THEMES
from dgmtui.session.config import Config
from dgmtui.session.session import Session
from dgmtui.tui.help import help_rows
from dgmtui.tui.help_entries import entries_of
from tests.terminal import screen
from tests.tui.seen import Seen, opened


def colours(seen: Seen) -> set[Any]:
    strips = seen.app.screen._compositor.render_strips()
    return {part for strip in strips for s in strip if s.style for part in (s.style.color, s.style.bgcolor) if part}


def attributes(seen: Seen, text: str) -> Any:
    """The style of the segment that holds ``text``."""
    strips = seen.app.screen._compositor.render_strips()
    return next(s.style for strip in strips for s in strip if text in s.text)


async def test_a_fixed_theme_paints_every_cell(session: Any, registry: Registry) -> None:
    async with opened(session, registry, look="light") as seen:
        strips = seen.app.screen._compositor.render_strips()
        grounds = {s.style.bgcolor.number for strip in strips for s in strip if s.style}
        assert grounds == {THEMES["light"].ground}
        assert all(s.style is not None for strip in strips for s in strip)


async def test_without_colour_everything_is_told_by_glyphs_and_attributes(session: Any, registry: Registry) -> None:
    async with opened(session, registry, look="none") as seen:
        assert colours(seen) <= {c for c in colours(seen) if c.is_default}
        text = seen.text()
        tree = next(line for line in seen.lines() if "xv Linear" in line)
        assert "✗" in tree and "▲" in next(line for line in seen.lines() if "ReLU" in line), "health"
        assert attributes(seen, "xv Linear").reverse, "what is selected"
        assert "[contributions]" in text, "the open tab"
        assert "o63" in text and "!17" in text and "✗212" in text, "kinds of lines"
        assert "░" in text and "█" in text, "for and against"
        assert "✗ 1,317" in text and "▲ 512" in text, "how bad a finding is"
        await seen.press("t")
        born = next(line for line in seen.lines() if "aten.exp" in line)
        assert "✗ " in born, "where it was born"


async def test_ascii_is_all_that_is_sent(session: Any, registry: Registry) -> None:
    async with opened(session, registry, ascii_only=True) as seen:
        for key in ("t", "question_mark", "escape", "colon", "escape", "ctrl+p"):
            assert seen.text().isascii(), seen.text()
            await seen.press(key)
        assert seen.text().isascii(), seen.text()


async def test_the_config_moves_keys_on_the_screen(session: Any, registry: Registry) -> None:
    session.change(cursor=3, phase=None)
    registry.wanted_keys = Config(keys={"next-nonfinite": ("f8",), "screen.next_tab": ("T",)}).wanted()
    async with opened(session, registry) as seen:
        assert "f8 next" in seen.text() and "T tab" in seen.text()
        await seen.press("n", "t")
        assert session.history == [] and "[contributions]" in seen.text()
        await seen.press("T", "f8")
        await seen.until_shows("iteration 1,317  ✗ forward")
        assert "[operations]" in seen.text()


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_bell_can_be_silenced(session: Any, registry: Registry, wanted: bool, monkeypatch: Any) -> None:
    async with opened(session, registry, bell=wanted) as seen:
        rung: list[str] = []
        monkeypatch.setattr(App, "bell", lambda _: rung.append("rung"))  # headless, Textual's own does nothing
        seen.app.bell()
        assert bool(rung) is wanted


async def test_what_is_wrong_with_the_configuration_is_said_at_first(session: Any, registry: Registry) -> None:
    async with opened(session, registry, notice="config.toml: [screen] theme is one of …") as seen:
        await seen.until_shows("(dgm) config.toml: [screen] theme is one of …")


@pytest.fixture
def real(small_recording: Path) -> Iterator[Session]:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        session.start()
        yield session
    REGISTRY.wanted_keys = {}


async def test_a_theme_is_taken_while_the_screen_is_up(real: Session) -> None:
    async with opened(real, REGISTRY) as seen:
        await seen.type("theme high-contrast")
        await seen.until(lambda: seen.app.look.name == "high-contrast")
        await seen.until(lambda: {c.number for c in colours(seen)} >= {16, 231})
        assert {c.number for c in colours(seen)} <= {16, 231, 252, *THEMES["high-contrast"].colours.values()}
        await seen.type("theme none")
        await seen.until(lambda: not {c for c in colours(seen) if not c.is_default})
        await seen.until(lambda: real.ranks.complete)
        await seen.type("theme mauve")
        await seen.until_shows("theme: name takes auto, terminal")


async def test_y_copies_the_open_tab_to_the_terminals_clipboard(real: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(real, REGISTRY) as seen:
        await seen.until_shows("(dgm) iteration 30")
        await seen.press("y")
        await seen.until_shows("there is nothing in contributions yet; `credit` fills it")
        await seen.press("c")
        await seen.until_shows("[contributions]")
        await seen.until(lambda: real.view().credit is not None)
        sent: list[str] = []
        assert seen.app._driver is not None
        monkeypatch.setattr(seen.app._driver, "write", sent.append)
        await seen.press("y")
        await seen.until_shows("contributions copied as text")
        sequence = next(text for text in sent if text.startswith("\x1b]52;c;"))
        copied = base64.b64decode(sequence.removeprefix("\x1b]52;c;").rstrip("\a")).decode()
        assert copied.startswith("credit") and "160.2" in copied and "\x1b" not in copied
        await seen.type("copy tree --as csv")
        await seen.until_shows("tree copied as csv: 3 lines")


async def test_the_screen_is_exported_as_it_stands(real: Session, tmp_path: Path) -> None:
    async with opened(real, REGISTRY) as seen:
        await seen.type(f"export {tmp_path / 's.svg'} --of screen")
        await seen.until_shows("screen written to")
        assert "small.h5" in (tmp_path / "s.svg").read_text().replace("&#160;", " ")


async def test_the_help_has_every_command_with_its_options_and_narrows(session: Any) -> None:
    async with opened(session, REGISTRY) as seen:
        rows = help_rows(entries_of(REGISTRY), 200)
        everything = "".join("".join("".join(text for text, _ in row).split()) for row in rows)
        for command in REGISTRY.commands:
            for parameter in command.parameters:
                assert "".join(parameter.usage().split()) in everything, f"{command.name} {parameter.name}"
        await seen.press("question_mark")
        await seen.until_shows("/ finds")
        await seen.press("slash", *"clipboard")
        await seen.until_shows("copy [answer|")
        assert "credit" not in seen.text() and "/clipboard" in seen.text()
        await seen.press("q", "j")
        await seen.until_shows("nothing holds that")
        await seen.press("backspace", "backspace", "enter", "escape")
        await seen.until_shows("/ finds")
        await seen.press("G", "slash", *"next")
        await seen.until_shows("next-nonfinite")
        await seen.press("escape", "escape")
        await seen.until_shows("(dgm)")


def test_the_help_tells_of_keys_once_a_command_and_to_the_end() -> None:
    keys = [entry for entry in entries_of(REGISTRY) if entry.is_key]
    told = " ".join("".join(text for text, _ in row).strip() for row in help_rows(keys, 60)).split()
    assert " ".join(told).count("Look closer at the dynamics") == 1
    for entry in keys:
        assert entry.text in " ".join(told), entry.head
    zoom = next(entry for entry in keys if entry.head == "z Z < >")
    assert zoom.text.endswith("z in · Z out · < left · > right")


def in_terminal(path: Path, keys: str, **environment: str) -> tuple[int, bytes]:
    """Exit code, and all that the screen sent to an 80 × 24 terminal in which ``keys`` were pressed."""
    unset = dict.fromkeys(n for n in os.environ if n.startswith(("LC_", "LANG", "PYTHONIO", "DGMTUI", "NO_COLOR")))
    with screen(path, environment={**unset, **environment}) as shown:
        shown.wait_for("iteration")
        shown.wait_for("aten.exp")
        shown.press(keys)
        return shown.wait(), shown.data


@pytest.mark.parametrize("setting", [{"LANG": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_terminal_without_unicode_gets_ascii(small_recording: Path, setting: dict[str, str]) -> None:
    code, sent = in_terminal(small_recording, "cq", **setting)
    assert code == 0 and sent.isascii() and b"x 30" in sent and b"Traceback" not in sent


def test_a_configuration_that_is_wrong_is_said_and_the_screen_opens(small_recording: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[screen]\ntheme = "pink"\n[keys]\n"quit" = "Q"\n[thresholds]\nnonsense = 3\n')
    code, sent = in_terminal(small_recording, "qQ", DGMTUI_CONFIG=str(wrong))
    said = sent.decode()
    assert code == 0 and "Traceback" not in said
    assert "[screen] theme is one of auto" in said and "[thresholds] " in said and "'nonsense'" in said
