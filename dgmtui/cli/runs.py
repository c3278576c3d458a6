"""``dgmtui DIR``: the runs of a directory, as a list one opens them from or as text."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dgmtui.session.config import Config
    from dgmtui.session.runs.model import Run
    from dgmtui.session.runs.process import RunsProcess
    from dgmtui.session.runs.shown import RunList

BY_SIGNAL = 128
"""Exit codes from here on are those of a signal: then nobody is there to come back to the list."""


def look_at_runs(directory: Path, chosen: argparse.Namespace, config: "Config | None") -> int:
    """Show the list until it is left, or print it where there is no configuration of a screen; the exit code."""
    if chosen.fail_on is not None or any(line.split()[0:1] != ["runs"] for _, line in chosen.given):
        raise UsageError(f"{directory} is a directory: commands and --fail-on need one recording of it")
    return _print(directory, as_json=chosen.json) if config is None else _screen(directory, config)


def _print(directory: Path, *, as_json: bool) -> int:
    from dgmtui.commands.runs import listed
    from dgmtui.session.runs.listing import list_runs

    result = listed(directory, list_runs(directory))
    if as_json:
        from dgmtui.render.json import to_json

        print(to_json(result))
    else:
        from rich.console import Console

        from dgmtui.render.text import print_result

        print_result(result, Console(file=sys.stdout, highlight=False))
    return ExitCode.DONE


def _screen(directory: Path, config: "Config") -> int:
    from dgmtui.session.runs.files import find_runs
    from dgmtui.session.runs.process import RunsProcess
    from dgmtui.session.runs.shown import RunList
    from dgmtui.tui import why_no_screen

    if refused := why_no_screen():
        raise UsageError(refused)
    found = find_runs(directory)  # what can't be listed is told before the screen is touched
    process = RunsProcess(directory)
    try:
        return _to_and_fro(RunList(directory, found), process, config)
    finally:
        process.close()


def _to_and_fro(listing: "RunList", process: "RunsProcess", config: "Config") -> int:
    """From the list to a run and back, until the list is left."""
    from dgmtui.tui import spare_the_line

    remote = spare_the_line()
    from dgmtui.session.runs.background import REST
    from dgmtui.tui.guard import guarded_terminal
    from dgmtui.tui.runs import RunsApp
    from dgmtui.tui.setting import ascii_only, mouse

    notice = ""
    while True:
        app = RunsApp(listing, process, notice=notice, look=config.theme, ascii_only=ascii_only(config))
        with guarded_terminal():
            run = app.run(mouse=mouse(config, remote))
        if run is None:
            return app.return_code or int(ExitCode.DONE)
        process.ask(REST)
        code = _open(run, config)
        if code >= BY_SIGNAL:
            return code
        notice = f"{run.name} can't be opened any more" if code == ExitCode.UNREADABLE else ""


def _open(run: "Run", config: "Config") -> int:
    from dgmtui.cli.look import open_screen
    from dgmtui.session.runs.model import LIVE

    paths = [os.fspath(path).removesuffix(".part") for path in run.files.paths]
    return open_screen(paths, follow=run.state in LIVE, config=config)
