"""``dgmtui config``: where a person's own settings are, and a file to begin with."""

import argparse
import sys
from pathlib import Path

from dgmtui.errors import ExitCode, UsageError
from dgmtui.session.config import EXAMPLE, config_path, read_config, write_example


def run(arguments: list[str]) -> int:
    """Say where the configuration is and what is wrong in it, and return the exit code."""
    chosen = parser().parse_args(arguments)
    if chosen.example:
        print(EXAMPLE, end="")
        return ExitCode.DONE
    path = chosen.config or config_path()
    if path is None:
        raise UsageError("DGMTUI_CONFIG is empty, so no configuration is read; unset it, or name a file")
    if chosen.write:
        write_example(path)
        print(f"{path} was written; everything in it is a comment")
        return ExitCode.DONE
    read = read_config(chosen.config)
    print(path if read.found else f"{path} (not there; --write makes one)")
    for sentence in read.complaints:
        print(f"dgmtui: {sentence}", file=sys.stderr)
    return ExitCode.USAGE if read.complaints else ExitCode.DONE


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui config``."""
    made = argparse.ArgumentParser(
        prog="dgmtui config",
        description="Say where the configuration is (theme, keys, mouse, bell, thresholds) and what is wrong in it.",
        allow_abbrev=False,
    )
    made.add_argument("--config", type=Path, metavar="FILE", help="this file instead of the one in your own folder")
    what = made.add_mutually_exclusive_group()
    what.add_argument("--example", action="store_true", help="print one in which everything is a comment")
    what.add_argument("--write", action="store_true", help="put that where the configuration is, if nothing is there")
    return made
