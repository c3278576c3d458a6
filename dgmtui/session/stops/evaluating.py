"""A condition evaluated over all iterations at once. What was not measured at an iteration decides nothing there."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.session.stops.columns import Columns
from dgmtui.session.stops.terms import Event, Number, Operation, Scalar, Statistic, Term, UnitSeries

if TYPE_CHECKING:
    from dgmtui.session.session import Session


@dataclass(frozen=True)
class Outcome:
    """Over all iterations."""

    values: NDArray[Any]
    """``[T]``: float64, or bool of what holds or does not."""
    known: NDArray[np.bool_]
    """``[T]``."""

    @property
    def met(self) -> NDArray[np.int64]:
        """``[n]``, the iterations that hold, ascending."""
        return np.flatnonzero(self.values.astype(bool) & self.known)

    def at(self, iteration: int) -> tuple[int, Any] | None:
        """The last iteration at or before one at which it is known, and what it is there; None where there is none."""
        found = np.flatnonzero(self.known[: iteration + 1])
        return (int(found[-1]), self.values[found[-1]].item()) if len(found) else None


_COMPUTE: Mapping[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": np.divide, "negative": operator.neg, "abs": np.abs,
    "isfinite": np.isfinite, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
    "==": operator.eq, "!=": operator.ne, "not": np.logical_not,
}  # fmt: skip


class Evaluator:
    """Of one session; what it read of a recording is kept, and added to as that grows."""

    def __init__(self) -> None:
        self._columns: dict[int, Columns] = {}
        self._made: dict[tuple[int, Term], tuple[object, Outcome]] = {}

    def outcome(self, session: "Session", term: Term) -> Outcome:
        """Of the rank that is looked at, as far as it is recorded by now."""
        key, extent = (session.rank, term), (*_extent(session), *_events(session, term))
        made = self._made.get(key)
        if made is None or made[0] != extent:
            with np.errstate(all="ignore"):
                made = extent, self._evaluate(session, term)
            self._made[key] = made
        return made[1]

    def forget(self, term: Term) -> None:
        """Nobody asks for it any more."""
        self._made = {key: made for key, made in self._made.items() if key[1] != term}

    def _evaluate(self, session: "Session", term: Term) -> Outcome:
        count = session.recording.iteration_count
        match term:
            case Number(value):
                return Outcome(np.full(count, value), np.ones(count, bool))
            case Scalar(name):
                return _scalar(session, name)
            case Event(name):
                return _event(session, name)
            case Statistic() | UnitSeries():
                return self._measured(session, term)
            case Operation("and" | "or", (left, right)):
                return _joined(term.name, self._evaluate(session, left), self._evaluate(session, right))
            case Operation(name, operands):
                parts = [self._evaluate(session, each) for each in operands]
                known = np.logical_and.reduce([part.known for part in parts])
                return Outcome(_COMPUTE[name](*(part.values for part in parts)), known)

    def _measured(self, session: "Session", term: Statistic | UnitSeries) -> Outcome:
        columns = self._columns.setdefault(session.rank, Columns(session.recording))
        column, count = columns.column(term, session.results.progress), session.recording.iteration_count
        rows = session.recording.rows[: len(column.values)]
        within = column.measured & (rows < count)
        values, known = np.full(count, np.nan), np.zeros(count, bool)
        values[rows[within]], known[rows[within]] = column.values[within], True
        return Outcome(values, known)


def _extent(session: "Session") -> tuple[object, ...]:
    recording = session.recording
    return recording.iteration_count, len(recording.rows), recording.generation


def _events(session: "Session", term: Term) -> tuple[object, ...]:
    """What else the events in a condition depend on."""
    match term:
        case Event("nonfinite"):
            exclusions = session.ranks.exclusions
            return exclusions.patterns, session.results.explained() if exclusions else frozenset()
        case Event():
            return (tuple(finding.iteration for finding in session.ranks.findings(quick=True)),)
        case Operation(_, operands):
            return tuple(each for operand in operands for each in _events(session, operand))
        case _:
            return ()


def _scalar(session: "Session", name: str) -> Outcome:
    recording, count = session.recording, session.recording.iteration_count
    if name == "iteration":
        values: NDArray[np.float64] = np.arange(count, dtype=np.float64)
    elif name == "seconds":
        values = np.asarray(recording.seconds(), np.float64)
    elif name == "loss" and name not in recording.scalars:
        values = session.landmarks.losses
    else:
        values = np.asarray(recording.scalar(name), np.float64)
        return Outcome(values, ~np.isnan(values))  # NaN where it was not logged
    return Outcome(values, np.ones(count, bool))


def _event(session: "Session", name: str) -> Outcome:
    count = session.recording.iteration_count
    values = np.zeros(count, bool)
    if name == "nonfinite":
        at = session.landmarks.nonfinite_iterations()
    else:
        at = np.array([each.iteration for each in session.ranks.findings(quick=True)], np.int64)
    values[at[at < count]] = True
    return Outcome(values, np.ones(count, bool))


def _joined(word: str, left: Outcome, right: Outcome) -> Outcome:
    """Kleene's logic: one side that decides is enough."""
    if word == "and":
        decided = (left.known & ~left.values) | (right.known & ~right.values)
        return Outcome(left.values & right.values & ~decided, (left.known & right.known) | decided)
    decided = (left.known & left.values) | (right.known & right.values)
    return Outcome(left.values & left.known | right.values & right.known, (left.known & right.known) | decided)
