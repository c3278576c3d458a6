"""Key bindings, the footer and the help's table of keys: all from what the commands declare."""

from collections.abc import Iterable

from textual.actions import parse
from textual.binding import Binding, BindingType

from dgmtui.commands.keymap import Bound, shown
from dgmtui.commands.registry import Registry

OWN: tuple[tuple[str, str, str, str], ...] = (
    ("t", "next_tab", "tab", "next of the tabs below"),
    ("slash", "search", "search", "find a module; without a name, the next one"),
    ("down", "module(1)", "", "next row of the tree"),
    ("up", "module(-1)", "", "previous row of the tree"),
    ("home", "module(-1000)", "", "first row of the tree"),
    ("end", "module(1000)", "", "last row of the tree"),
    ("pagedown", "scroll(1)", "", "scroll the open tab down"),
    ("pageup", "scroll(-1)", "", "scroll the open tab up"),
    ("ctrl+c,escape", "cancel", "", "cancel what is running"),
    ("ctrl+p", "palette", "", "list of all commands"),
    ("colon", "prompt", "prompt", "type a command"),
    ("question_mark,f1", "help", "help", "this help"),
)
"""Key, action, footer label (empty: not there), help; of the screen itself, no command of the session."""

FIRST = ("n", "c", "r", "e", "x", "f")
"""The keys that the footer keeps where it is narrow, in this order."""
OPENS_PROMPT = ("prompt", "search", "palette")
"""Actions that take a line; so does a command line that ends in a blank. Their keys come before all others, so that
what follows one in a burst, as over a slow line, is in the prompt."""


def own_keys() -> tuple[Bound, ...]:
    """What the screen does by itself, with ids by which a configuration can move it."""
    rows = ((tuple(keys.split(",")), action, label, text) for keys, action, label, text in OWN)
    return tuple(Bound(f"screen.{action}", keys, action, label, text, keys) for keys, action, label, text in rows)


def bindings(registry: Registry) -> list[Binding]:
    """One binding a command line; the screen's own keys come first."""
    return [
        Binding(
            ",".join(bound.keys),
            bound.line if bound.own else f"line({bound.line!r})",
            bound.text or bound.line,
            show=False,
            id=bound.id,
            priority=bound.line in OPENS_PROMPT if bound.own else bound.line.endswith(" "),
        )
        for bound in registry.bound
        if bound.keys
    ]


def parse_actions(declared: Iterable[BindingType]) -> None:
    """Have Textual parse what keys do now rather than at the first press, and keep it.

    It does so with ``ast``, which in Python 3.11 fails in one thread when another, loading torch, is at it too.
    """
    for binding in declared:
        if isinstance(binding, Binding):
            parse(binding.action)


def footer(registry: Registry) -> list[tuple[str, str]]:
    """Key and label of what the footer shows, help last."""
    labelled = [bound for bound in registry.bound if bound.label and bound.keys]
    declared = sorted((bound for bound in labelled if not bound.own), key=_place)
    own = (bound for bound in labelled if bound.own)
    return [(shown(bound.keys[0]), bound.label) for bound in (*declared, *own)]


def key_table(registry: Registry) -> list[tuple[str, str]]:
    """Every key and what it does, for the help."""
    lines = [(shown(key), bound.line.strip()) for bound in registry.bound if not bound.own for key in bound.keys]
    own = [(" ".join(map(shown, bound.keys)), bound.text) for bound in registry.bound if bound.own and bound.keys]
    return [*lines, *own]


def key_of(registry: Registry, command: str) -> str | None:
    """The key that runs ``command``, as shown, if there is one."""
    lines = ((bound.keys, bound.line) for bound in registry.bound if not bound.own and bound.keys)
    return next((shown(keys[0]) for keys, line in lines if line.split(" ")[0] == command), None)


def _place(bound: Bound) -> int:
    return next((FIRST.index(key) for key in bound.declared if key in FIRST), len(FIRST))
