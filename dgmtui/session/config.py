"""What a person has set for good: a TOML file in their configuration folder, read once, and never in the way.

Whatever is wrong in it is a sentence; the rest of it counts all the same.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dgmtui.errors import UsageError

VARIABLE = "DGMTUI_CONFIG"
"""The environment's word for another file; empty: none."""
THEMES = ("auto", "terminal", "dark", "light", "high-contrast", "none")
GLYPHS = ("auto", "unicode", "ascii")
PRESETS: Mapping[str, Mapping[str, str]] = {
    "default": {},
    "vi": {"screen.module(1)": "down,j", "screen.module(-1)": "up,k", "dynamics -k": "#"},
}
"""Binding → its keys, before those that are set one by one."""

EXAMPLE = """\
# dgmtui's configuration. Every line is optional; `dgmtui config` says where this file is read from.

[screen]
# theme = "auto"         # auto, terminal, dark, light, high-contrast or none
# glyphs = "auto"        # auto, unicode or ascii
# mouse = true           # left out: on, but off over SSH
# bell = true            # ring when a run that is followed has a new finding of level error

[keys]
# preset = "vi"          # j and k go through the tree; the number of lines moves to #
# "next-nonfinite" = "n,f8"       # a command line or an id of `keys`, and the keys it has from then on
# "credit loss" = "ctrl+l"        # also a command line that has no key yet
# "screen.help" = "f1,?"          # what the screen itself does; "" takes all keys away

[thresholds]
# exploding_ratio = 100  # as `thresholds` lists them
"""


_SCREEN = ("theme", "glyphs", "mouse", "bell")
_HOMES = dict.fromkeys(_SCREEN, "screen") | {"preset": "keys"}
"""Setting → the table that it belongs to."""


@dataclass(frozen=True)
class Config:
    """What the file says, checked as far as can be without a screen."""

    path: Path | None = None
    """Where it is, or would be; None: nowhere was looked."""
    found: bool = False
    theme: str = "auto"
    glyphs: str = "auto"
    mouse: bool | None = None
    bell: bool = True
    preset: str = "default"
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Command line or binding → the keys that it has instead of its own."""
    thresholds: tuple[tuple[str, str], ...] = ()
    complaints: tuple[str, ...] = ()
    """What is wrong in it, a sentence each."""

    @property
    def notice(self) -> str:
        """The first of what is wrong, with the file's name alone: there is one line for it."""
        first = self.complaints[0] if self.complaints else ""
        return first if self.path is None else first.removeprefix(f"{self.path.parent}{os.sep}")

    def wanted(self) -> dict[str, tuple[tuple[str, ...], str]]:
        """Binding → its keys, and where that is said."""
        preset = {name: (split_keys(keys), f"preset {self.preset}") for name, keys in PRESETS[self.preset].items()}
        file = "" if self.path is None else self.path.name
        return preset | {name: (keys, file) for name, keys in self.keys.items()}


def config_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file that is read where none is named; None where the environment wants none."""
    if VARIABLE in environment:
        return Path(environment[VARIABLE]).expanduser() if environment[VARIABLE] else None
    from platformdirs import user_config_path

    return user_config_path("dgmtui", appauthor=False) / "config.toml"


def read_config(named: Path | None = None) -> Config:
    """The file that is ``named``, else the person's own; what can't be read is a complaint."""
    path = named or config_path()
    if path is None:
        return Config()
    must_be = named is not None or VARIABLE in os.environ
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        missing = (f"{path}: there is no such file; `dgmtui config --example` prints one to begin with",)
        return Config(path, complaints=missing if must_be else ())
    except OSError as error:
        return Config(path, True, complaints=(f"{path} can't be read: {error.strerror}; the defaults are used",))
    except UnicodeDecodeError:
        return Config(path, True, complaints=(f"{path} is not text in UTF-8; the defaults are used",))
    except tomllib.TOMLDecodeError as error:
        return Config(path, True, complaints=(f"{path} is no TOML: {_lower(error)}; the defaults are used",))
    return _Reading(path, document).config()


def write_example(path: Path) -> None:
    """Write a file in which everything is a comment.

    Raises:
        UsageError: it is there already, or can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(EXAMPLE)
    except FileExistsError as error:
        raise UsageError(f"{path} is there, and is left alone; edit it, or take it away first") from error
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from error


def split_keys(text: str) -> tuple[str, ...]:
    """``n,f8`` as keys; a comma alone is one."""
    return (",",) if text.strip() == "," else tuple(key.strip() for key in text.split(",") if key.strip())


class _Reading:
    """Takes a document apart; what does not fit is complained of and left out."""

    def __init__(self, path: Path, document: Mapping[str, Any]) -> None:
        self._path, self._document = path, document
        self._complaints: list[str] = []

    def config(self) -> Config:
        self._only(self._document, "", ("screen", "keys", "thresholds"))
        self._homeless()
        screen, keys, thresholds = (self._table(name) for name in ("screen", "keys", "thresholds"))
        self._only(screen, "[screen] ", _SCREEN)
        bell = self._switch(screen, "bell")
        return Config(
            path=self._path,
            found=True,
            theme=self._word(screen, "[screen]", "theme", THEMES),
            glyphs=self._word(screen, "[screen]", "glyphs", GLYPHS),
            mouse=self._switch(screen, "mouse"),
            bell=True if bell is None else bell,
            preset=self._word(keys, "[keys]", "preset", tuple(PRESETS)),
            keys=dict(self._bindings(keys)),
            thresholds=tuple(self._numbers(thresholds)),
            complaints=tuple(self._complaints),
        )

    def _homeless(self) -> None:
        for name in filter(_HOMES.__contains__, self._document):
            self._complain(f"{name} stands below no heading: put the line [{_HOMES[name]}] above it")

    def _only(self, table: Mapping[str, Any], where: str, known: tuple[str, ...]) -> None:
        for name in table:
            if name not in known and (where or name not in _HOMES):
                self._complain(f"{where}{name} is unknown; there {_are(known)}")

    def _table(self, name: str) -> Mapping[str, Any]:
        value = self._document.get(name, {})
        if isinstance(value, dict):
            return value
        self._complain(f"{name} is a table, begun by a line [{name}]; not {value!r}")
        return {}

    def _word(self, table: Mapping[str, Any], where: str, name: str, allowed: tuple[str, ...]) -> str:
        value = table.get(name, allowed[0])
        if value in allowed:
            return str(value)
        self._complain(f"{where} {name} is one of {', '.join(allowed)}; not {value!r}")
        return allowed[0]

    def _switch(self, table: Mapping[str, Any], name: str) -> bool | None:
        value = table.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._complain(f"[screen] {name} is true or false; not {value!r}")
        return None

    def _bindings(self, table: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, value in table.items():
            if name == "preset":
                continue
            if isinstance(value, str):
                yield name, split_keys(value)
            else:
                self._complain(f'[keys] "{name}" takes keys in quotes, as "n,f8"; not {value!r}')

    def _numbers(self, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in table.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                yield name, str(value)
            else:
                self._complain(f"[thresholds] {name} is a number; not {value!r}")

    def _complain(self, sentence: str) -> None:
        self._complaints.append(f"{self._path}: {sentence}")


def _are(known: tuple[str, ...]) -> str:
    return f"are {', '.join(known)}"


def _lower(error: Exception) -> str:
    text = str(error)
    return text[:1].lower() + text[1:]
