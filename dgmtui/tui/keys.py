"""Key bindings, the footer and the help's table of keys: all from what the commands declare."""

from collections.abc import Sequence

from textual.binding import Binding

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
    ("colon", "prompt", "prompt", "type a command"),
    ("question_mark,f1", "help", "help", "this help"),
)
"""Key, action, footer label (empty: not there), help; of the screen itself, no command of the session."""

PALETTE = ("ctrl+p", "list of all commands")
FIRST = ("n", "c", "r", "e", "x", "f")
"""The keys that the footer keeps where it is narrow, in this order."""
OPENS_PROMPT = ("prompt", "search")
"""Actions that take a line; so does a command line that ends in a blank. Their keys come before all others, so that
what follows one in a burst, as over a slow line, is in the prompt."""
_DISPLAY = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "backspace": "⌫",
    "enter": "Enter",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}


def bindings(registry: Registry) -> list[Binding]:
    """One binding a command line, with an id by which a keymap can move it; the screen's own keys come first."""
    own = [
        Binding(key, action, text, show=False, id=f"screen.{action}", priority=action in OPENS_PROMPT)
        for key, action, _, text in OWN
    ]
    taken = {key for keys, *_ in OWN for key in keys.split(",")}
    by_line: dict[str, list[str]] = {}
    for key, (line, _) in registry.keys.items():
        if key not in taken:
            by_line.setdefault(line, []).append(key)
    return own + [
        Binding(
            ",".join(keys),
            f"line({line!r})",
            line,
            show=False,
            id=line.strip().replace(" ", "."),
            priority=line.endswith(" "),
        )
        for line, keys in by_line.items()
    ]


def footer(registry: Registry) -> list[tuple[str, str]]:
    """Key and label of what the footer shows, help last."""
    taken = {key for keys, *_ in OWN for key in keys.split(",")}
    labelled = [(key, label) for key, (_, label) in registry.keys.items() if label and key not in taken]
    labelled.sort(key=lambda entry: FIRST.index(entry[0]) if entry[0] in FIRST else len(FIRST))
    declared = [(shown(key), label) for key, label in labelled]
    own = [(shown(key.split(",")[0]), label) for key, _, label, _ in OWN if label]
    return [*declared, *own]


def key_table(registry: Registry) -> list[tuple[str, str]]:
    """Every key and what it does, for the help."""
    taken = {key for keys, *_ in OWN for key in keys.split(",")}
    declared = [(shown(key), line.strip()) for key, (line, _) in registry.keys.items() if key not in taken]
    own = [(" ".join(map(shown, keys.split(","))), text) for keys, _, _, text in OWN]
    return [*declared, *own, PALETTE]


def key_of(registry: Registry, command: str) -> str | None:
    """The key that runs ``command``, as shown, if there is one."""
    lines: Sequence[tuple[str, str]] = [(key, line) for key, (line, _) in registry.keys.items()]
    return next((shown(key) for key, line in lines if line.split(" ")[0] == command), None)


def shown(key: str) -> str:
    """A key as a person reads it."""
    return _DISPLAY.get(key, key)
