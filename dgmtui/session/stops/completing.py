"""How a condition that is being typed may go on."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dgmtui.recording.model import MEASURES, STATISTICS, Quantity
from dgmtui.session.stops.naming import EVENTS, SCALARS
from dgmtui.session.stops.reading import FUNCTIONS
from dgmtui.session.stops.terms import COMPARISONS

if TYPE_CHECKING:
    from dgmtui.session.session import Session

_HEAD = re.compile(r"^[-+*/<>=!(]*(?:(?:abs|isfinite)\()*")
_UNIT = re.compile(r"(?P<unit>[^\[]+\[\d+\])\.(?P<rest>.*)")


def after(session: "Session", before: str, word: str) -> Iterator[str]:
    """Whole words that ``word`` may become, behind ``before``."""
    done = before.split()
    if done and not _is_open(done[-1]):
        if any(word in COMPARISONS for word in done) or done[-1] in EVENTS:
            yield from ("and", "or")
        else:
            yield from COMPARISONS
        return
    head = _HEAD.match(word)
    begin = head.group() if head else ""
    rest = word[len(begin) :]
    yield from (begin + name for name in _names(session, rest))
    if not done or done[-1] in ("and", "or"):
        yield "not"


def _is_open(word: str) -> bool:
    """Whether a number or a condition has to follow."""
    return word in ("and", "or", "not") or word[-1] in "+-*/<>=(" or word in COMPARISONS


def _names(session: "Session", word: str) -> Iterator[str]:
    recording = session.recording
    yield from (*SCALARS, *EVENTS, *recording.scalars, *(f"{name}(" for name in FUNCTIONS))
    unit = _UNIT.fullmatch(word)
    if unit is not None:
        for quantity in Quantity:
            yield from (f"{unit['unit']}.{quantity}.{measure}" for measure in MEASURES[quantity])
        return
    head, _, last = word.rpartition(".")
    if head.rpartition(".")[2] in list(Quantity):
        yield from (f"{head}.{statistic}" for statistic in STATISTICS)
    for channel in recording.channels:
        name = channel.module or "root"
        if f"{name}.{channel.quantity}".startswith(word):
            yield f"{name}." if not word.startswith(f"{name}.") else f"{name}.{channel.quantity}."
    yield from (f"{quantity}." for quantity in Quantity)
