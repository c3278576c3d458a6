"""The command line: the one place that parses arguments, owns standard output and error, and sets the exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dgmtui import __version__
from dgmtui.errors import DgmtuiError, ExitCode, UsageError

INTERRUPTED = 130
"""What a shell expects of a process that Ctrl+C ended."""

EXAMPLES = """\
examples:
  dgmtui record train.py --lr 0.1      train as `python train.py --lr 0.1` does, and record it into train.h5
  dgmtui train.h5                      open the recording
  dgmtui train.h5 -c findings          what went wrong, as text (`--json` for programs)
  dgmtui train.h5 -x session.dgm --batch --fail-on error
  dgmtui check train.h5                is the file whole?
  dgmtui compact train.h5              make it smaller
  dgmtui demo                          a VAE that fails by itself, to try all of this on

other forms: dgmtui record --help, dgmtui demo --help, dgmtui check --help, dgmtui compact --help
exit codes: 0 done; 1 a finding that --fail-on names; 2 bad usage; 3 the recording can't be read
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``dgmtui`` with these arguments (the process's own where None) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open(mode))
    try:
        code = _dispatch(arguments)
        _flush()
    except DgmtuiError as error:
        print(f"dgmtui: {error}", file=sys.stderr)
        code = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.DONE
    except KeyboardInterrupt:
        code = INTERRUPTED
    return int(code)


def _flush() -> None:
    """Now, so that a pipe that nobody reads any more is noticed; a recorded script may have closed the stream."""
    with suppress(ValueError, AttributeError):
        sys.stdout.flush()


def _dispatch(arguments: list[str]) -> int:
    forms = {"record": _record, "demo": _demo, "check": _check, "compact": _compact}
    if not arguments:
        _open_parser().print_usage(sys.stderr)
        print("dgmtui: name a recording, or try `dgmtui demo`; --help has examples", file=sys.stderr)
        return ExitCode.USAGE
    if arguments[0] in forms:
        return forms[arguments[0]](arguments[1:])
    return _open(arguments)


class _Append(argparse.Action):
    """Keeps ``-c`` and ``-x`` in the order in which they were given."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None) -> None:
        namespace.given.append((self.dest, values))


def _open_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dgmtui",
        usage="dgmtui [--follow] [-c CMD]… [-x SCRIPT] [--batch] [--json] [--fail-on LEVEL] REC…\n"
        "       dgmtui record|demo|check|compact …",
        description="A terminal debugger for neural-network training that went wrong.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(given=[])
    parser.add_argument("recording", nargs="+", metavar="REC", help="a recording; several are the ranks of one run")
    parser.add_argument("--follow", action="store_true", help="watch a run that goes on; the cursor goes with it")
    parser.add_argument("-c", dest="command", action=_Append, metavar="CMD", help="run a command (may be repeated)")
    parser.add_argument("-x", dest="script", action=_Append, metavar="SCRIPT", help="run the commands of a script")
    parser.add_argument(
        "--batch", action="store_true", help="no screen: print the answers and leave (`findings` if nothing is asked)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a command, a line each (no screen)")
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning"),
        help="exit with 1 if there is a finding at least that bad (no screen)",
    )
    parser.add_argument("--version", action="version", version=f"dgmtui {__version__}")
    return parser


def _open(arguments: list[str]) -> int:
    chosen = _open_parser().parse_args(arguments)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a replay warns again of what the training was warned of
    if chosen.follow and (chosen.batch or chosen.json or chosen.fail_on or not sys.stdout.isatty()):
        raise UsageError("--follow needs the screen: leave out --batch, --json and --fail-on, and use a terminal")
    batch = chosen.batch or chosen.json or chosen.fail_on is not None
    if not batch and not sys.stdout.isatty():
        if not chosen.given:
            raise UsageError("standard output is no terminal; name commands with -c, or add --batch for the findings")
        batch = True
    if not batch:
        return _open_screen(chosen.recording, chosen.given, follow=chosen.follow)
    from dgmtui.commands.batch import Step, run_batch, steps_of

    steps = steps_of(chosen.given) or [Step("findings")]
    return run_batch(chosen.recording, steps, as_json=chosen.json, fail_on=chosen.fail_on, echo=len(steps) > 1)


def _open_screen(recordings: Sequence[str], given: Sequence[tuple[str, str]] = (), *, follow: bool = False) -> int:
    from dgmtui.tui import run

    lines: tuple[str, ...] = ()
    if given:
        from dgmtui.commands.batch import steps_of

        lines = tuple(step.line for step in steps_of(given))
    return int(run(recordings[0] if len(recordings) == 1 else tuple(recordings), lines, follow=follow))


def _record(arguments: list[str]) -> int:
    from dgmtui.recorder.ring import LAST

    parser = argparse.ArgumentParser(
        prog="dgmtui record",
        usage="dgmtui record [-o REC] [--every N] [--last N] [--last-whole]\n"
        "                     [--on-nonfinite stop|continue|debug]\n"
        "                     [--max-size SIZE] [--compress]\n"
        "                     [--only PATTERN]… [--without PATTERN]…\n"
        "                     (SCRIPT | -m MODULE) [ARGS…]",
        description="Run a training script as `python SCRIPT ARGS…` does, and record it. The script needs no change.",
        epilog="It exits with the script's code, or with 1 after it stopped the run at a non-finite value.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="REC", help="the recording (default: SCRIPT.h5, never overwritten)"
    )
    parser.add_argument(
        "--every", type=_positive, default=10, metavar="N", help="statistics and series every N iterations (default 10)"
    )
    parser.add_argument(
        "--last",
        type=_count,
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
    parser.add_argument(
        "--on-nonfinite",
        choices=("stop", "continue", "debug"),
        default="stop",
        help="on a NaN or Inf: stop the run (default), go on, or stop and open the recording",
    )
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
        "--max-size",
        metavar="SIZE",
        help="the recording (each rank's) never takes more than this, as 500M or 2G: rows and snapshots of old "
        "iterations are thinned, never those near a non-finite value, an event or a jump of the loss",
    )
    parser.add_argument(
        "--compress", action="store_true", help="compact the recording when the run has ended (dgmtui compact --help)"
    )
    parser.add_argument("-m", dest="module", action="store_true", help="SCRIPT is a module's name, as for `python -m`")
    parser.add_argument("script", metavar="SCRIPT", help="the training script")
    parser.add_argument("args", nargs=argparse.REMAINDER, metavar="ARGS", help="its own arguments")
    chosen = parser.parse_args(arguments)
    if not chosen.module and not Path(chosen.script).is_file():
        raise UsageError(f"there is no script {chosen.script}")
    from dgmtui.recorder.launch import run_script

    debug = chosen.on_nonfinite == "debug"
    outcome = run_script(
        chosen.script,
        chosen.args,
        output=chosen.output,
        every=chosen.every,
        last=chosen.last,
        last_whole=chosen.last_whole,
        on_nonfinite="stop" if debug else chosen.on_nonfinite,
        only=chosen.only,
        without=chosen.without,
        module=chosen.module,
        max_size=chosen.max_size,
        compress=chosen.compress,
    )
    if debug and outcome.stopped_at is not None and sys.stdout.isatty():
        _open_screen([str(outcome.recording)], [("command", "first-nonfinite")])
    return outcome.exit_code


def _demo(arguments: list[str]) -> int:
    from dgmtui.commands import demo
    from dgmtui.demos import DEMOS

    parser = argparse.ArgumentParser(
        prog="dgmtui demo",
        description="Record a demo training and open it; into a pipe, print the whole investigation as text.",
        epilog="demos:\n" + "\n".join(f"  {name:<16}{item.story}" for name, item in DEMOS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="?", default="vae", metavar="NAME", help="which one (default: vae)")
    parser.add_argument("-o", "--output", type=Path, metavar="REC", help="keep the recording there")
    chosen = parser.parse_args(arguments)
    with demo.recorded(chosen.name, chosen.output) as path:
        if sys.stdin.isatty() and sys.stdout.isatty():
            return _open_screen([str(path)])
        from dgmtui.commands.batch import Step, run_batch

        return run_batch([str(path)], [Step(line) for line in demo.investigation(path)], echo=True)


def _check(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dgmtui check",
        description="Say whether a recording is whole, and until when.",
        epilog="exit codes: 0 whole (a killed run counts, its end is named); 1 readable but damaged; 3 unreadable",
        allow_abbrev=False,
    )
    parser.add_argument("recording", metavar="REC")
    chosen = parser.parse_args(arguments)
    from dgmtui.recording.check import check

    report = check(chosen.recording)
    print("\n".join(report.lines), file=sys.stderr if report.exit_code == ExitCode.UNREADABLE else sys.stdout)
    return report.exit_code


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"it has to be a whole number from 0, not {text!r}")
    return int(text)


def _compact(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="dgmtui compact",
        description="Make a finished recording smaller: compressed by HDF5's own shuffle and deflate, which every HDF5 "
        "tool reads, and its series rounded to the bits that carry information. Losses, statistics and snapshots stay "
        "exactly as they are.",
        epilog="Without -o it takes the place of the recording once it is whole; Ctrl+C leaves that as it was.",
        allow_abbrev=False,
    )
    parser.add_argument("recording", type=Path, metavar="REC")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="write to this file instead")
    parser.add_argument(
        "--max-size", metavar="SIZE", help="thin rows and snapshots of old iterations until it fits, as 500M or 2G"
    )
    parser.add_argument(
        "--keep-bits",
        default="auto",
        metavar="N|auto|all",
        help="mantissa bits, of 23, that series keep: a number, those that hold 99 %% of the information (auto, the "
        "default), or all",
    )
    chosen = parser.parse_args(arguments)
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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"it has to be a whole number from 1, not {text!r}")
    return int(text)
