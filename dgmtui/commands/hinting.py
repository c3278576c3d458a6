"""What to type next: the usage of the command that is being typed, with the present argument told apart."""

from collections.abc import Sequence

from dgmtui.commands.registry import Command, Registry
from dgmtui.errors import DgmtuiError

Piece = tuple[str, str]
"""Text and the style that ``render.text.style_named`` knows."""


def hint(registry: Registry, text: str) -> Sequence[Piece]:
    """The commands that begin so; behind a command's name, its arguments, the one at hand between brackets of its own.

    Nothing where there is no such command.
    """
    word, blank, rest = text.lstrip().partition(" ")
    if not blank:
        names = [command.name for command in registry.commands if command.name.startswith(word)]
        return [("  ".join(names), "dim")] if word and names else []
    try:
        command = registry.find(word)
    except DgmtuiError:
        return []
    present = _present(command, rest)
    pieces: list[Piece] = [(command.name, "strong")]
    for place, parameter in enumerate(command.parameters):
        shown = parameter.usage()
        pieces += [(" ", ""), (f"▸{shown}", "strong") if place == present else (shown, "dim")]
    return [*pieces, (f"  {command.summary}", "dim")]


def _present(command: Command, rest: str) -> int | None:
    """Which parameter the word under the cursor is of."""
    words = rest.split(" ")
    done, last = [word for word in words[:-1] if word], words[-1]
    numbered = list(enumerate(command.parameters))
    flags = {parameter.flag: (place, parameter) for place, parameter in numbered}
    for back, word in enumerate(reversed(done), start=1):
        place, parameter = flags.get(word, (-1, None))
        if parameter is not None and parameter.kind == "option" and back <= parameter.count:
            return place
    if last.startswith("--"):
        begun = [place for place, p in numbered if p.kind in ("option", "switch") and p.flag.startswith(last)]
        return begun[0] if len(begun) == 1 else None
    places = [place for place, p in numbered if p.kind not in ("option", "switch")]
    taken = _taken(command, done)
    lasting = places and command.parameters[places[-1]].kind in ("variadic", "rest")
    return places[min(taken, len(places) - 1)] if places and (taken < len(places) or lasting) else None


def _taken(command: Command, done: Sequence[str]) -> int:
    """How many positional arguments there are in whole words."""
    taking = {p.flag: p.count for p in command.parameters if p.kind == "option"}
    loose = skip = 0
    for word in done:
        if skip:
            skip -= 1
        elif word in taking:
            skip = taking[word]
        elif not word.startswith("--"):
            loose += 1
    return loose
