"""``dgmtui REC…``: look at a recording, on the screen or as text."""

import argparse
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dgmtui import __version__
from dgmtui.cli import mistaken
from dgmtui.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from dgmtui.session.config import Config
    from dgmtui.session.training import WaitingTraining

EXAMPLES = """\
examples:
  dgmtui record train.py --lr 0.1      train as `python train.py --lr 0.1` does, and record it into train.h5
  dgmtui train.h5                      open the recording
  dgmtui train.h5 -c findings          what went wrong, as text (`--json` for programs)
  dgmtui train.h5 -x session.dgm --batch --fail-on error
  dgmtui runs/                         all runs of a directory; Enter opens one
  dgmtui runs/ --batch --json          how each is and its worst finding, for programs (`help runs` says the object)
  dgmtui check train.h5                is the file whole?
  dgmtui compact train.h5              make it smaller
  dgmtui demo                          a VAE that fails by itself, to try all of this on

other forms, each with --help: dgmtui record, demo, check, compact, config, completion
exit codes: 0 done; 1 a finding that --fail-on names; 2 bad usage; 3 the recording can't be read
"""


NOTHING_NAMED = """\
dgmtui: name a recording. To try it, `dgmtui demo` records a training that fails, and opens it. Your own:
  dgmtui record train.py    trains as `python train.py` does, and records
  dgmtui train.h5           opens the recording
  dgmtui .                  lists the recordings of this folder"""


def run(arguments: list[str], forms: Iterable[str] = ()) -> int:
    """Open what ``arguments`` name and return the exit code; ``forms`` are first words of what is something else."""
    if not arguments:
        parser().print_usage(sys.stderr)
        print(NOTHING_NAMED, file=sys.stderr)
        return ExitCode.USAGE
    chosen = parser().parse_args(arguments)
    if not chosen.follow:  # which waits for a recording that is not there yet
        mistaken.look_at(chosen.recording, forms)
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # a replay warns again of what the training was warned of
    if len(chosen.recording) == 1 and Path(chosen.recording[0]).is_dir():
        from dgmtui.cli.runs import look_at_runs

        if _wants_screen(chosen):
            return leave(look_at_runs(Path(chosen.recording[0]), chosen, _config(chosen)))
        return look_at_runs(Path(chosen.recording[0]), chosen, None)
    if _wants_screen(chosen):
        lines = [("command", f"thresholds {' '.join(pair)}") for pair in map(_pair, chosen.threshold)]
        config = _config(chosen)
        if chosen.answer_to is not None:
            return leave(_open_for_training(chosen, lines + chosen.given, config))
        return leave(open_screen(chosen.recording, lines + chosen.given, follow=chosen.follow, config=config))
    from dgmtui.commands.batch import Step, run_batch, steps_of
    from dgmtui.render.themes import LOOK, THEMES

    steps = steps_of(chosen.given) or [Step("findings")]
    named = _named_config(chosen)
    LOOK.theme = THEMES.get(chosen.theme or named.theme, THEMES["terminal"])
    return run_batch(
        chosen.recording,
        steps,
        as_json=chosen.json,
        fail_on=chosen.fail_on,
        echo=len(steps) > 1,
        thresholds=[*named.thresholds, *(_pair(text) for text in chosen.threshold)],
        config=named,
    )


def _named_config(chosen: argparse.Namespace) -> "Config":
    """Without a screen only a configuration that is named counts: what a script prints is the same for everybody."""
    from dgmtui.session.config import VARIABLE, Config, read_config

    read = read_config(chosen.config) if chosen.config or os.environ.get(VARIABLE) else Config()
    for sentence in read.complaints:
        print(f"dgmtui: {sentence}", file=sys.stderr)
    return read


def _config(chosen: argparse.Namespace) -> "Config":
    """What the configuration says, and over it the command line."""
    from dgmtui.session.config import read_config

    read = read_config(chosen.config)
    return replace(read, theme=chosen.theme) if chosen.theme else read


def _pair(text: str) -> tuple[str, str]:
    """``NAME=VALUE``; ``UsageError`` where it is none."""
    name, equals, value = text.partition("=")
    if not (name.strip() and equals and value.strip()):
        raise UsageError(f"--threshold takes NAME=VALUE, not {text!r}; `thresholds` lists them")
    return name.strip(), value.strip()


