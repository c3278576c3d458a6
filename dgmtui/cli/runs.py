"""``dgmtui DIR``: the recordings of a directory, as a list one opens them from or as text."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.errors import ExitCode, UsageError
from dgmtui.session.runs import Runs

if TYPE_CHECKING:
    from dgmtui.session.config import Config


def look_at_runs(directory: Path, chosen: argparse.Namespace, config: "Config | None") -> int:
    """Show the list until it is left, or print it where there is no configuration of a screen; the exit code."""
    if chosen.fail_on is not None or any(line.split()[0:1] != ["runs"] for _, line in chosen.given):
        raise UsageError(f"{directory} is a directory: commands and --fail-on need one recording of it")
    if config is not None:
        return _screen(directory, config)
    from dgmtui.commands.runs import listed

    result = listed(directory, Runs(directory).read())
    if chosen.json:
        from dgmtui.render.json import to_json

        print(to_json(result))
    else:
        from rich.console import Console

        from dgmtui.render.text import print_result

        print_result(result, Console(file=sys.stdout, highlight=False))
    return ExitCode.DONE


def _screen(directory: Path, config: "Config") -> int:
    from dgmtui.cli.look import open_screen
    from dgmtui.tui import over_ssh
    from dgmtui.tui.guard import guarded_terminal
    from dgmtui.tui.runs import RunsApp
    from dgmtui.tui.setting import ascii_only, mouse

    runs, path = Runs(directory), None
    while True:
        app = RunsApp(runs, chosen=path, look=config.theme, ascii_only=ascii_only(config))
        with guarded_terminal():
            path = app.run(mouse=mouse(config, over_ssh()))
        if path is None:
            return ExitCode.DONE
        live = path.name.endswith(".part") or any(r.path == path and r.state == "running" for r in runs.read())
        shown = path.with_suffix("") if path.suffix == ".part" else path
        open_screen([str(shown)], follow=live, config=config)
