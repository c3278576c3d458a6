"""What is told to the person who started the training."""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO


def teller() -> Callable[[str], None]:
    """A function that says a line on what is standard error now: what the script redirects later holds its own only.

    Where nobody hears it any more (the script closed it) nothing is said, and nothing fails.
    """
    stream = sys.stderr

    def say(text: str) -> None:
        with suppress(Exception):
            _require_open(stream)
            print(f"dgmtui: {text}\n", end="", file=stream, flush=True)  # in one piece: other ranks write there too

    return say


def _require_open(stream: TextIO) -> None:
    """``OSError`` where its file is closed: what a stream can't get rid of it tries again, and fails, at the end."""
    with suppress(io.UnsupportedOperation):  # no file, as in a notebook
        os.fstat(stream.fileno())
