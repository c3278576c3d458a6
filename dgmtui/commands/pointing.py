"""Which word of a command line an error is about."""

import re
from collections.abc import Iterator

from dgmtui.commands.grammar import split, words_at
from dgmtui.errors import DgmtuiError, UsageError

Span = tuple[int, int]
"""From and without, in characters of the line; the same number twice where something is missing."""

_NAMED = re.compile(r"'([^']+)'|\bnot ([^\s,;]+)")


def point(error: DgmtuiError, line: str) -> None:
    """Say in ``error.at`` which part of ``line`` it is about, unless that is known or can't be told."""
    if error.at is None:
        error.at, error.line = _span(error, line), line


def renamed(error: DgmtuiError, message: str) -> UsageError:
    """The same error in other words, pointing at the same place."""
    again = UsageError(message, word=error.word)
    again.at, again.line = error.at, error.line
    return again


def pointed(error: DgmtuiError) -> tuple[str, ...]:
    """The line that failed and carets under what is wrong in it; nothing where that is not known."""
    if error.at is None:
        return ()
    start, end = error.at
    return error.line, " " * start + "^" * max(1, end - start)


def _span(error: DgmtuiError, line: str) -> Span | None:
    if error.word == "":
        return len(line.rstrip()) + 1, len(line.rstrip()) + 1
    for named in _named(error):
        if found := _where(line, named):
            return found
    return None


def _named(error: DgmtuiError) -> Iterator[str]:
    """The word that the error carries, else those that its sentence quotes or says not to be what is wanted."""
    if error.word is not None:
        yield error.word
        return
    for quoted, denied in _NAMED.findall(str(error)):
        yield quoted or denied.rstrip(".")


def _where(line: str, named: str) -> Span | None:
    """The word that is so called, or begins so before its value, else the first place where it is written."""
    spans = list(words_at(line))
    for start, end in spans:
        if _read(line[start:end]) == named or line[start:end].partition("=")[0] == named:
            return start, end
    begins = spans[0][1] if spans else 0
    found = line.find(named, begins)
    return None if found < 0 else (found, found + len(named))


def _read(typed: str) -> str:
    try:
        return "".join(split(typed))
    except UsageError:
        return typed
