"""What somebody may have meant by a line that begins with no command."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dgmtui.commands.keymap import Bound, as_typed

if TYPE_CHECKING:
    from dgmtui.session.session import Session

SIGNS = ("=", "+=", "-=", "*=", "/=")


def meant(session: "Session", bound: tuple[Bound, ...], line: str) -> str:
    """One sentence on what to type instead: a key's command, an edit, a module's; empty where nothing is known."""
    return next(_guesses(session, bound, line.strip()), "")


def _guesses(session: "Session", bound: tuple[Bound, ...], line: str) -> Iterator[str]:
    word, _, rest = line.partition(" ")
    for each in bound:
        if not each.own and word in map(as_typed, each.keys):
            yield f"the key {word} outside this prompt runs `{each.line.strip()}`"
    if word == "dgmtui":
        yield "that is a line for the shell; `quit` leaves to it"
    if rest.split(" ")[0] in SIGNS:
        yield f"`set {line}` changes that and runs the iteration again"
    module = word.partition("[")[0]
    if module and any(each.path == module for each in session.recording.modules):
        yield f"`credit {word}` says what made it" if "[" in word else f"`module {word}` looks at that"
