"""One declaration a command: names, keys, completion, help."""

import re
from pathlib import Path

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.registry import GROUPS, Registry, command
from dgmtui.commands.result import Result
from dgmtui.errors import UsageError
from dgmtui.recording import open_recording
from dgmtui.session.session import Session

SPINE = """goto step back first-nonfinite next-nonfinite prev-nonfinite module unit sample quantity where findings
dynamics replay credit chain print save source help quit up down explain nodes set replace clamp scale
drop undo redo edits""".split()


def test_the_commands_of_the_spine_are_there() -> None:
    assert set(SPINE) <= {command.name for command in REGISTRY.commands}


@pytest.mark.parametrize("name", [command.name for command in REGISTRY.commands])
def test_every_command_explains_itself_and_its_json(name: str) -> None:
    item = REGISTRY.find(name)
    assert 10 < len(item.summary) < 100
    assert re.search(r"^JSON: ", item.help, re.MULTILINE)
    assert f'"command":"{name}"' in item.help
    assert item.group in GROUPS


def test_every_key_runs_a_line_that_parses() -> None:
    assert {"n", "N", "l", "h", "L", "H", "[", "]", "a", "d", "w", "u", "c", "r", "e", "f", "q"} <= set(REGISTRY.keys)
    for line, _ in REGISTRY.keys.values():
        assert REGISTRY.find(line.split()[0])


@pytest.mark.parametrize(
    ("word", "name"),
    [("s", "step"), ("w", "where"), ("q", "quit"), ("h", "help"), ("find", "findings"), ("p", "print")],
)
def test_aliases_and_unambiguous_beginnings(word: str, name: str) -> None:
    assert REGISTRY.find(word).name == name


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("fingings", "no command 'fingings'; did you mean 'findings'? `help` lists them"),
        ("xyzzy", "no command 'xyzzy'; `help` lists them"),
    ],
)
def test_what_is_no_command_is_said_with_what_is_near(word: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        REGISTRY.find(word)
    assert str(raised.value) == said


def test_a_beginning_of_several_names_them() -> None:
    with pytest.raises(UsageError, match="'co' could be .*compare.*type more of it"):
        REGISTRY.find("co")


def test_a_taken_name_or_key_fails_when_it_is_declared() -> None:
    registry = Registry()

    def declare(name: str, alias: str = "", key: str = "") -> None:
        @command(
            name,
            group="look",
            aliases=[alias] if alias else [],
            keys=[(key, name, "")] if key else [],
            registry=registry,
        )
        def function(session: Session) -> Result:
            """Do nothing."""
            return Result(name)

    declare("one", "o", "1")
    for taken in (("one",), ("two", "o"), ("o",), ("two", "", "1")):
        with pytest.raises(TypeError, match="already taken"):
            declare(*taken)


def test_a_command_without_help_fails_when_it_is_declared() -> None:
    def silent(session: Session) -> Result:
        return Result("silent")

    with pytest.raises(TypeError, match="docstring"):
        command("silent", group="look", registry=Registry())(silent)


def test_completion(small_recording: Path) -> None:
    with open_recording(small_recording) as recording:
        session = Session(recording)
        assert REGISTRY.complete(session, "fi") == ["first-nonfinite", "findings", "filter", "finding", "find"]
        assert REGISTRY.complete(session, "module e") == ["module enc"]
        assert REGISTRY.complete(session, "quantity w") == ["quantity weight", "quantity weight_gradient"]
        assert REGISTRY.complete(session, "quantity weight ") == [
            f"quantity weight {measure}" for measure in ("mean", "rms", "zeros", "norm", "element")
        ]
        assert REGISTRY.complete(session, "dynamics --sc") == ["dynamics --scale"]
        assert REGISTRY.complete(session, "dynamics --scale s") == ["dynamics --scale symlog"]
        assert REGISTRY.complete(session, "goto f") == ["goto first-nonfinite"]
        assert REGISTRY.complete(session, "help wh") == ["help where"]
        assert REGISTRY.complete(session, "nonsense ") == []
