"""Reading a condition: ``loss > 300 and not xv.activation.absmax <= 60``. A parser of its own, nothing is evaluated."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.session.stops.naming import find_term
from dgmtui.session.stops.terms import COMPARISONS, Event, Number, Operation, Term, is_logical

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

FUNCTIONS = ("abs", "isfinite")
DEEPEST = 60
"""Brackets within brackets."""
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w.\[])", re.IGNORECASE)
_OPERATOR = re.compile(r">=|<=|==|!=|[-+*/<>()]")
_WORD = re.compile(r"""(?:"[^"]*"|'[^']*'|\*\.(?=[A-Za-z])|[\w.])(?:[\w.]|\[[^\]]*\])*""")


@dataclass(frozen=True)
class _Token:
    kind: str
    """``number``, ``operator``, ``word`` or ``end``."""
    text: str
    place: int


def parse_condition(recording: "Recording", text: str) -> Term:
    """What holds at an iteration or does not.

    Raises:
        UsageError: it can't be read, names what is not recorded, or is a number.
    """
    term = _Parser(recording, text).whole()
    if not is_logical(term):
        raise UsageError(f"{text.strip()!r} is a number; compare it, as in `{text.strip()} > 60`")
    return term


def parse_value(recording: "Recording", text: str) -> Term:
    """A number of an iteration, or what holds there or does not.

    Raises:
        UsageError: it can't be read, or names what is not recorded.
    """
    return _Parser(recording, text).whole()


def _tokens(text: str, scalars: tuple[str, ...]) -> list[_Token]:
    found, place = [], 0
    longest_first = sorted(scalars, key=len, reverse=True)
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token = _next_token(text, place, longest_first)
        found.append(token)
        place += len(token.text)
    return [*found, _Token("end", "", len(text))]


def _next_token(text: str, place: int, scalars: list[str]) -> _Token:
    for name in scalars:  # what was logged may be called ``val/loss``
        end = place + len(name)
        if text.startswith(name, place) and not (text[end : end + 1].isalnum() or text[end : end + 1] in ("_", ".")):
            return _Token("word", name, place)
    for kind, pattern in (("number", _NUMBER), ("word", _WORD), ("operator", _OPERATOR)):
        if match := pattern.match(text, place):
            return _Token(kind, match.group(), place)
    if text[place] == "=":
        raise UsageError(f"one = before {text[place + 1 :].strip()!r}; == compares")
    raise UsageError(f"{text[place]!r} before {text[place + 1 :].strip()!r} is no part of a condition")


class _Parser:
    """Descends by precedence: or, and, not, comparison, sum, product, sign, what stands alone."""

    def __init__(self, recording: "Recording", text: str) -> None:
        self._recording = recording
        self._tokens = _tokens(text, recording.scalars)
        self._at = 0
        self._depth = 0

    def whole(self) -> Term:
        term = self._or()
        if self._now.kind != "end":
            raise UsageError(f"{self._now.text!r} after {self._before!r} does not go on; try and, or, or a comparison")
        return term

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    @property
    def _before(self) -> str:
        return self._tokens[self._at - 1].text if self._at else ""

    def _take(self, *texts: str) -> str:
        """The text of the token here if it is one of these, and go on; else nothing."""
        text = self._now.text if self._now.kind != "end" and self._now.text in texts else ""
        self._at += bool(text)
        return text

    def _or(self) -> Term:
        return self._joined("or", self._and)

    def _and(self) -> Term:
        return self._joined("and", self._not)

    def _joined(self, word: str, below: Callable[[], Term]) -> Term:
        term = below()
        while self._take(word):
            term = Operation(word, (_logical(term, word), _logical(below(), word)))
        return term

    def _not(self) -> Term:
        if self._take("not"):
            return Operation("not", (_logical(self._nested(self._not), "not"),))
        return self._comparison()

    def _comparison(self) -> Term:
        term = self._sum()
        if not (sign := self._take(*COMPARISONS)):
            return term
        compared = Operation(sign, (_numeric(term, sign), _numeric(self._sum(), sign)))
        if again := self._take(*COMPARISONS):
            raise UsageError(f"a second comparison {again!r}; join two with and")
        return compared

    def _sum(self) -> Term:
        return self._computed(("+", "-"), self._product)

    def _product(self) -> Term:
        return self._computed(("*", "/"), self._signed)

    def _computed(self, signs: tuple[str, ...], below: Callable[[], Term]) -> Term:
        term = below()
        while sign := self._take(*signs):
            term = Operation(sign, (_numeric(term, sign), _numeric(below(), sign)))
        return term

    def _signed(self) -> Term:
        if self._take("-"):
            return Operation("negative", (_numeric(self._nested(self._signed), "-"),))
        return self._nested(self._signed) if self._take("+") else self._alone()

    def _alone(self) -> Term:
        token = self._now
        if token.kind == "end":
            raise UsageError(f"something is missing after {self._before!r}" if self._before else "it needs a condition")
        self._at += 1
        if token.kind == "number":
            return Number(float(token.text))
        if token.text == "(":
            return self._closed(self._nested(self._or))
        if token.text in FUNCTIONS and self._take("("):
            return Operation(token.text, (_numeric(self._closed(self._nested(self._sum)), token.text),))
        if token.kind == "operator" or token.text in ("and", "or", "not"):
            raise UsageError(f"something is missing before {token.text!r}")
        if token.text.lower() in ("inf", "nan"):
            return Number(float(token.text))
        return find_term(self._recording, token.text)

    def _closed(self, term: Term) -> Term:
        if not self._take(")"):
            raise UsageError(f"a bracket is not closed after {self._before!r}")
        return term

    def _nested(self, below: Callable[[], Term]) -> Term:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UsageError("it is nested too deep")
        term = below()
        self._depth -= 1
        return term


def _logical(term: Term, word: str) -> Term:
    if not is_logical(term):
        raise UsageError(f"{word!r} joins what holds or does not; compare the number beside it, as in loss > 300")
    return term


def _numeric(term: Term, word: str) -> Term:
    if is_logical(term):
        what = term.name if isinstance(term, Event) else "what holds or does not"
        raise UsageError(f"{word!r} takes numbers; {what} is none")
    return term
