"""What the help of a recording's screen holds: every key and every command with its options, from what they declare."""

from dgmtui.commands.keymap import shown
from dgmtui.commands.registry import Command, Registry
from dgmtui.tui.help import Entry

_JSON = "JSON: "
"""What follows is for programs, and `help COMMAND` says it."""


def entries_of(registry: Registry) -> list[Entry]:
    """Keys first, then commands by group."""
    keys = [
        Entry("keys", " ".join(map(shown, bound.keys)), bound.text or _does(registry, bound.line), is_key=True)
        for bound in sorted(registry.bound, key=lambda bound: bound.own)
        if bound.keys
    ]
    return [*keys, *(_entry(registry, command) for command in registry.commands)]


def _does(registry: Registry, line: str) -> str:
    """``step 10: Go on by so many iterations``."""
    return f"{line.strip()}: {registry.find(line.split(' ')[0]).summary}"


def _entry(registry: Registry, command: Command) -> Entry:
    paragraphs = [part for part in command.help.split("\n\n") if not part.startswith(_JSON)]
    keys = [f"{shown(key)} {line.strip()}" for key, line in registry.keys_of(command).items()]
    also = [f"also {', '.join(command.aliases)}"] if command.aliases else []
    more = "; ".join([*also, *([f"keys: {', '.join(keys)}"] if keys else [])])
    return Entry(command.group, command.usage, "\n\n".join([*paragraphs, *([more] if more else [])]))
