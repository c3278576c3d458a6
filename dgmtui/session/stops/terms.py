"""What a condition is made of, as parsed: frozen values that name what is recorded and how it is compared."""

from dataclasses import dataclass
from typing import TypeAlias

from dgmtui.recording.model import Measure, Quantity


@dataclass(frozen=True)
class Number:
    """A number as typed."""

    value: float


@dataclass(frozen=True)
class Scalar:
    """What there is one number of an iteration: the loss, a logged scalar, ``iteration``, ``seconds``."""

    name: str


@dataclass(frozen=True)
class Statistic:
    """``xv.activation.absmax``; without a module, the largest of all modules (of ``min`` the least)."""

    module: str | None
    quantity: Quantity
    statistic: str


@dataclass(frozen=True)
class UnitSeries:
    """``xv[16].activation.rms``."""

    module: str
    unit: int
    quantity: Quantity
    measure: Measure


@dataclass(frozen=True)
class Event:
    """``nonfinite``: the iterations that hold a NaN or Inf; ``finding``: those of findings."""

    name: str


@dataclass(frozen=True)
class Operation:
    """An operator or a function on what is below it."""

    name: str
    """``or``, ``and``, ``not``, ``<``, ``+``, ``negative``, ``abs``, …"""
    operands: "tuple[Term, ...]"

    @property
    def logical(self) -> bool:
        """It holds or does not."""
        return self.name in ("or", "and", "not", "isfinite") or self.name in COMPARISONS


COMPARISONS = (">=", "<=", "==", "!=", ">", "<")
Term: TypeAlias = "Number | Scalar | Statistic | UnitSeries | Event | Operation"


def is_logical(term: Term) -> bool:
    """Whether it holds or does not, rather than being a number."""
    return isinstance(term, Event) or (isinstance(term, Operation) and term.logical)


def first_place(term: Term) -> "Statistic | UnitSeries | None":
    """The first module that is named."""
    if isinstance(term, UnitSeries) or (isinstance(term, Statistic) and term.module is not None):
        return term
    if isinstance(term, Operation):
        return next((place for each in term.operands if (place := first_place(each)) is not None), None)
    return None


def numbers_in(term: Term) -> "tuple[Term, ...]":
    """The recorded numbers that are named, each once, in order."""
    if isinstance(term, Operation):
        return tuple(dict.fromkeys(each for operand in term.operands for each in numbers_in(operand)))
    return () if isinstance(term, Number | Event) else (term,)


def name_of(term: Term) -> str:
    """A recorded number as it is typed."""
    match term:
        case Scalar(name):
            return name
        case Statistic(module, quantity, statistic):
            return ".".join(part for part in (_path(module), quantity, statistic) if part)
        case UnitSeries(module, unit, quantity, measure):
            return f"{_path(module)}[{unit}].{quantity}.{measure}"
        case _:
            raise TypeError(f"{term!r} is no recorded number")


def _path(module: str | None) -> str:
    return "" if module is None else module or "root"
