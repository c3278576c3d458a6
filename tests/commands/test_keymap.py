"""Keys that a person moves: the bindings, the footer, hints and help follow; clashes are said."""

from collections.abc import Iterator

import pytest

from dgmtui.commands import REGISTRY
from dgmtui.commands.keymap import key_name, shown
from dgmtui.commands.registry import Registry, command
from dgmtui.commands.result import Result
from dgmtui.session.config import Config
from dgmtui.tui.keys import bindings, footer, key_of, key_table, own_keys


@pytest.fixture
def registry() -> Registry:
    made = Registry(own_keys=own_keys())

    @command("credit", group="analyse", keys=(("c", "credit", "credit"),), registry=made)
    def credit(session: object, target: str = "") -> Result:
        """Assign credit."""
        return Result("credit")

    @command("step", group="move", keys=(("right", "step", ""), ("l", "step", ""), ("L", "step 10", "")), registry=made)
    def step(session: object, n: int = 1) -> Result:
        """Go on."""
        return Result("step")

    @command("dynamics", group="look", keys=(("k", "dynamics -k ", "lines"),), registry=made)
    def dynamics(session: object, *, k: int = 40) -> Result:
        """The chart."""
        return Result("dynamics")

    return made


def moved(registry: Registry, preset: str = "default", **keys: tuple[str, ...]) -> Registry:
    registry.wanted_keys = Config(preset=preset, keys={n.replace("_", " "): k for n, k in keys.items()}).wanted()
    return registry


def bound_keys(registry: Registry) -> dict[str, str]:
    return {key: binding.action for binding in bindings(registry) for key in binding.key.split(",")}


def test_a_moved_key_is_everywhere_and_the_old_one_is_free(registry: Registry) -> None:
    moved(registry, credit=("f8", "C"))
    assert bound_keys(registry)["f8"] == bound_keys(registry)["C"] == "line('credit')"
    assert "c" not in bound_keys(registry)
    assert ("f8", "credit") in footer(registry) and key_of(registry, "credit") == "f8"
    assert ("C", "credit") in key_table(registry) and registry.about_keys == ()


def test_a_line_without_a_key_gets_one(registry: Registry) -> None:
    moved(registry, credit_loss=("ctrl+l",))
    assert bound_keys(registry)["ctrl+l"] == "line('credit loss')" and bound_keys(registry)["c"] == "line('credit')"


def test_characters_are_named_as_the_terminal_sends_them(registry: Registry) -> None:
    moved(registry, credit=("[", "?", ","))
    assert {"left_square_bracket", "question_mark", "comma"} <= set(bound_keys(registry))
    assert bound_keys(registry)["f1"] == "help" and bound_keys(registry)["question_mark"] == "line('credit')"


@pytest.mark.parametrize("character", "[]:/?#,<>+-_@\\!'\"%")
def test_what_is_shown_of_a_character_is_the_character(character: str) -> None:
    from textual.keys import _character_to_key

    name = key_name(character)
    assert name == _character_to_key(character) and shown(name) == character


def test_whoever_loses_its_only_key_is_named(registry: Registry) -> None:
    moved(registry, credit=("k",))
    assert registry.about_keys == ("[keys] 'credit' has taken k from 'dynamics.-k', which has no key now",)
    assert bound_keys(registry)["k"] == "line('credit')"


def test_a_key_given_twice_stays_with_the_first(registry: Registry) -> None:
    moved(registry, credit=("f8",), step=("f8", "s"))
    assert bound_keys(registry)["f8"] == "line('credit')" and bound_keys(registry)["s"] == "line('step')"
    assert "'f8' is given to 'credit' and to 'step'" in registry.about_keys[0]


WRONG = (
    ({"credit": ("hyperspace",)}, "no key is called 'hyperspace'"),
    ({"frobnicate": ("f8",)}, "'frobnicate' is no command and no id"),
)


@pytest.mark.parametrize(("keys", "expected"), WRONG)
def test_what_does_not_exist_is_said(registry: Registry, keys: dict[str, tuple[str, ...]], expected: str) -> None:
    moved(registry, **keys)
    assert len(registry.about_keys) == 1 and expected in registry.about_keys[0]


def test_vi_keys_go_through_the_tree_beside_the_arrows(registry: Registry) -> None:
    moved(registry, preset="vi")
    keys = bound_keys(registry)
    assert (keys["j"], keys["down"], keys["k"], keys["up"]) == ("module(1)", "module(1)", "module(-1)", "module(-1)")
    assert keys["number_sign"] == "line('dynamics -k ')" and keys["l"] == "line('step')" and not registry.about_keys


@pytest.fixture
def the_registry() -> Iterator[Registry]:
    REGISTRY.own_keys = own_keys()
    yield REGISTRY
    REGISTRY.wanted_keys = {}


def test_presets_fit_the_commands_that_there_are(the_registry: Registry) -> None:
    the_registry.wanted_keys = Config(preset="vi").wanted()
    assert the_registry.about_keys == ()


def test_no_two_things_have_one_key(the_registry: Registry) -> None:
    keys = [key for bound in the_registry.bound for key in bound.keys]
    assert len(keys) == len(set(keys))
