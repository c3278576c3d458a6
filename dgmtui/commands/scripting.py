"""Running the lines of a script on a session."""

from collections.abc import Sequence
from pathlib import Path

from dgmtui.commands.pointing import renamed
from dgmtui.commands.registry import REGISTRY
from dgmtui.commands.result import Result
from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.session import script
from dgmtui.session.session import Session


def run_script(session: Session, file: Path) -> list[Result]:
    """Run a script's commands until one fails or leaves the session.

    Meanwhile each waits for the replay that tells where it stands, so that the next begins at the same place always.

    Raises:
        UsageError: the script can't be read or runs itself, or a command of it fails, with ``FILE:LINE`` before what it
            said.
    """
    path = str(file.resolve())
    if path in session.sourcing:
        raise UsageError(f"{file} runs itself; take the `source` line out of it", word=str(file))
    lines = script.read(file)
    outer = session.sourcing, session.thorough
    session.sourcing, session.thorough = (*session.sourcing, path), True
    try:
        return _run(session, lines)
    finally:
        session.sourcing, session.thorough = outer


def failed(line: script.Line, error: DgmtuiError, done: int) -> UsageError:
    """The error of one line of a script, ``done`` commands of which ran before it."""
    before = "1 command before it ran and stands" if done == 1 else f"{done} commands before it ran and stand"
    return renamed(error, f"{line}: {error} ({before if done else 'nothing ran before it'})")


def _run(session: Session, lines: Sequence[script.Line]) -> list[Result]:
    results: list[Result] = []
    for line in lines:
        try:
            results.append(REGISTRY.run(session, line.text))
        except DgmtuiError as error:
            raise failed(line, error, len(results)) from error
        if results[-1].quit:
            break
    return results