def _wants_screen(chosen: argparse.Namespace) -> bool:
    """``UsageError`` where what is asked for needs a screen and there is none."""
    batch = chosen.batch or chosen.json or chosen.fail_on is not None
    terminal = sys.stdout.isatty()
    if chosen.follow and (batch or not terminal):
        raise UsageError("--follow needs the screen: leave out --batch, --json and --fail-on, and use a terminal")
    if not (batch or terminal or chosen.given):
        raise UsageError("standard output is no terminal; name commands with -c, or add --batch for the findings")
    return terminal and not batch


def _open_for_training(chosen: argparse.Namespace, given: Sequence[tuple[str, str]], config: "Config | None") -> int:
    """The screen of a training that waits in another process, which reads the answer."""
    from dgmtui.session.training import WaitingTraining

    training = WaitingTraining(chosen.because, ends=chosen.ends)
    code = open_screen(chosen.recording, given, config=config, training=training)
    with suppress(OSError):  # the training was killed meanwhile
        os.write(chosen.answer_to, training.answer.encode())
    return code


def open_screen(
    recordings: Sequence[str],
    given: Sequence[tuple[str, str]] = (),
    *,
    follow: bool = False,
    config: "Config | None" = None,
    training: "WaitingTraining | None" = None,
    demo: bool = False,
) -> int:
    """The screen, on which the commands and scripts ``given`` (as ``steps_of`` takes them) are run first."""
    from dgmtui import tui

    lines: tuple[str, ...] = ()
    if given:
        from dgmtui.commands.batch import steps_of
        from dgmtui.commands.grammar import quote

        steps_of(given)  # a script that can't be read is told before the screen is touched
        lines = tuple(f"source {quote(value)}" if kind == "script" else value for kind, value in given)
    paths = recordings[0] if len(recordings) == 1 else tuple(recordings)
    return int(tui.run(paths, lines, follow=follow, config=config, training=training, demo=demo))


def leave(code: int) -> int:
    """``code``, but at once: a thread that is in the middle of something, as loading torch, is not waited for."""
    if any(not thread.daemon and thread is not threading.main_thread() for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    return code


class _Append(argparse.Action):
    """Keeps ``-c`` and ``-x`` in the order in which they were given."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None) -> None:
        namespace.given.append((self.dest, values))


def parser() -> argparse.ArgumentParser:
    """Of ``dgmtui REC…``."""
    made = argparse.ArgumentParser(
        prog="dgmtui",
        usage="dgmtui [--follow] [-c CMD]… [-x SCRIPT] [--batch] [--json]\n"
        "              [--fail-on LEVEL] [--threshold NAME=VALUE]…\n"
        "              [--theme NAME] [--config FILE] REC…\n"
        "       dgmtui record|demo|check|compact|config|completion …",
        description="A terminal debugger for neural-network training that went wrong.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.set_defaults(given=[])
    made.add_argument(
        "recording",
        nargs="+",
        metavar="REC",
        help="a recording, or a directory, to list its runs; several recordings are the ranks of one run",
    )
    made.add_argument("--follow", action="store_true", help="watch a run that goes on; the cursor goes with it")
    made.add_argument("-c", dest="command", action=_Append, metavar="CMD", help="run a command (may be repeated)")
    made.add_argument("-x", dest="script", action=_Append, metavar="SCRIPT", help="run the commands of a script")
    made.add_argument(
        "--batch", action="store_true", help="no screen: print the answers and leave (`findings` if nothing is asked)"
    )
    made.add_argument("--json", action="store_true", help="one JSON object a command, a line each (no screen)")
    made.add_argument(
        "--fail-on",
        choices=("error", "warning"),
        help="exit with 1 if there is a finding at least that bad (no screen)",
    )
    made.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="judge by another number (may be repeated; `-c thresholds` lists them)",
    )
    made.add_argument(
        "--theme",
        choices=("auto", "terminal", "dark", "light", "high-contrast", "none"),
        help="the screen's colours (auto: what fits the terminal)",
    )
    made.add_argument("--config", type=Path, metavar="FILE", help="settings of this file; see dgmtui config --help")
    made.add_argument("--answer-to", type=int, help=argparse.SUPPRESS)
    made.add_argument("--because", default="", help=argparse.SUPPRESS)
    made.add_argument("--ends", action="store_true", help=argparse.SUPPRESS)
    made.add_argument("--version", action="version", version=f"dgmtui {__version__}")
    return made
