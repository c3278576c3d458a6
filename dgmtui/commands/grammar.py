"""A typed function's signature as a command's grammar: what it takes, how a line is read, how it is shown."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from dgmtui.errors import UsageError
from dgmtui.session.script import quote as quote  # one rule for what is typed and what is saved


@dataclass(frozen=True)
class Completes:
    """Marks an argument that the prompt completes: ``Annotated[str, Completes("module")]``."""

    what: str
    """``command``, ``file``, or a name in ``completing.COMPLETERS``: ``module``, ``target``, ``expression``, …"""


@dataclass(frozen=True)
class Remaining:
    """Marks an argument that takes the rest of the line as it was typed, quotes and all."""


ModulePath: TypeAlias = Annotated[str, Completes("module")]
CommandName: TypeAlias = Annotated[str, Completes("command")]
Rest: TypeAlias = Annotated[str, Remaining()]
Expression: TypeAlias = Annotated[str, Remaining(), Completes("expression")]
Condition: TypeAlias = Annotated[str, Remaining(), Completes("condition")]
Excludable: TypeAlias = Annotated[str, Remaining(), Completes("excludable")]
Excluded: TypeAlias = Annotated[str, Remaining(), Completes("excluded")]
Change: TypeAlias = Annotated[str, Remaining(), Completes("change")]
Replacement: TypeAlias = Annotated[str, Remaining(), Completes("replacement")]
OutputPlace: TypeAlias = Annotated[str, Completes("place")]

Alternative: TypeAlias = "type[Any] | tuple[str, ...]"
"""A type that a word is read as, or the words that are allowed."""

_SCALARS: dict[type[Any], str] = {int: "an integer", float: "a number", str: "text", Path: "a file name"}
_METAVARS: dict[type[Any], str] = {int: "N", float: "X", str: "NAME", Path: "FILE"}
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""")
_PIECE = re.compile(r""""((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)|([^"'\\]+)""")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+](inf|nan)", re.IGNORECASE)


_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+")
"""An integer as the screen shows it: 2,578."""


@dataclass(frozen=True)
class Parameter:
    """One argument of a command."""

    name: str
    """The function's parameter."""
    kind: Literal["positional", "variadic", "rest", "option", "switch"]
    alternatives: tuple[Alternative, ...]
    """Tried in order on a word."""
    required: bool
    count: int = 1
    """How many words it takes: 2 for a pair."""
    completes: str = ""

    @property
    def flag(self) -> str:
        """As typed: ``--by``, ``-k``."""
        return f"-{self.name}" if len(self.name) == 1 else "--" + self.name.rstrip("_").replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it allows, where it allows no others."""
        return tuple(w for a in self.alternatives if isinstance(a, tuple) for w in a)

    @property
    def label(self) -> str:
        """As it is called in help: ``PATH``."""
        return self.name.rstrip("_").upper().replace("_", "-")

    def brief(self) -> str:
        """As shown where many commands are listed: ``[NAME]`` whatever words it allows."""
        return self.label if self.required else f"[{self.label}]"

    def usage(self) -> str:
        """As shown in help: ``PATH``, ``[N]``, ``[--by unit|module]``."""
        shown = (
            item
            for a in self.alternatives
            for item in (a if isinstance(a, tuple) else (_METAVARS[a] if self.kind == "option" else self.label,))
        )
        words = "|".join(dict.fromkeys(shown))
        text = {"switch": self.flag, "variadic": f"{words}…", "rest": words}.get(self.kind, words)
        if self.kind == "option":
            text = f"{self.flag} {'A B' if self.count == 2 else words}"
        elif self.count == 2:
            text = "A B"
        return text if self.required else f"[{text}]"

    def read(self, word: str) -> Any:
        """The value of one typed word.

        Raises:
            UsageError: it is none of what is allowed.
        """
        for alternative in self.alternatives:
            if isinstance(alternative, tuple):
                if word in alternative:
                    return word
            elif (value := _read_as(alternative, word)) is not None:
                return value
        wanted = " or ".join(", ".join(a) if isinstance(a, tuple) else _SCALARS[a] for a in self.alternatives)
        label = self.flag if self.kind == "option" else self.name.rstrip("_").replace("_", "-")
        raise UsageError(f"{label} takes {wanted}, not {word!r}{_nearest(word, self.choices)}", word=word)


def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The grammar of ``function``; its first parameter is the session and takes nothing from the line.

    Raises:
        TypeError: an annotation that no rule reads, so that a bad command fails when it is declared.
    """
    hints = get_type_hints(function, include_extras=True)
    declared = list(inspect.signature(function).parameters.values())[1:]
    found = tuple(_parameter(function.__name__, item, hints.get(item.name)) for item in declared)
    if any(item.kind == "rest" for item in found) and len(found) > 1:
        raise TypeError(f"{function.__name__}: an argument that takes the rest of the line stands alone")
    return found


def split(line: str) -> list[str]:
    """The words of a line; quotes hold blanks together, a backslash takes the next character as it is.

    Raises:
        UsageError: a quote is not closed.
    """
    words, end = [], 0
    for match in _WORD.finditer(line):
        if line[end : match.start()].strip():
            break
        words.append("".join(_piece(piece) for piece in _PIECE.finditer(match.group())))
        end = match.end()
    if line[end:].strip():
        raise UsageError(f"a quote is not closed at {line[end:].strip()!r}; close it or put \\ before it")
    return words


