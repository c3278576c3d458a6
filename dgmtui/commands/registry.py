"""One declaration a command: it yields the prompt's grammar, the keys, the palette, the help and the batch mode."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from dgmtui.commands.answers import keep_answer
from dgmtui.commands.completing import COMPLETERS
from dgmtui.commands.grammar import Parameter, bind, parameters_of, quote, split
from dgmtui.commands.guessing import meant
from dgmtui.commands.keymap import Bound, as_typed, of_lines, remapped
from dgmtui.commands.pointing import point, renamed
from dgmtui.commands.result import Result
from dgmtui.errors import DgmtuiError, UsageError
from dgmtui.session.session import Session
from dgmtui.trace.available import require_torch

GROUPS = ("move", "stop", "look", "analyse", "edit", "session")
Function = Callable[..., Result]
Key = tuple[str, str, str]
"""Key, command line that it runs, footer label (empty: not in the footer)."""


@dataclass(frozen=True)
class Command:
    """One command as declared."""

    name: str
    function: Function
    aliases: tuple[str, ...]
    keys: tuple[Key, ...]
    group: str
    """One of ``GROUPS``."""
    summary: str
    """First line of its docstring."""
    help: str
    """All of its docstring, its JSON object included."""
    parameters: tuple[Parameter, ...]
    needs_replay: bool
    """It may run a replay, and so load torch: a screen runs it in a worker with progress."""
    logged: bool
    """``save`` keeps it: it changes or shows the investigation, and is no talk about the session itself."""

    @property
    def usage(self) -> str:
        """``credit [TARGET] [--top TOP]``."""
        return " ".join((self.name, *(p.usage() for p in self.parameters)))

    @property
    def brief(self) -> str:
        """``credit [TARGET] …``: the options left out."""
        places = [p.brief() for p in self.parameters if p.kind not in ("option", "switch")]
        more = ["…"] if len(places) < len(self.parameters) else []
        return " ".join((self.name, *places, *more))

    @property
    def example(self) -> str:
        """A line that its help has as an example, else how it is used: ``as in `clamp xv -inf 80` ``."""
        found = re.search(rf"`({re.escape(self.name)} [^`]+)`", self.help)
        return f"as in `{found[1]}`" if found else f"its usage is `{self.brief}`"

    def call(self, session: Session, rest: str) -> Result:
        """Run it on the text after its name.

        Raises:
            UsageError: the text does not fit its parameters, or the command can't be done.
        """
        if self.parameters and self.parameters[0].kind == "rest":
            if not rest and self.parameters[0].required:
                raise UsageError(f"it needs {self.parameters[0].usage()}, {self.example}", word="")
            return self.function(session, *([rest] if rest else []))
        words = split(rest)
        try:
            positional, options = bind(self.parameters, words)
        except UsageError as error:
            raise renamed(error, f"{error}; {self.example}") from error
        return self.function(session, *positional, **options)


LONGEST = 4000
"""Characters of a line; a longer one is refused and not echoed."""


@dataclass
class Registry:
    """All commands; those of one group in the order they were declared."""

    _commands: dict[str, Command] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)
    own_keys: tuple[Bound, ...] = ()
    """What a screen does by itself; its keys come before those of commands."""
    wanted_keys: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    """What a person has changed: command line or id → keys, and where that is said."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """In the order that help shows: by group."""
        return tuple(sorted(self._commands.values(), key=lambda command: GROUPS.index(command.group)))

    @property
    def keys(self) -> Mapping[str, tuple[str, str]]:
        """Key → (command line, footer label), as declared."""
        return {key: (line, label) for c in self.commands for key, line, label in c.keys}

    @property
    def bound(self) -> tuple[Bound, ...]:
        """Everything that has a key, the screen's own first."""
        return self._keymap()[0]

    @property
    def about_keys(self) -> tuple[str, ...]:
        """What is wrong with the keys that are wanted, or else has to be said of them."""
        return self._keymap()[1]

    def keys_of(self, command: Command) -> dict[str, str]:
        """Key → command line, of one command."""
        mine = (b for b in self.bound if not b.own and b.line.split(" ")[0] == command.name)
        return {as_typed(key): bound.line for bound in mine for key in bound.keys}

    def _keymap(self) -> tuple[tuple[Bound, ...], tuple[str, ...]]:
        taken = {key for bound in self.own_keys for key in bound.keys}
        lines = of_lines({key: of for key, of in self.keys.items() if key not in taken})
        return remapped((*self.own_keys, *lines), self.wanted_keys, self._is_command)

    def _is_command(self, line: str) -> bool:
        try:
            self.find(line.split(" ")[0])
        except UsageError:
            return False
        return True

    def add(self, command: Command) -> None:
        """Register a command.

        Raises:
            TypeError: its name, an alias or a key is taken.
        """
        if command.group not in GROUPS:
            raise TypeError(f"{command.name}: there is no group {command.group!r}")
        names = (command.name, *command.aliases)
        taken = [n for n in names if n in self._commands or n in self._aliases]
        taken += [key for key, _, _ in command.keys if key in self.keys]
        if taken:
            raise TypeError(f"{command.name}: {', '.join(map(repr, taken))} is already taken")
        self._commands[command.name] = command
        self._aliases.update((alias, command.name) for alias in command.aliases)

    def find(self, word: str) -> Command:
        """The command of that name, alias or unambiguous beginning.

        Raises:
            UsageError: there is none, or several.
        """
        if name := self._aliases.get(word, word if word in self._commands else None):
            return self._commands[name]
        begun = [name for name in self._commands if word and name.startswith(word)]
        if len(begun) == 1:
            return self._commands[begun[0]]
        if begun:
            raise UsageError(f"{word!r} could be {', '.join(begun)}; type more of it", word=word)
        near = difflib.get_close_matches(word, [*self._commands, *self._aliases], n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UsageError(f"no command {word!r}; {hint}`help` lists them", word=word)

    def _meant(self, session: Session, line: str, word: str) -> Command:
        """As ``find``; where there is none, what may have been meant is said."""
        try:
            return self.find(word)
        except UsageError as error:
            hint = "" if any(name.startswith(word) for name in self._commands) else meant(session, self.bound, line)
            if not hint:
                raise
            raise renamed(error, f"no command {word!r}; {hint}") from error

    def run(self, session: Session, line: str) -> Result:
        """Run one line on the session; an empty line does nothing.

        Raises:
            DgmtuiError: whatever the command could not do, in one sentence.
        """
        if len(line) > LONGEST:
            raise UsageError(f"a line of {len(line):,} characters is no command; the longest has {LONGEST:,}")
        word, _, rest = line.strip().partition(" ")
        if not word or word.startswith("#"):
            return Result("")
        with session.lock:
            if session.training is not None and word not in ("q", "quit", "exit"):
                session.training.asked = False
            try:
                command = self._meant(session, line, word)
                session.diary.begin()
                result = _called(command, session, rest.strip())
            except DgmtuiError as error:
                point(error, line)
                raise
            except ModuleNotFoundError:
                require_torch()
                raise
            if command.logged:  # before the session settles, which it may not do where the line is run again
                session.diary.keep(result.kept or " ".join(filter(None, (command.name, rest.strip()))))
            session.settle()
            session.note_findings()
            session.tour.go_on(session, command.name)
            told = result if result.command else replace(result, command=command.name)
            if command.name not in ("copy", "export"):
                keep_answer(session, told)
            return told

    def complete(self, session: Session | None, text: str) -> list[str]:
        """Whole lines that ``text`` may become: commands first, then what the word under the cursor allows."""
        word, blank, rest = text.lstrip().partition(" ")
        if not blank:
            names = [*(c.name for c in self.commands), *(a for a in self._aliases if len(a) > 1)]
            return [name for name in names if name.startswith(word)]
        try:
            command = self.find(word)
        except DgmtuiError:
            return []
        head, _, last = rest.rpartition(" ")
        before = " ".join(filter(None, (word, head.strip())))
        as_typed = any(parameter.kind == "rest" for parameter in command.parameters)
        words = self._words(command, head, last, session)
        return [f"{before} {item if as_typed else quote(item)}" for item in words]

    def _words(self, command: Command, head: str, last: str, session: Session | None) -> list[str]:
        done = head.split()
        previous = done[-1] if done else ""
        option = next((p for p in command.parameters if p.kind == "option" and p.flag == previous), None)
        if option is not None:
            candidates = self._candidates(option, session, head, last)
        elif last.startswith("-") and all(p.kind != "rest" for p in command.parameters):
            candidates = [p.flag for p in command.parameters if p.kind in ("option", "switch")]
        else:
            place = _place(command, done)
            candidates = self._candidates(place, session, head, last) if place else []
        return [item for item in candidates if item.startswith(last) and item != last][:200]

    def _candidates(self, parameter: Parameter, session: Session | None, before: str, word: str) -> list[str]:
        if parameter.completes == "command":
            return list(self._commands)
        found = list(parameter.choices)
        completer = COMPLETERS.get(parameter.completes)
        if completer is not None and session is not None:
            with suppress(DgmtuiError):  # what can't be read completes nothing; the command will say why
                found += completer(session, before, word)
        return found


def _called(command: Command, session: Session, rest: str) -> Result:
    """Its answer; a wrong use is said with the command's name before it."""
    try:
        return command.call(session, rest)
    except UsageError as error:
        raise renamed(error, f"{command.name}: {error}") from error


def _place(command: Command, done: Sequence[str]) -> Parameter | None:
    """The argument that the next word is, if there is one."""
    places = [p for p in command.parameters if p.kind in ("positional", "variadic", "rest")]
    if places and places[-1].kind in ("variadic", "rest"):
        return places[min(len(places) - 1, sum(not item.startswith("-") for item in done))]
    loose = sum(not item.startswith("-") for item in done)
    return places[min(loose, len(places) - 1)] if places and loose <= len(places) else None


REGISTRY = Registry()


def command(
    name: str,
    *,
    group: str,
    aliases: Iterable[str] = (),
    keys: Iterable[Key] = (),
    needs_replay: bool = False,
    logged: bool = True,
    registry: Registry = REGISTRY,
) -> Callable[[Function], Function]:
    """Declare a function ``(session, …) -> Result`` as a command: its signature is the grammar, its docstring the help.

    Raises:
        TypeError: an annotation that no rule reads, no docstring, or a name or key that is taken.
    """

    def register(function: Function) -> Function:
        text = inspect.getdoc(function)
        if not text:
            raise TypeError(f"{name}: a command needs a docstring, it is its help")
        registry.add(
            Command(
                name=name,
                function=function,
                aliases=tuple(aliases),
                keys=tuple(keys),
                group=group,
                summary=text.splitlines()[0].rstrip("."),
                help=text,
                parameters=parameters_of(function),
                needs_replay=needs_replay,
                logged=logged,
            )
        )
        return function

    return register
