"""What is shown, for other programs: made in their form, and put on the clipboard."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from dgmtui.commands.answers import last_answer
from dgmtui.commands.registry import command
from dgmtui.commands.result import Result, Text
from dgmtui.commands.shown import Part, blocks_of
from dgmtui.errors import UsageError
from dgmtui.session.session import Session

if TYPE_CHECKING:
    from dgmtui.render.forms import Form

FORMS: "Mapping[str, Form]" = {".txt": "text", ".csv": "csv", ".md": "md", ".svg": "svg", ".json": "json"}
LONGEST = 74_994
"""Bytes; many terminals take a sequence of 100,000, and the text in it grows by a third."""


@command("copy", group="session", keys=(("y", "copy", ""),), logged=False)
def copy(session: Session, what: Part | None = None, *, as_: Literal["text", "csv", "md"] = "text") -> Result:
    """Copy what the open tab shows, or a named part, to the clipboard.

    WHAT is a part of the screen or the last `answer`; --as csv has the numbers in full. It goes through the terminal
    (OSC 52), so also over SSH, to the clipboard where you sit; at most 75 kB, as many terminals take no more. Within
    tmux `set -g set-clipboard on` lets it through. Where a terminal ignores it nothing happens: use `export`.

    JSON: {"command":"copy","of","format","bytes"}.
    """
    if session.front is None:
        raise UsageError("there is no clipboard without a screen; `export FILE --of …` writes it to a file")
    part = what or session.front.open_part
    if part == "screen":
        raise UsageError("the screen is a picture; `export FILE.svg --of screen` writes it")
    text = made(session, part, as_)
    size = len(text.encode())
    if size > LONGEST:
        raise UsageError(
            f"{part} is {size / 1000:,.0f} kB, and many terminals take at most 75; `export FILE --of {part}` writes it"
        )
    session.front.copy(text)
    lines = text.count("\n")
    said = f"{part} copied as {as_}: {lines} line{'s' * (lines != 1)}"
    return Result("copy", {"of": part, "format": as_, "bytes": size}, (Text(said),))


def made(session: Session, part: Part, form: "Form") -> str:
    """``part`` in that form.

    Raises:
        UsageError: there is nothing in it, or nothing that the form takes.
    """
    if part == "screen":
        return _screen(session, form)
    if part == "answer" and form == "json":
        from dgmtui.render.json import to_json

        return to_json(last_answer(session)) + "\n"
    if part == "dynamics" and form == "csv":
        from dgmtui.commands.exporting import series_csv

        return series_csv(session)
    if part == "loss" and form == "csv":
        return _losses(session)
    from dgmtui.render.forms import in_form

    return in_form(blocks_of(session, part), form)


def _screen(session: Session, form: "Form") -> str:
    if session.front is None:
        raise UsageError("there is no screen to make a picture of; leave out --batch")
    if form != "svg":
        raise UsageError("the screen is a picture, so its file ends in .svg; a part of it has other forms")
    return session.front.picture()


def _losses(session: Session) -> str:
    """All of them; the chart is thinned."""
    import numpy as np

    from dgmtui.render.csv import columns_csv

    losses = session.landmarks.losses
    return columns_csv("iteration", np.arange(len(losses)), [("loss", losses)])
