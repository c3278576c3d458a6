"""The main screen as pictures, in two sizes, with and without colour."""

from collections.abc import Callable
from typing import Any

import pytest

from dgmtui.commands.registry import Registry
from dgmtui.tui.app import DgmtuiApp

Compare = Callable[..., bool]
SMALL, LARGE = (80, 24), (200, 60)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("colour", [True, False], ids=["colour", "plain"])
def test_main(
    snap_compare: Compare, session: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch, size: Any, colour: bool
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=size)


def test_before_anything_was_replayed(snap_compare: Compare, fresh_session: Any, registry: Registry) -> None:
    fresh_session.change(findings_complete=True)
    assert snap_compare(DgmtuiApp(fresh_session, registry, first=fresh_session.shown), terminal_size=SMALL)


def test_operations(snap_compare: Compare, session: Any, registry: Registry) -> None:
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=(110, 36), press=["t"])


def test_prompt_open(snap_compare: Compare, session: Any, registry: Registry) -> None:
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=SMALL, press=["colon", *"module", "space", "d"])


def test_help(snap_compare: Compare, session: Any, registry: Registry) -> None:
    app = DgmtuiApp(session, registry, first=session.shown)
    assert snap_compare(app, terminal_size=SMALL, press=["question_mark"])
