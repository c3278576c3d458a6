"""Words that are no recordings, and what whoever typed them probably wanted."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from dgmtui.cli.completion import command_names, demo_names
from dgmtui.errors import UsageError

RECORDINGS = (".h5", ".hdf5")


def look_at(words: Sequence[str], forms: Iterable[str]) -> None:
    """Say what to type instead of words that are to be opened; nothing where they may be recordings.

    Args:
        words: as named on the command line.
        forms: first words that ask for something else.

    Raises:
        UsageError: one of them is something else.
    """
    for place, word in enumerate(words):
        if said := _said(word, place, words, tuple(forms)):
            raise UsageError(said)


def record_of(script: str) -> None:
    """Say what to type instead of a recording where a script is wanted.

    Raises:
        UsageError: it is one.
    """
    if script.endswith(RECORDINGS):
        opens = f"`dgmtui {script}` opens it" if Path(script).exists() else f"`dgmtui record -o {script} train.py`"
        raise UsageError(f"record takes a training script, and {script} is the name of a recording: {opens}")


def _said(word: str, place: int, words: Sequence[str], forms: tuple[str, ...]) -> str:
    if word.endswith(".py") and Path(word).is_file():
        made = Path(word).with_suffix(".h5").name
        return f"{word} is a script: `dgmtui record {word}` runs and records it, `dgmtui {made}` then opens that"
    if Path(word).exists() or "." in word or "/" in word:
        return ""
    if word == "help":
        return "`dgmtui --help` tells how it is used; within a recording, `:help` lists the commands"
    if place and word in command_names():
        return f"{word} is a command: `dgmtui {words[0]} -c {word}` runs it"
    if word in demo_names():
        return f"there is no file {word}; `dgmtui demo {word}` records the demo of that name and opens it"
    near = () if place else difflib.get_close_matches(word, forms, n=1)
    if near:
        rest = " …" if len(words) > 1 else ""
        return f"there is no file {word}; did you mean `dgmtui {near[0]}{rest}`?"
    return ""
