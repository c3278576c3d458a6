"""A typed function's signature is a command's grammar."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgmtui.commands.grammar import Rest, bind, parameters_of, quote, split
from dgmtui.errors import UsageError


def everything(
    session: object,
    place: int | Literal["first"],
    file: Path | None = None,
    *more: float,
    by: Literal["unit", "module"] = "unit",
    window: tuple[int, int] | None = None,
    k: int = 40,
    loud: bool = False,
) -> None: ...


GRAMMAR = parameters_of(everything)


def test_usage_follows_from_the_signature() -> None:
    assert [p.usage() for p in GRAMMAR] == [
        "PLACE|first", "[FILE]", "[MORE…]", "[--by unit|module]", "[--window A B]", "[-k N]", "[--loud]",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "positional", "options"),
    [
        ("-1", [-1], {}),
        ("first", ["first"], {}),
        ("3 out.txt 1 -2.5 1e3", [3, Path("out.txt"), 1.0, -2.5, 1000.0], {}),
        ("3 --window -100 -1 -k 7", [3], {"window": (-100, -1), "k": 7}),
        ("3 --by=module --loud", [3], {"by": "module", "loud": True}),
        ("--lo 3", [3], {"loud": True}),
        ("2,578", [2578], {}),
    ],
)
def test_words_are_read_by_type(line: str, positional: list[Any], options: dict[str, Any]) -> None:
    assert bind(GRAMMAR, split(line)) == (positional, options)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "it needs PLACE|first"),
        ("last", "place takes an integer or first, not 'last'"),
        ("3 f x", "more takes a number, not 'x'"),
        ("3 --window 1", "--window needs two values"),
        ("3 --by modul", r"--by takes unit, module, not 'modul' \(did you mean 'module'\?\)"),
        (
            "3 --widnow 1 2",
            r"unknown option '--widnow' \(did you mean '--window'\?\); it takes --by, --window, -k, --loud",
        ),
        ("3 --by sample", "--by takes unit, module, not 'sample'"),
        ("3 --colour", "unknown option '--colour'; it takes --by, --window, -k, --loud"),
        ("3 -z", "unknown option '-z'; it takes --by, --window, -k, --loud"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(line: str, said: str) -> None:
    with pytest.raises(UsageError, match="^" + said.replace("|", r"\|") + "$"):
        bind(GRAMMAR, split(line))


def test_a_word_too_many_is_named() -> None:
    def one(session: object, n: int) -> None: ...

    with pytest.raises(UsageError, match="'2' is one word too many"):
        bind(parameters_of(one), ["1", "2"])


@pytest.mark.parametrize("annotation", [bytes, list[int], dict, Any, tuple[int, str], Literal[1, 2], int | bytes])
def test_an_unknown_annotation_fails_when_it_is_declared(annotation: Any) -> None:
    def bad(session: object, value: annotation) -> None: ...

    with pytest.raises(TypeError, match="no rule reads"):
        parameters_of(bad)


def test_no_annotation_fails_when_it_is_declared() -> None:
    def bad(session, value) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(TypeError, match="no rule reads"):
        parameters_of(bad)


def test_the_rest_of_the_line_stands_alone() -> None:
    def bad(session: object, text: Rest, *, loud: bool = False) -> None: ...

    with pytest.raises(TypeError, match="stands alone"):
        parameters_of(bad)


def test_an_annotated_type_is_read_as_the_type() -> None:
    def marked(session: object, n: Annotated[int, "anything"]) -> None: ...

    assert bind(parameters_of(marked), ["4"]) == ([4], {})


def test_quotes_hold_blanks_and_backslashes_escape() -> None:
    assert split("""a "b c" 'd "e"' f\\ g "h\\"i" """) == ["a", "b c", 'd "e"', "f g", 'h"i']


@pytest.mark.parametrize("line", ['save "a b', "save 'a", 'a b"c d'])
def test_an_open_quote_is_an_error(line: str) -> None:
    with pytest.raises(UsageError, match="quote is not closed"):
        split(line)


@given(
    st.lists(
        st.text(min_size=1).filter(lambda word: not any(c in word for c in "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))
    )
)
def test_what_is_quoted_is_read_back(words: list[str]) -> None:
    assert split(" ".join(map(quote, words))) == words
