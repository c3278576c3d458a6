"""A target as a person types it: a name, and which units, samples and positions of it are meant."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dgmtui.errors import UsageError

_TARGET = re.compile(
    r"(?P<name>[^\[\]@]*)(?:\[(?P<units>[^\[\]]*)\])?(?:@(?P<samples>[^\[\]@]*))?(?:\[(?P<position>[^\[\]]*)\])?"
)
_ITEM = re.compile(r"(?P<first>\d+)(?:(?P<dash>-|:)(?P<last>\d+))?", re.ASCII)
_MOST_DIGITS = 9
FORMS = "MODULE, MODULE[UNITS], MODULE[UNITS]@SAMPLES[POSITION], node:ID, loss, loss:TERM, grad:PARAMETER or nonfinite"


@dataclass(frozen=True)
class Typed:
    """The parts of a target's text; None where that part was not typed."""

    name: str
    units: str | None
    samples: str | None
    position: str | None


def taken_apart(text: str) -> Typed:
    """The parts of ``conv1[3,17,40-48]@2,5[4,7]``.

    Raises:
        UsageError: it has another form.
    """
    found = _TARGET.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no target; one is {FORMS}")
    return Typed(found["name"], found["units"], found["samples"], found["position"])


def numbers(text: str, size: int, whose: str, what: str) -> tuple[int, ...]:
    """``3,17,40-48`` as numbers below ``size``, each once, ascending; ``40:49`` is the same range as in Python.

    Args:
        whose: what has so many, for the sentence where one is none of them.
        what: ``units`` or ``samples``.

    Raises:
        UsageError: it is no list of numbers, or one is too large.
    """
    found: set[int] = set()
    for item in text.split(","):
        chosen = _range(item.strip(), text, what)
        if chosen.stop > size:
            wrong = next(i for i in chosen if i >= size)
            raise UsageError(f"{whose} has {size} {what}, numbered from 0; {wrong} is none of them")
        found.update(chosen)
    return tuple(sorted(found))


def place(text: str, sizes: Sequence[int], whose: str, what: str = "positions") -> tuple[range, ...]:
    """``4,7`` or ``8:16,0:8``: a number, a range or ``:`` for each of the first axes of ``sizes``, all of the others.

    Raises:
        UsageError: there are fewer axes, or an index is too large.
    """
    items = [item.strip() for item in text.split(",")]
    shape = "×".join(map(str, sizes))
    if len(items) > len(sizes):
        has = f"has {shape} {what}" if sizes else f"has no {what} to choose from"
        raise UsageError(f"{whose} {has}; [{text}] names one of {len(items)} axes")
    chosen = [range(n) if item == ":" else _range(item, text, what) for item, n in zip(items, sizes, strict=False)]
    if any(picked.stop > n for picked, n in zip(chosen, sizes, strict=False)):
        raise UsageError(f"{whose} has {shape} {what}, numbered from 0; [{text}] is none of them")
    return (*chosen, *(range(n) for n in sizes[len(chosen) :]))


def _range(item: str, text: str, what: str) -> range:
    found = _ITEM.fullmatch(item)
    if found is None or max(len(found["first"]), len(found["last"] or "")) > _MOST_DIGITS:
        raise UsageError(f"{what} are numbers from 0, such as 3, 3,17 or 40-48; {text!r} is something else")
    first = int(found["first"])
    last = first if found["last"] is None else int(found["last"]) - (found["dash"] == ":")
    if last < first:
        raise UsageError(f"{item!r} holds none of the {what}: a range goes upwards")
    return range(first, last + 1)


def run_together(chosen: Sequence[int]) -> str:
    """``3,17,40-48`` for ascending numbers."""
    runs: list[list[int]] = []
    for number in chosen:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def place_text(position: Sequence[range], sizes: Sequence[int]) -> str:
    """``4,7`` or ``8:16,0:8``; empty where it is everything."""
    if all(len(picked) == size for picked, size in zip(position, sizes, strict=True)):
        return ""
    return ",".join(
        str(picked.start) if len(picked) == 1 else ":" if len(picked) == size else f"{picked.start}:{picked.stop}"
        for picked, size in zip(position, sizes, strict=True)
    )
