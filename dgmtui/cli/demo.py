"""``dgmtui demo``: a training that fails by itself, recorded and opened."""

import argparse
import sys
from pathlib import Path

from dgmtui.cli.look import open_screen
from dgmtui.trace.available import require_torch


def run(arguments: list[str]) -> int:
    """Record the demo, open it or print its investigation, and return the exit code."""
    chosen = parser().parse_args(arguments)
    require_torch()
    from dgmtui.commands import demo

    with demo.recorded(chosen.name, chosen.output) as path:
        if sys.stdin.isatty() and sys.stdout.isatty():
            return open_screen([str(path)], demo=True)
        from dgmtui.commands.batch import Step, run_batch

        return run_batch([str(path)], [Step(line) for line in demo.investigation(path)], echo=True)


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui demo``."""
    from dgmtui.demos import DEMOS

    made = argparse.ArgumentParser(
        prog="dgmtui demo",
        description="Record a demo training and open it; into a pipe, print the whole investigation as text.",
        epilog="demos:\n" + "\n".join(f"  {name:<16}{item.story}" for name, item in DEMOS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("name", nargs="?", default="vae", metavar="NAME", help="which one (default: vae)")
    made.add_argument("-o", "--output", type=Path, metavar="REC", help="keep the recording there")
    return made
