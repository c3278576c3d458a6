"""Commands about how the screen looks and what its keys are: settings, no part of an investigation."""

from typing import Literal, TypeAlias

from dgmtui.commands.keymap import Bound, as_typed, shown
from dgmtui.commands.registry import REGISTRY, command
from dgmtui.commands.result import Result, Table, Text
from dgmtui.errors import UsageError
from dgmtui.render.themes import AUTO, LOOK, THEMES
from dgmtui.session.config import EXAMPLE
from dgmtui.session.session import Session

ThemeName: TypeAlias = Literal["auto", "terminal", "dark", "light", "high-contrast", "none"]


@command("theme", group="session", logged=False)
def theme(session: Session, name: ThemeName | None = None) -> Result:
    """Draw in other colours, or list the themes.

    `auto` takes what fits the terminal: `none` where NO_COLOR is set, `light` where it says (COLORFGBG) that its ground
    is and has 256 colours, else `terminal`. `--theme NAME` and the configuration choose one from the start. What a
    colour tells is in the characters too.

    JSON: {"command":"theme","theme","themes":[{"name","summary"}…]}: the one in use.
    """
    if name is not None:
        if session.front is not None:
            session.front.use_theme(name)
        elif name != AUTO:
            LOOK.theme = THEMES[name]
    present = LOOK.theme.name if session.front is None else session.front.theme
    listed = [{"name": each.name, "summary": each.summary} for each in THEMES.values()]
    data = {"theme": present, "themes": listed}
    if name is not None:
        return Result("theme", data, (Text(f"theme {present}: {THEMES[present].summary}"),))
    rows = tuple(("▸" if each.name == present else "", each.name, each.summary) for each in THEMES.values())
    return Result("theme", data, (Table(("", "theme", "draws in"), rows),))


@command("keys", group="session", logged=False)
def keys(session: Session) -> Result:
    """List every key: what it does, the id by which the configuration moves it, and where it is from.

    A line `"ID" = "KEYS"` in the configuration's [keys] gives what ID does other keys (see `config`).

    JSON: {"command":"keys","keys":[{"id","keys":[…],"does","origin"}…]}; "keys" are as the configuration takes them.
    """
    bound = REGISTRY.bound
    data = [{"id": b.id, "keys": list(map(as_typed, b.keys)), "does": _does(b), "origin": b.origin} for b in bound]
    rows = tuple((" ".join(map(shown, b.keys)) or None, _does(b), b.id, b.origin) for b in bound)
    return Result("keys", {"keys": data}, (Table(("keys", "does", "id", "from"), rows),))


@command("config", group="session", logged=False)
def config(session: Session, *, example: bool = False) -> Result:
    """Tell where the configuration is, what it sets and what is wrong in it.

    --example prints one to begin with.

    It sets theme, mouse, bell, keys and thresholds, and is read when the screen opens. `dgmtui config --write` puts
    the example there; `--config FILE` or DGMTUI_CONFIG name another file.

    JSON: {"command":"config","file","found","settings":{…},"complaints":[…]}.
    """
    if example:
        return Result("config", {"example": EXAMPLE}, (Text(EXAMPLE.rstrip()),))
    set_ = session.config
    complaints = (*set_.complaints, *REGISTRY.about_keys)
    settings = {
        "theme": set_.theme,
        "glyphs": set_.glyphs,
        "mouse": set_.mouse,
        "bell": set_.bell,
        "preset": set_.preset,
        "keys": {name: list(keys) for name, keys in set_.keys.items()},
        "thresholds": dict(set_.thresholds),
    }
    data = {"file": _file(session), "found": set_.found, "settings": settings, "complaints": list(complaints)}
    where = _file(session) or "no file was looked for"
    head = where if set_.found or set_.path is None else f"{where} is not there; `dgmtui config --write` makes one"
    rows = tuple((name, _told(value)) for name, value in settings.items())
    told = (Text(sentence, "warning") for sentence in complaints)
    return Result("config", data, (Text(head, "strong"), Table(("setting", "value"), rows), *told))


def set_thresholds(session: Session) -> list[str]:
    """Judge by the configuration's thresholds; what is wrong with them, a sentence each."""
    complaints = []
    for name, value in session.config.thresholds:
        try:
            REGISTRY.run(session, f"thresholds {name} {value}")
        except UsageError as error:
            complaints.append(f"{session.config.path}: [thresholds] {str(error).removeprefix('thresholds: ')}")
    return complaints


def _file(session: Session) -> str | None:
    return None if session.config.path is None else str(session.config.path)


def _does(bound: Bound) -> str:
    return bound.text or bound.line.strip()


def _told(value: object) -> str:
    if isinstance(value, dict):
        words = (f"{name} = {' '.join(of) if isinstance(of, list) else of}" for name, of in value.items())
        return ", ".join(words) or "as they are"
    return (
        {True: "yes", False: "no", None: "as it fits"}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
