"""A session as a script: one command a line, ``#`` for comments; the first line says what it is."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgmtui import __version__
from dgmtui.errors import UsageError
from dgmtui.session.writing import write_whole

HEADER = "# dgmtui"


@dataclass(frozen=True)
class Line:
    """One command of a script."""

    file: str
    number: int
    """From 1."""
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}"


def quote(word: str) -> str:
    """``word`` as it has to be typed to be read as one word."""
    if word and not re.search(r"""[\s"'\\]""", word):
        return word
    return '"' + re.sub(r'(["\\])', r"\\\1", word) + '"'


def read(file: Path) -> tuple[Line, ...]:
    """The commands of a script.

    Raises:
        UsageError: there is no such file, or it is no text.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"can't read the script {file}: {reason}") from error
    return tuple(_lines(str(file), text))


def header(recording: str) -> str:
    """The first line of a script."""
    return f"{HEADER} {__version__}: a session on {' '.join(recording.splitlines())}; run it with `source` or -x"


def write(file: Path, commands: Sequence[str], recording: str) -> None:
    """Write a script; an earlier script is replaced, no other file ever is.

    Raises:
        UsageError: there is a file that is no script of ours, or it can't be written.
    """
    try:
        if file.exists() and not _is_script(file):
            raise UsageError(f"{file} is there and is no dgmtui script; save under another name")
        write_whole(file, "\n".join([header(recording), *commands, ""]))
    except OSError as error:
        raise UsageError(f"can't write {file}: {error.strerror}") from error


def _is_script(file: Path) -> bool:
    with file.open("rb") as stream:
        first = stream.readline(4096)
    return not first or first.startswith(HEADER.encode())


def _lines(file: str, text: str) -> Iterator[Line]:
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if line and not line.startswith("#"):
            yield Line(file, number, line)
