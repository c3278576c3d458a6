"""``dgmtui compact REC``: make a finished recording smaller."""

import argparse
import sys
from pathlib import Path

from dgmtui.errors import ExitCode


def run(arguments: list[str]) -> int:
    """Compact the recording, say what became of it and return the exit code."""
    chosen = parser().parse_args(arguments)
    from dgmtui.recording.budget import parse_size
    from dgmtui.recording.compacting import compact, parse_keep
    from dgmtui.recording.saying import Meter, compacted_words

    with Meter(sys.stderr, f"compacting {chosen.recording}") as meter:
        made = compact(
            chosen.recording,
            chosen.output,
            keep=parse_keep(chosen.keep_bits),
            max_size=None if chosen.max_size is None else parse_size(chosen.max_size),
            progress=meter.update,
        )
    print(compacted_words(made))
    return ExitCode.DONE


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui compact``."""
    made = argparse.ArgumentParser(
        prog="dgmtui compact",
        description="Make a finished recording smaller: compressed by HDF5's own shuffle and deflate, which every HDF5 "
        "tool reads, and its series rounded to the bits that carry information. Losses, statistics and snapshots stay "
        "exactly as they are.",
        epilog="Without -o it takes the place of the recording once it is whole; Ctrl+C leaves that as it was.",
        allow_abbrev=False,
    )
    made.add_argument("recording", type=Path, metavar="REC")
    made.add_argument("-o", "--output", type=Path, metavar="OUT", help="write to this file instead")
    made.add_argument(
        "--max-size", metavar="SIZE", help="thin rows and snapshots of old iterations until it fits, as 500M or 2G"
    )
    made.add_argument(
        "--keep-bits",
        default="auto",
        metavar="N|auto|all",
        help="mantissa bits, of 23, that series keep: a number, those that hold 99 %% of the information (auto, the "
        "default), or all",
    )
    return made
