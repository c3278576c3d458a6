"""``dgmtui record SCRIPT``: run a training script and record it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dgmtui.cli import mistaken
from dgmtui.trace.available import require_torch

if TYPE_CHECKING:
    from dgmtui.recorder.options import Settings


def run(arguments: list[str]) -> int:
    """Run the script, open its recording where that was asked for, and return the exit code."""
    chosen = parser().parse_args(arguments)
    if not chosen.module:
        mistaken.record_of(chosen.script)
    require_torch()
    from dgmtui.recorder.launch import run_script

    outcome = run_script(chosen.script, chosen.args, output=chosen.output, module=chosen.module, **_settings(chosen))
    return outcome.exit_code


def _settings(chosen: argparse.Namespace) -> "Settings":
    from dgmtui.findings.live import Watcher

    return {
        "every": chosen.every,
        "last": chosen.last,
        "last_whole": chosen.last_whole,
        "on_nonfinite": chosen.on_nonfinite,
        "on_exception": chosen.on_exception,
        "only": chosen.only,
        "without": chosen.without,
        "elements": chosen.elements,
        "snapshots": chosen.snapshot,
        "optimizer_state": not chosen.no_optimizer_state,
        "max_size": chosen.max_size,
        "compress": chosen.compress,
        "watcher": None if chosen.no_warnings else Watcher(),
    }


class _Parser(argparse.ArgumentParser):
    """Says what a script is where none is named."""

    def error(self, message: str) -> NoReturn:
        """End the process with a sentence."""
        if "required: SCRIPT" in message:
            message = "name the training script, as in `dgmtui record train.py --lr 0.1`; --help lists the options"
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui record``."""
    made = _Parser(
        prog="dgmtui record",
        usage="dgmtui record [-o REC] [--every N] [--last N] [--last-whole]\n"
        "                     [--on-nonfinite stop|continue|debug]\n"
        "                     [--on-exception stop|debug]\n"
        "                     [--max-size SIZE] [--compress] [--no-warnings]\n"
        "                     [--only PATTERN]… [--without PATTERN]… [--elements N]\n"
        "                     [--snapshot N]… [--no-optimizer-state]\n"
        "                     (SCRIPT | -m MODULE) [ARGS…]",
        description="Run a training script as `python SCRIPT ARGS…` does, and record it. The script needs no change.",
        epilog="It exits with the script's code, or with 1 after it stopped the run at a non-finite value.",
        allow_abbrev=False,
    )
    made.add_argument(
        "-o", "--output", type=Path, metavar="REC", help="the recording (default: SCRIPT.h5, never overwritten)"
    )
    _add_iterations(made)
    _add_failures(made)
    made.add_argument(
        "--no-warnings",
        action="store_true",
        help="say nothing while it trains of what goes wrong without being non-finite (else a line a finding, for at "
        "most a hundredth of the time)",
    )
    _add_selection(made)
    _add_state(made)
    _add_size(made)
    made.add_argument("-m", dest="module", action="store_true", help="SCRIPT is a module's name, as for `python -m`")
    made.add_argument("script", metavar="SCRIPT", help="the training script")
    made.add_argument("args", nargs=argparse.REMAINDER, metavar="ARGS", help="its own arguments")
    return made


def _add_iterations(parser: argparse.ArgumentParser) -> None:
    from dgmtui.recorder.defaults import EVERY, LAST

    parser.add_argument(
        "--every",
        type=int,
        default=EVERY,
        metavar="N",
        help=f"statistics and series every N iterations (default {EVERY})",
    )
    parser.add_argument(
        "--last",
        type=int,
        default=LAST,
        metavar="N",
        help="where something fails, also of the N iterations before it that --every leaves out (default "
        f"{LAST}; 0: of none)",
    )
    parser.add_argument(
        "--last-whole",
        action="store_true",
        help="of these too measure everything, which costs what --every 1 does (else the outputs of modules and the "
        "gradients of weights)",
    )


def _add_failures(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on-nonfinite",
        choices=("stop", "continue", "debug"),
        default="stop",
        help="on a NaN or Inf: stop the run (default), go on, or open the screen there and then, on leaving which "
        "the training stops or goes on as you say",
    )
    parser.add_argument(
        "--on-exception",
        choices=("stop", "debug"),
        default="stop",
        help="on an exception that ends the script: let it (default), or open the screen on the iteration that raised "
        "it first",
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="keep statistics and series of these modules or quantities alone: 'dec', ':gradient', 'dec.*:gradient' "
        "(may be repeated)",
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="PATTERN", help="leave these out (may be repeated)"
    )
    parser.add_argument(
        "--elements",
        type=int,
        default=0,
        metavar="N",
        help="of each weight, its gradient and its update also follow at most N single elements, evenly over it "
        "(default 0); not of activations, whose elements are of another sample each iteration",
    )


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--snapshot",
        action="append",
        type=int,
        default=[],
        metavar="N",
        help="also keep iteration N as a snapshot and trace it anew, as one before a failure that a first recording "
        "showed, or the failing one where its replay came out otherwise (may be repeated)",
    )
    parser.add_argument(
        "--no-optimizer-state",
        action="store_true",
        help="leave the optimisers' state out of snapshots, which are about half as large then (with Adam): no step "
        "can be taken again in them",
    )


def _add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        help="the recording (each rank's) never takes more than this, as 500M or 2G: rows and snapshots of old "
        "iterations are thinned, never those near a non-finite value, an event or a jump of the loss",
    )
    parser.add_argument(
        "--compress", action="store_true", help="compact the recording when the run has ended (dgmtui compact --help)"
    )
