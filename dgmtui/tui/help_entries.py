"""What the help of a recording's screen holds: every key and every command with its options, from what they declare."""

from collections.abc import Sequence

from dgmtui.commands.keymap import Bound, shown
from dgmtui.commands.registry import Command, Registry
from dgmtui.tui.help import Entry

_JSON = "JSON: "
"""What follows is for programs, and `help COMMAND` says it."""


def entries_of(registry: Registry) -> list[Entry]:
    """Keys first, then commands by group."""
    own = [
        Entry("keys", _keys((bound,)), bound.text, is_key=True) for bound in registry.bound if bound.own and bound.keys
    ]
    of_commands: dict[str, list[Bound]] = {}
    for bound in registry.bound:
        if bound.keys and not bound.own:
            of_commands.setdefault(bound.line.split(" ")[0], []).append(bound)
    keys = [
        Entry("keys", _keys(bounds), _does(registry, name, bounds), is_key=True) for name, bounds in of_commands.items()
    ]
    return [*keys, *own, *(_entry(registry, command) for command in registry.commands)]


def _keys(bounds: Sequence[Bound]) -> str:
    """``z Z < >``; of a row of digits the first and the last: ``) ( 1 … 9``."""
    keys = [shown(key) for bound in bounds for key in bound.keys]
    inner = {
        key for before, key, after in zip(keys, keys[1:], keys[2:], strict=False) if (before + key + after).isdigit()
    }
    told = [key for key in keys if key not in inner]
    return " ".join(f"… {key}" if key.isdigit() and inner and key == told[-1] else key for key in told)


def _does(registry: Registry, name: str, bounds: Sequence[Bound]) -> str:
    """``step: Go on by one iteration, or by N — L 10``."""
    arguments = [
        f"{' '.join(map(shown, bound.keys))} {given}"
        for bound in bounds
        if (given := bound.line.strip().partition(" ")[2]) and given != shown(bound.keys[0])
    ]
    return f"{name}: {' — '.join(filter(None, (registry.find(name).summary, ' · '.join(arguments))))}"


def _entry(registry: Registry, command: Command) -> Entry:
    paragraphs = [part for part in command.help.split("\n\n") if not part.startswith(_JSON)]
    keys = [f"{shown(key)} {line.strip()}" for key, line in registry.keys_of(command).items()]
    also = [f"also {', '.join(command.aliases)}"] if command.aliases else []
    more = "; ".join([*also, *([f"keys: {', '.join(keys)}"] if keys else [])])
    return Entry(command.group, command.usage, "\n\n".join([*paragraphs, *([more] if more else [])]))
