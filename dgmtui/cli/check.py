"""``dgmtui check REC``: is the file whole?"""

import argparse
import sys

from dgmtui.errors import ExitCode


def run(arguments: list[str]) -> int:
    """Say whether the recording is whole and return the exit code."""
    chosen = parser().parse_args(arguments)
    from dgmtui.recording.check import check

    report = check(chosen.recording)
    print("\n".join(report.lines), file=sys.stderr if report.exit_code == ExitCode.UNREADABLE else sys.stdout)
    return report.exit_code


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui check``."""
    made = argparse.ArgumentParser(
        prog="dgmtui check",
        description="Say whether a recording is whole, and until when.",
        epilog="exit codes: 0 whole (a killed run counts, its end is named); 1 readable but damaged; 3 unreadable",
        allow_abbrev=False,
    )
    made.add_argument("recording", metavar="REC")
    return made
