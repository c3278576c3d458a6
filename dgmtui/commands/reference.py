"""Every command in Markdown, from what it declares: ``python -m dgmtui.commands.reference`` prints ``REFERENCE.md``."""

import re
from collections.abc import Iterator
from pathlib import Path

from dgmtui.commands import REGISTRY
from dgmtui.commands.registry import GROUPS, Command, Registry

REFERENCE = Path(__file__).with_name("REFERENCE.md")
"""The page that lies beside this module; ``make reference`` writes it again."""
HEAD = """\
# Commands

Written by `make reference` from what the commands declare; a test holds it to that. Every one works at the `(dgm)`
prompt, in the palette, in a script (`-x FILE`) and in batch mode (`-c 'COMMAND' --batch`, with `--json` as the object
that is described). A beginning that no other command shares is enough; `help COMMAND` shows the same text.
"""
_OBJECT = re.compile(r"^JSON: ", re.MULTILINE)


def markdown(registry: Registry = REGISTRY) -> str:
    """The page: a list of all with their summaries, then each with its usage, keys and JSON object, by group."""
    return "\n".join([HEAD, *_overview(registry), *_groups(registry)]).rstrip() + "\n"


def _overview(registry: Registry) -> Iterator[str]:
    for group, commands in _by_group(registry):
        names = ", ".join(f"[`{command.name}`](#{command.name})" for command in commands)
        yield f"- **{group}**: {names}"
    yield ""


def _groups(registry: Registry) -> Iterator[str]:
    for group, commands in _by_group(registry):
        yield f"## {group.capitalize()}\n"
        for command in commands:
            yield from _entry(command)


def _entry(command: Command) -> Iterator[str]:
    yield f"### {command.name}\n"
    yield f"    {command.usage}\n"
    also = [f"`{alias}`" for alias in command.aliases]
    keys = [f"`{key}` ({line.strip()})" for key, line, _ in command.keys]
    told = [f"{name}: {', '.join(them)}" for name, them in (("Also", also), ("Keys", keys)) if them]
    if told:
        yield f"{'. '.join(told)}.\n"
    text, *objects = _OBJECT.split(command.help)
    yield f"{_as_markdown(text)}\n"
    for item in objects:
        yield f"JSON:\n\n{_indented(item)}\n" if item.startswith("{") else f"JSON: {_as_markdown(item)}\n"


def _as_markdown(text: str) -> str:
    """A docstring's paragraphs; what would be read as markup in one of them, outside its own code, is escaped."""
    pieces = re.split(r"(`[^`]*`)", text.strip())
    return "".join(piece if piece.startswith("`") else re.sub(r"([*_<\[\]])", r"\\\1", piece) for piece in pieces)


def _indented(text: str) -> str:
    return "\n".join(f"    {line.strip()}" for line in text.strip().splitlines())


def _by_group(registry: Registry) -> Iterator[tuple[str, list[Command]]]:
    for group in GROUPS:
        yield group, [command for command in registry.commands if command.group == group]


if __name__ == "__main__":
    print(markdown(), end="")
