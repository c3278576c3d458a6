"""Which key does what: as commands and the screen declare it, and as a person has changed it."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

DEFAULT = "default"
_NAMED = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
    "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip
"""What Textual calls other than Unicode does."""
_KEYS = frozenset(
    "up down left right home end pageup pagedown tab enter space backspace delete insert escape".split()
) | {f"f{number}" for number in range(1, 25)}
_MODIFIERS = ("ctrl+", "shift+", "alt+")

_DISPLAY = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "backspace": "⌫",
    "enter": "Enter",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "minus": "-",
    "plus": "+",
    "slash": "/",
    "backslash": "\\",
    "at": "@",
    "underscore": "_",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}
"""How keys are shown whose name is not their character's, or not short."""


@dataclass(frozen=True)
class Bound:
    """One thing that keys do."""

    id: str
    """By which a configuration names it: ``step.10``, ``screen.help``."""
    keys: tuple[str, ...]
    """As Textual names them."""
    line: str
    """The command line that they run, or (of the screen's own) the action."""
    label: str = ""
    """In the footer; empty: not there."""
    text: str = ""
    """What the screen's own does; empty: it is a command line."""
    declared: tuple[str, ...] = ()
    """The keys that it had at first."""
    origin: str = DEFAULT

    @property
    def own(self) -> bool:
        """Whether it is the screen's own, no command of the session."""
        return bool(self.text)


def of_lines(declared: Mapping[str, tuple[str, str]]) -> list[Bound]:
    """One a command line of ``key → (line, label)``; a key that has the label comes first."""
    lines: dict[str, list[str]] = {}
    labels: dict[str, str] = {}
    for key, (line, label) in declared.items():
        keys = lines.setdefault(line, [])
        keys.insert(0 if label else len(keys), key_name(key) or key)
        labels[line] = labels.get(line) or label
    return [Bound(id_of(line), tuple(ks), line, labels[line], declared=tuple(ks)) for line, ks in lines.items()]


def id_of(line: str) -> str:
    """``step.10`` of ``step 10``."""
    return line.strip().replace(" ", ".")


def key_name(key: str) -> str | None:
    """A key as Textual names it, ``left_square_bracket`` of ``[``; None: there is none of that name."""
    if len(key) == 1:
        name = unicodedata.name(key, "").lower().replace("-", "_").replace(" ", "_")
        return key if key.isalnum() else _NAMED.get(name, name) or None
    rest = key
    while rest.startswith(_MODIFIERS):
        rest = rest.partition("+")[2]
    if len(rest) == 1 and rest != key:
        return key[: -len(rest)] + (key_name(rest) or rest)
    known = rest in _KEYS or rest in _DISPLAY or _is_character(rest)
    return key if known else None


def _is_character(name: str) -> bool:
    try:
        unicodedata.lookup(name.replace("_", " ").upper())
    except KeyError:
        return False
    return True


def remapped(
    bounds: Sequence[Bound], wanted: Mapping[str, tuple[tuple[str, ...], str]], is_command: Callable[[str], bool]
) -> tuple[tuple[Bound, ...], tuple[str, ...]]:
    """``bounds`` with other keys, and what has to be said about it, a sentence each.

    Args:
        wanted: id or command line → keys and where that is from; of a key that is wanted twice the first counts.
        is_command: whether a line that has no key yet begins with a command.
    """
    said: list[str] = []
    given: dict[str, tuple[tuple[str, ...], str]] = {}
    taken: dict[str, str] = {}
    by_id = {bound.id: bound for bound in bounds}
    for name, (keys, origin) in wanted.items():
        identity = id_of(name)
        if identity not in by_id:
            if not is_command(name):
                said.append(f"{origin}: [keys] {name!r} is no command and no id; `keys` lists them")
                continue
            by_id[identity] = Bound(identity, (), name)
        given[identity] = tuple(_free(keys, identity, origin, taken, said)), origin
    made = []
    for bound in by_id.values():
        if bound.id in given:
            keys, origin = given[bound.id]
            made.append(replace(bound, keys=keys, origin=origin))
            continue
        kept = tuple(key for key in bound.keys if key not in taken)
        if bound.keys and not kept:
            thief = taken[bound.keys[0]]
            said.append(f"[keys] {thief!r} has taken {shown(bound.keys[0])} from {bound.id!r}, which has no key now")
        made.append(replace(bound, keys=kept))
    return tuple(made), tuple(said)


def _free(keys: Sequence[str], identity: str, origin: str, taken: dict[str, str], said: list[str]) -> Iterator[str]:
    """The names of those that exist and are not given away yet; they are from now on."""
    for key in keys:
        name = key_name(key)
        if name is None:
            said.append(f"{origin}: [keys] {identity!r}: no key is called {key!r}; they are as n, N, [, f8, ctrl+n, up")
        elif taken.setdefault(name, identity) != identity:
            said.append(f"{origin}: [keys] {key!r} is given to {taken[name]!r} and to {identity!r}; the first has it")
        else:
            yield name


def shown(key: str) -> str:
    """A key as a person reads it: ``[``, ``↑``, ``ctrl+n``."""
    if key in _DISPLAY or len(key) == 1 or key in _KEYS:
        return _DISPLAY.get(key, key)
    try:
        found = unicodedata.lookup(key.replace("_", " ").upper())
    except KeyError:
        return key
    return found if found.isascii() else key


def as_typed(key: str) -> str:
    """A key as a configuration may have it: a character by itself, any other by its name."""
    character = shown(key)
    return character if len(character) == 1 and character.isascii() else key
