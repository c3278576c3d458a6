"""Keys that come faster than they are answered, or before there is a screen: all count, in the order of pressing."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from textual.actions import parse
from textual.events import Key

from dgmtui.commands.keymap import key_name
from dgmtui.commands.registry import Registry
from dgmtui.tui.turns import Turns
from dgmtui.tui.widgets.prompt import Prompt
from tests.terminal import Terminal, screen

from .test_screen import opened

UP = "\x1b[A"
KEYS = ["r", "n", "c", "}", "}", "t", "l", ":", *"goto 3", "\r", "n", "m", "}", "t", UP, "[", "G", "t", "w"]
"""What several of them do rests on the tab that another opens, or on the module that it leads to."""
SHOWN = "small.h5"


def settled(shown: Terminal, saved: Path) -> tuple[str, str]:
    """The commands that were run (where the cursor stood at first is the background look's to say), and the screen."""
    shown.press(f":save {saved}\r")
    deadline = time.monotonic() + 60
    while not saved.exists():
        assert time.monotonic() < deadline, shown.data[-3000:]
        shown.listen(0.1, most=0.2)
    shown.listen(1.5, most=20.0)
    shown.press("\x0c")
    heard = shown.listen(1.0, most=10.0).text
    shown.press("q")
    assert shown.wait() == 0
    ran = [line for line in saved.read_text().splitlines() if not line.startswith(("#", "stand "))]
    return "\n".join(ran), re.sub(r"\d+ commands", "", heard)


def slowly(path: Path, saved: Path) -> tuple[str, str]:
    with screen(path, (100, 30)) as shown:
        shown.until(SHOWN, silence=3.0)
        for key in KEYS:
            shown.press(key)
            shown.listen(0.6, most=20.0)
        return settled(shown, saved)


async def test_a_key_is_not_parsed_while_the_worker_may_load_torch(session: Any, registry: Registry) -> None:
    parse.cache_clear()
    async with opened(session, registry) as seen:
        parsed = parse.cache_info().misses
        await seen.press("n", "right", "t", "down", "pagedown", "colon", "x", "up", "escape", "f1", "down", "q")
        assert parse.cache_info().misses == parsed


async def test_a_key_waits_for_what_the_one_before_leads_to(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        await seen.press("t", "t", "c", "t")
        await seen.until_shows("[operations]")


async def test_what_is_typed_behind_enter_is_no_part_of_the_line(session: Any, registry: Registry) -> None:
    async with opened(session, registry) as seen:
        for key in (":", *"goto 5", "enter", "n", ":", *"goto 7", "enter", "l"):
            seen.app.post_message(Key(key if len(key) > 1 else key_name(key) or key, key if len(key) == 1 else None))
        await seen.until(lambda: session.shown.cursor == 8)
        assert not seen.main.query_one(Prompt).is_open


def test_turns() -> None:
    done: list[str] = []
    turns = Turns(lambda: "maps")
    turns.take(lambda: done.append("before the first view"))
    assert not done
    turns.answered([])
    for line in ("step", "module fc1", "credit"):
        turns.begin(line)
        turns.take(lambda line=line: done.append(line))  # type: ignore[misc]
    assert done == ["before the first view", "step", "module fc1"]
    turns.take(lambda: done.append("dropped"))
    turns.take(lambda: done.append("typed"), keep=True)
    turns.give_up()
    assert done[3:] == ["typed"]
    turns.answered([])
    turns.take(lambda: done.append("now"))
    assert done[4:] == ["now"]


@pytest.mark.parametrize("after", [0.0, 0.15], ids=["at once", "while it loads"])
def test_keys_before_the_first_paint(small_recording: Path, tmp_path: Path, after: float) -> None:
    saved = tmp_path / "s.dgm"
    wanted = slowly(small_recording, saved)
    saved.unlink()
    with screen(small_recording, (100, 30)) as shown:
        time.sleep(after)
        assert len(KEYS) > 20
        shown.press("".join(KEYS))
        assert SHOWN.encode() not in shown.data
        had = settled(shown, saved)
    assert had == wanted
