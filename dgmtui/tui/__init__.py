"""The screen. Importing this package loads nothing; ``run`` opens the recording before it loads Textual."""

import gc
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.errors import DgmtuiError, ExitCode
from dgmtui.tui.guard import guarded_terminal

if TYPE_CHECKING:
    from dgmtui.session.config import Config
    from dgmtui.session.session import Session
    from dgmtui.session.training import WaitingTraining
    from dgmtui.session.typed_lines import TypedLines
    from dgmtui.session.view import View

FIRST_VIEW_SECONDS = 0.2
"""How long the first paint waits for its content; after that the panes come up empty and are filled."""
CANNOT_DRAW = ("dumb", "unknown")
"""Values of TERM with which nothing can be put anywhere but on the next line."""
SLOW_LINE = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_FPS": "20"}


def run(
    path: str | Path | Sequence[str | Path],
    commands: Sequence[str] = (),
    *,
    follow: bool = False,
    config: "Config | None" = None,
    training: "WaitingTraining | None" = None,
    demo: bool = False,
) -> int:
    """Open a recording (several paths: its ranks) on the screen, run ``commands`` there, and return the exit code.

    ``config`` is what a person has set for good; None: it is read from where it is kept. With ``follow`` a run that
    goes on is watched, and waited for until its first iteration is whole. ``training`` is one that waits meanwhile.
    Of a ``demo`` the tour is offered until it is taken or declined; else on the very first screen only.

    A recording that can't be opened is one sentence on standard error, before the screen is touched.
    """
    if refused := why_no_screen():
        return _refuse(refused, ExitCode.USAGE)
    gc.disable()  # until the first paint: what is loaded stays, and looking for garbage in it takes a tenth of the time
    try:
        with guarded_terminal():
            return _show(path, commands, follow, config, training, demo)
    finally:
        gc.enable()


def why_no_screen() -> str:
    """Why nothing can be drawn here, in a sentence; empty where it can."""
    streams = {"input": sys.stdin, "output": sys.stdout, "error": sys.stderr}  # Textual draws on standard error
    elsewhere = [f"standard {name}" for name, stream in streams.items() if stream is None or not stream.isatty()]
    if elsewhere:
        what = f"{' and '.join(elsewhere)} {'is' if len(elsewhere) == 1 else 'are'} none"
        return f"the screen needs a terminal, and {what}; use --batch to print text instead"
    if os.environ.get("TERM", "") in CANNOT_DRAW:
        return "this terminal can't move its cursor (TERM); use --batch to print text instead"
    return ""


def spare_the_line() -> bool:
    """Whether the terminal is at the other end of a line; then Textual, not loaded yet, is told to send little."""
    remote = over_ssh()
    for name, value in SLOW_LINE.items() if remote else ():
        os.environ.setdefault(name, value)
    return remote


def _show(
    path: str | Path | Sequence[str | Path],
    commands: Sequence[str],
    follow: bool,
    config: "Config | None",
    training: "WaitingTraining | None",
    demo: bool,
) -> int:
    from dgmtui.recording import open_recording
    from dgmtui.recording.waiting import opened_when_there
    from dgmtui.session.config import read_config
    from dgmtui.session.folders import state_folder
    from dgmtui.session.session import Session
    from dgmtui.session.typed_lines import TypedLines
    from dgmtui.tui.memory import give_back_freed_memory

    try:
        recording = (opened_when_there if follow else open_recording)(path)
    except DgmtuiError as error:
        return _refuse(str(error), error.exit_code)
    with recording, ThreadPoolExecutor(1) as pool:
        session = Session(recording)
        session.config = config or read_config()
        session.training = training
        if follow:
            give_back_freed_memory()
            session.follow()
        typed = TypedLines(state_folder() / "typed")
        newcomer = not (commands or follow or training)
        first = pool.submit(_begin, session, typed, complaints := list(session.config.complaints), newcomer, demo)
        remote = spare_the_line()
        from dgmtui.commands import REGISTRY
        from dgmtui.tui.app import DgmtuiApp
        from dgmtui.tui.setting import ascii_only, mouse, set_keys

        complaints += set_keys(REGISTRY, session.config)
        app = DgmtuiApp(
            session,
            REGISTRY,
            first=_soon(first),
            commands=commands,
            typed=typed,
            look=session.config.theme,
            ascii_only=ascii_only(session.config),
            notice=session.config.notice or (complaints[0] if complaints else ""),
            bell=session.config.bell,
        )
        code = app.run(mouse=mouse(session.config, remote))
        session.cancel()
        session.close()
        if app.return_code == 0 and session.diary.journal is not None:
            session.diary.journal.end()
    for sentence in complaints:
        print(f"dgmtui: {sentence}", file=sys.stderr)
    return (app.return_code or int(ExitCode.DONE)) if code is None else code


def over_ssh() -> bool:
    """Whether this terminal is at the other end of a line: no animation, fewer frames, no mouse reports."""
    return any(name in os.environ for name in ("SSH_CONNECTION", "SSH_TTY"))


def _begin(session: "Session", typed: "TypedLines", complaints: list[str], newcomer: bool, demo: bool) -> "View":
    """``complaints`` takes what is wrong with the thresholds that a person has set for good.

    Args:
        newcomer: the tour may be offered.
    """
    from dgmtui.session import touring
    from dgmtui.session.journal import Journal, broken_off

    if session.config.thresholds:
        from dgmtui.commands import configuring  # the package first, and whole: the other thread loads it too

        complaints += configuring.set_thresholds(session)
    typed.load()
    session.diary.broken_off = broken_off(session.recording)
    session.diary.journal = Journal(session.recording)
    following = session.following
    session.start()
    session.following = following
    if newcomer and session.diary.broken_off is None and touring.is_to_be_offered(always=demo):
        from dgmtui.commands.touring import offer

        offer(session)
    return session.view()


def _soon(view: "Future[View]") -> "View | None":
    try:
        return view.result(FIRST_VIEW_SECONDS)
    except NotYet:
        return None
    except DgmtuiError:
        return None  # the screen's worker asks again, and says why


def _refuse(message: str, code: ExitCode) -> int:
    print(f"dgmtui: {message}", file=sys.stderr)
    return int(code)
