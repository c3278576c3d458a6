"""The command line: the one place that parses arguments, owns standard output and error, and sets the exit code."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dgmtui.cli import check, compact, completion, config, demo, look, record
from dgmtui.errors import DgmtuiError, ExitCode
from dgmtui.render.plain import is_plain, make_plain

FORMS = {
    "record": (record.run, record.parser),
    "demo": (demo.run, demo.parser),
    "check": (check.run, check.parser),
    "compact": (compact.run, compact.parser),
    "config": (config.run, config.parser),
    "completion": (completion.run, completion.parser),
}
"""What runs it and what reads it, by the first argument; any other one is of a recording to look at."""
INTERRUPTED = 130
"""What a shell expects of a process that Ctrl+C ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``dgmtui`` with these arguments (the process's own where None) and return its exit code."""
    if completion.is_asked_for():
        completion.answer({name: parser for name, (_, parser) in FORMS.items()}, look.parser())
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


def _speak_plainly() -> None:
    """What the locale or the encoding has no character for is translated, never an error."""
    for stream in (sys.stdout, sys.stderr):
        if is_plain(stream):
            make_plain(stream)


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] != ["record"]:  # what a script that is recorded prints is its own
        _speak_plainly()
    if arguments and arguments[0] in FORMS:
        run, _ = FORMS[arguments[0]]
        return run(arguments[1:])
    return look.run(arguments, FORMS)