def words_at(line: str) -> Iterator[tuple[int, int]]:
    """Where the words of a line are, as typed: from and without."""
    return (match.span() for match in re.finditer(rf"{_WORD.pattern}|\S+", line))


def bind(parameters: Sequence[Parameter], words: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments for the command's function.

    Raises:
        UsageError: too few or too many words, an unknown flag, or a word that does not fit.
    """
    flags = {p.flag: p for p in parameters if p.kind in ("option", "switch")}
    options: dict[str, Any] = {}
    loose: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-") or word == "-" or _NUMBER.fullmatch(word):
            loose.append(word)
            continue
        name, equals, value = word.partition("=")
        parameter = _flag(flags, name)
        if equals:
            queue.insert(0, value)
        options[parameter.name] = _option(parameter, queue)
    return _positionals([p for p in parameters if p.kind in ("positional", "variadic")], loose), options


def _piece(match: re.Match[str]) -> str:
    double, single, escaped, plain = match.groups()
    if double is not None:
        return re.sub(r"\\(.)", r"\1", double)
    return next(text for text in (single, escaped, plain) if text is not None)


def _read_as(kind: type[Any], word: str) -> Any | None:
    try:
        return kind(word.replace(",", "") if kind is int and _GROUPED.fullmatch(word) else word)
    except ValueError:
        return None


def _flag(flags: dict[str, Parameter], name: str) -> Parameter:
    matches = [flag for flag in flags if flag == name] or [
        flag for flag in flags if flag.startswith(name) and len(name) > 2
    ]
    if len(matches) != 1:
        problem = f"{name!r} could be {' or '.join(matches)}" if matches else f"unknown option {name!r}"
        raise UsageError(problem + ("" if matches else _nearest(name, flags) + _known(flags)), word=name)
    return flags[matches[0]]


def _nearest(word: str, allowed: Iterable[str]) -> str:
    """What was probably meant; empty where nothing is near."""
    bare = {name.lstrip("-"): name for name in allowed}
    near = difflib.get_close_matches(word.lstrip("-"), bare, n=1, cutoff=0.65)
    return f" (did you mean {bare[near[0]]!r}?)" if near else ""


def _known(flags: dict[str, Parameter]) -> str:
    return f"; it takes {', '.join(flags)}" if flags else "; it takes none"


def _option(parameter: Parameter, queue: list[str]) -> Any:
    if parameter.kind == "switch":
        return True
    if len(queue) < parameter.count:
        needs = "two values" if parameter.count == 2 else "a value"
        raise UsageError(f"{parameter.flag} needs {needs}", word="")
    values = [parameter.read(queue.pop(0)) for _ in range(parameter.count)]
    return tuple(values) if parameter.count == 2 else values[0]


def _positionals(parameters: Sequence[Parameter], words: list[str]) -> list[Any]:
    values: list[Any] = []
    for parameter in parameters:
        if parameter.kind == "variadic":
            values.extend(parameter.read(word) for word in words)
            words = []
            continue
        taken, words = words[: parameter.count], words[parameter.count :]
        if not taken and not parameter.required:
            break
        if len(taken) < parameter.count:
            raise UsageError(f"it needs {parameter.usage().strip('[]')}", word="")
        read = [parameter.read(word) for word in taken]
        values.append(tuple(read) if parameter.count == 2 else read[0])
    if words:
        raise UsageError(f"{words[0]!r} is one word too many", word=words[0])
    return values


def _parameter(function: str, declared: inspect.Parameter, hint: Any) -> Parameter:
    kind: Literal["positional", "variadic", "rest", "option", "switch"] = "positional"
    completes = ""
    if get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
        completes = next((m.what for m in marks if isinstance(m, Completes)), "")
        kind = "rest" if any(isinstance(m, Remaining) for m in marks) else kind
    if declared.kind is inspect.Parameter.VAR_POSITIONAL:
        kind = "variadic"
    elif declared.kind is inspect.Parameter.KEYWORD_ONLY:
        kind = "switch" if hint is bool else "option"
    alternatives, count, marked = _alternatives(hint)
    if kind == "switch":
        alternatives = ()
    elif not alternatives:
        raise TypeError(f"{function}: no rule reads {hint!r}, the annotation of {declared.name!r}")
    optional = declared.default is not inspect.Parameter.empty or kind == "variadic"
    if kind in ("option", "switch") and not optional:
        raise TypeError(f"{function}: the option {declared.name!r} needs a default")
    return Parameter(declared.name, kind, alternatives, not optional, count, completes or marked)


def _alternatives(hint: Any) -> tuple[tuple[Alternative, ...], int, str]:
    """What a hint allows, how many words it takes, and what completes it; nothing allowed where no rule reads it."""
    if hint in _SCALARS:
        return (hint,), 1, "file" if hint is Path else ""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal and all(isinstance(word, str) for word in arguments):
        return (arguments,), 1, ""
    if origin is Annotated:
        inner, count, marked = _alternatives(arguments[0])
        return inner, count, next((m.what for m in arguments[1:] if isinstance(m, Completes)), marked)
    if origin is tuple and len(arguments) == 2 and arguments[0] is arguments[1]:
        return _alternatives(arguments[0])[0], 2, ""
    if origin in (Union, UnionType):
        parts = [_alternatives(part) for part in arguments if part is not NoneType]
        if all(inner for inner, _, _ in parts) and (len(parts) == 1 or all(n == 1 for _, n, _ in parts)):
            inner = tuple(alternative for part, _, _ in parts for alternative in part)
            return inner, parts[0][1], next((marked for _, _, marked in parts if marked), "")
    return (), 1, ""
