"""Names of recorded numbers as they are typed in a condition: found, or refused with the word that is wrong."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from dgmtui.errors import UsageError
from dgmtui.recording.model import MEASURES, STATISTICS, Measure, Quantity
from dgmtui.session.stops.terms import Event, Scalar, Statistic, Term, UnitSeries

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording

EVENTS = ("nonfinite", "finding")
SCALARS = ("loss", "iteration", "seconds")
SHORT = {"grad": "gradient", "act": "activation", "weight_grad": "weight_gradient"}
"""Shorter words for quantities."""
FORM = "MODULE.QUANTITY.STATISTIC, as in xv.activation.absmax"
_UNIT = re.compile(r"(?P<module>.*)\[(?P<unit>[^\]]*)\](?:\.(?P<rest>.*))?")


def find_term(recording: "Recording", word: str) -> Term:
    """What a word names.

    Raises:
        UsageError: nothing that is recorded.
    """
    if word in EVENTS:
        return Event(word)
    if word in SCALARS or word in recording.scalars:
        return Scalar(word)
    unit = _UNIT.fullmatch(word)
    if unit is not None:
        return _unit_series(recording, word, unit["module"], unit["unit"], unit["rest"] or "")
    head, _, last = word.rpartition(".")
    module, _, quantity = head.rpartition(".")
    if _quantity(last) is not None:
        raise UsageError(f"{word!r} needs a statistic: {', '.join(f'.{each}' for each in STATISTICS)}")
    known = _quantity(quantity)
    if known is None:
        raise UsageError(_unknown(recording, word, quantity, last))
    if last not in STATISTICS:
        raise UsageError(f"no statistic {last!r} in {word!r}{_near(last, STATISTICS)}; it has {', '.join(STATISTICS)}")
    return _statistic(recording, word, module, known, last)


def _statistic(recording: "Recording", word: str, module: str, quantity: Quantity, statistic: str) -> Statistic:
    if module in ("", "*"):
        if statistic == "mean":
            raise UsageError(f"{word!r} needs a module: a mean is of one, as in MODULE.{quantity}.mean")
        if all(channel.quantity != quantity for channel in recording.channels):
            raise UsageError(f"no {quantity} is recorded of any module")
        return Statistic(None, quantity, statistic)
    path = find_module(recording, module)
    _check_recorded(recording, path, quantity)
    return Statistic(path, quantity, statistic)


def _unit_series(recording: "Recording", word: str, module: str, unit: str, rest: str) -> UnitSeries:
    path = find_module(recording, module)
    name, _, measured = rest.partition(".")
    quantity = _quantity(name or "activation")
    if quantity is None:
        raise UsageError(
            f"no quantity {name!r} in {word!r}{_near(name, [*Quantity, *SHORT])}; try {', '.join(Quantity)}"
        )
    offered = MEASURES[quantity]
    if measured and measured not in offered:
        raise UsageError(
            f"no measure {measured!r} of a unit's {quantity} in {word!r}{_near(measured, offered)}; "
            f"it has {', '.join(offered)}"
        )
    _check_recorded(recording, path, quantity)
    count = next(c.units for c in recording.channels if (c.module, c.quantity) == (path, quantity))
    if not unit.isdecimal() or int(unit) >= count:
        has = f"has units 0 to {count - 1}" if count else "has no units"
        raise UsageError(f"no unit [{unit}] in {word!r}: the {quantity} of {path or 'root'} {has}")
    return UnitSeries(path, int(unit), quantity, Measure(measured) if measured else offered[0])


def find_module(recording: "Recording", word: str) -> str:
    """The path of a module by its path or by its end, where that is of one only; ``root`` is the root.

    Raises:
        UsageError: there is none, or several.
    """
    word = word.strip("\"'")
    paths = [module.path for module in recording.modules]
    if word in paths or word in ("root", "."):
        return word if word in paths else ""
    ending = [path for path in paths if path.endswith("." + word)]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise UsageError(f"{word!r} could be {', '.join(ending[:6])}; type more of it")
    near = _near(word, paths) or f"; there are {', '.join(path for path in paths[:8] if path)}, …"
    raise UsageError(f"no module {word!r}{near}")


def _check_recorded(recording: "Recording", path: str, quantity: Quantity) -> None:
    offered = [channel.quantity for channel in recording.channels if channel.module == path]
    if quantity not in offered:
        has = f"it has {', '.join(offered)}" if offered else "nothing is recorded of it"
        raise UsageError(f"{path or 'root'} has no recorded {quantity}; {has}")


def _quantity(word: str) -> Quantity | None:
    word = SHORT.get(word, word)
    return Quantity(word) if word in list(Quantity) else None


def _unknown(recording: "Recording", word: str, quantity: str, last: str) -> str:
    """Why ``word`` names nothing: the part of it that is wrong."""
    if last in STATISTICS and quantity:
        return f"no quantity {quantity!r} in {word!r}{_near(quantity, [*Quantity, *SHORT])}; try {', '.join(Quantity)}"
    whole = [*SCALARS, *EVENTS, *recording.scalars]
    return f"{word!r} is nothing that is recorded{_near(word, whole)}; try loss, nonfinite, or {FORM}"


def _near(word: str, known: "Iterable[str]") -> str:
    found = cast("Sequence[str]", difflib.get_close_matches(word, [str(each) for each in known], n=1))
    return f"; did you mean {found[0]}?" if found else ""
