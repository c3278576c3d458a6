"""Commands without a screen: run line after line and print each answer, as text or as JSON."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dgmtui.commands import REGISTRY
from dgmtui.commands.pointing import pointed
from dgmtui.commands.result import Result
from dgmtui.commands.scripting import failed
from dgmtui.errors import DgmtuiError, ExitCode, UsageError
from dgmtui.findings.model import Severity
from dgmtui.recording.reader import open_recording
from dgmtui.render.json import error_to_json, to_json
from dgmtui.session import script
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.session.config import Config
    from dgmtui.trace.progress import Progress

PROMPT = "(dgm) "
SEVERITIES = tuple(Severity)


@dataclass(frozen=True)
class Step:
    """One line to run."""

    line: str
    origin: script.Line | None = None
    """Where it is from a script."""


def steps_of(given: Sequence[tuple[str, str]]) -> list[Step]:
    """The steps of ``("command", LINE)`` and ``("script", FILE)`` in the order they were given.

    Raises:
        UsageError: a script can't be read.
    """
    steps = []
    for kind, value in given:
        if kind == "command":
            steps.append(Step(value))
        else:
            steps += [Step(line.text, line) for line in script.read(Path(value))]
    return steps


def run_batch(
    paths: Sequence[str],
    steps: Sequence[Step],
    *,
    as_json: bool = False,
    fail_on: str | None = None,
    echo: bool = False,
    thresholds: Sequence[tuple[str, str]] = (),
    config: "Config | None" = None,
) -> ExitCode:
    """Open a recording, run the steps, print their answers on standard output.

    A step that fails is told and the next one runs; of a script, what comes after the first that fails is left out.

    Args:
        fail_on: ``error`` or ``warning``: exit with ``FINDING`` if there is a finding at least that bad.
        echo: print each line before its answer, where answers are text.
        thresholds: names and values that findings are judged by, as ``thresholds NAME VALUE`` sets them.
        config: what a person has set for good, as ``config`` shows it.

    Returns:
        ``USAGE`` if a step failed, else ``FINDING`` as ``fail_on`` asks, else ``DONE``.

    Raises:
        RecordingError: it can't be read.
        UsageError: there is no such threshold, or it can't have that value.
    """
    with open_recording(paths[0] if len(paths) == 1 else paths) as recording:
        for sentence in recording.unread:
            print(f"dgmtui: {sentence}", file=sys.stderr, flush=True)
        session = Session(recording, progress_factory=progress_on(sys.stderr), thorough=True)
        session.config = config or session.config
        for name, value in thresholds:
            REGISTRY.run(session, f"thresholds {name} {value}")
        printed = _print_json if as_json else _text_printer(echo)
        wrong = False
        for step, result in _answers(session, steps):
            wrong |= isinstance(result, DgmtuiError)
            printed(step, result)
        if wrong:
            return ExitCode.USAGE
        return _judged(session, fail_on)


def progress_on(stream: TextIO) -> "Callable[[], Progress] | None":
    """Makes progress that rewrites one line of a terminal; None where ``stream`` is none."""
    if not stream.isatty():
        return None

    def show(done: float, text: str) -> None:
        stream.write(f"\r\x1b[K{done:4.0%} {text}" if done < 1 else "\r\x1b[K")
        stream.flush()

    def make() -> "Progress":
        from dgmtui.trace.progress import Progress

        return Progress(show)

    return make


def _answers(session: Session, steps: Sequence[Step]) -> Iterator[tuple[Step, Result | DgmtuiError]]:
    broken, done = "", 0
    for step in steps:
        file = step.origin.file if step.origin is not None else ""
        if file and file == broken:
            continue
        try:
            result = REGISTRY.run(session, step.line)
        except DgmtuiError as error:
            broken = file
            yield step, error if step.origin is None else failed(step.origin, error, done)
            done = 0
            continue
        done = done + 1 if file else 0
        yield step, result
        if result.quit:
            break


def _print_json(step: Step, result: Result | DgmtuiError) -> None:
    if isinstance(result, DgmtuiError):
        print(error_to_json(_name_of(step.line), str(result), result.at))
    elif result.command:
        print(to_json(result))


def _text_printer(echo: bool) -> Callable[[Step, Result | DgmtuiError], None]:
    from rich.console import Console

    from dgmtui.render.text import print_result

    class PipedConsole(Console):
        def on_broken_pipe(self) -> None:
            """Leave it to the caller, who owns standard output: Rich would exit with 1, which says "a finding" here."""
            raise BrokenPipeError

    console = PipedConsole(file=sys.stdout, highlight=False)

    def show(step: Step, result: Result | DgmtuiError) -> None:
        if echo:
            console.print(f"{PROMPT}{step.line}", style="bold", markup=False, soft_wrap=True)
        if isinstance(result, DgmtuiError):
            sys.stdout.flush()
            print(f"dgmtui: {result}", *pointed(result), sep="\n  ", file=sys.stderr, flush=True)
        else:
            print_result(result, console)
        if echo:
            console.print()

    return show


def _name_of(line: str) -> str:
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    try:
        return REGISTRY.find(word).name
    except UsageError:
        return word


def _judged(session: Session, fail_on: str | None) -> ExitCode:
    if fail_on is None:
        return ExitCode.DONE
    worst = SEVERITIES.index(Severity(fail_on))
    bad = any(SEVERITIES.index(f.severity) <= worst for f in session.ranks.findings())
    return ExitCode.FINDING if bad else ExitCode.DONE
