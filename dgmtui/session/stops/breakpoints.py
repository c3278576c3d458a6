"""Breakpoints and displays of a session, by number, and which iteration meets the next one."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.session.stops.evaluating import Evaluator
from dgmtui.session.stops.reading import parse_condition, parse_value
from dgmtui.session.stops.terms import Term, first_place, is_logical, name_of, numbers_in
from dgmtui.session.view import DisplayRow

if TYPE_CHECKING:
    from dgmtui.session.session import Session


@dataclass
class Breakpoint:
    """One condition that ``continue`` stops at."""

    number: int
    text: str
    """As typed."""
    term: Term
    once: bool = False
    """It is cleared when it is met."""
    enabled: bool = True
    told: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """The iterations that met it when a run that is watched was last looked at."""


@dataclass(frozen=True)
class Stop:
    """An iteration that meets breakpoints."""

    iteration: int
    met: tuple[Breakpoint, ...]
    said: str
    """``breakpoint 1: xv.activation.absmax > 60 (61.2)``."""


class Stops:
    """Numbers are not given twice, as in pdb; with none left they begin at 1 again, as in the script that is saved."""

    def __init__(self) -> None:
        self.breakpoints: dict[int, Breakpoint] = {}
        self.displays: dict[int, tuple[str, Term]] = {}
        self._evaluator = Evaluator()
        self._next = 1
        self._next_display = 1
        self._said = ""

    def add(self, session: "Session", text: str, *, once: bool = False) -> Breakpoint:
        """Set a breakpoint.

        Raises:
            UsageError: the condition can't be read.
        """
        self._next = self._next if self.breakpoints else 1
        made = Breakpoint(self._next, text, parse_condition(session.recording, text), once)
        made.told = self.met(session, made)
        self.breakpoints[made.number] = made
        self._next += 1
        return made

    def get(self, number: int) -> Breakpoint:
        """The breakpoint of a number.

        Raises:
            UsageError: there is none.
        """
        if number not in self.breakpoints:
            there = f"there are {', '.join(map(str, self.breakpoints))}" if self.breakpoints else "none is set"
            raise UsageError(f"no breakpoint {number}; {there}")
        return self.breakpoints[number]

    def clear(self, number: int) -> Breakpoint:
        """Take a breakpoint away; ``UsageError`` where there is none."""
        gone = self.get(number)
        del self.breakpoints[number]
        self._evaluator.forget(gone.term)
        return gone

    def met(self, session: "Session", breakpoint_: Breakpoint) -> NDArray[np.int64]:
        """``[n]``, the iterations that meet a breakpoint, ascending."""
        return self._evaluator.outcome(session, breakpoint_.term).met

    def ahead(self, session: "Session", *, back: bool = False) -> Stop | None:
        """The next iteration after the cursor (or the last before it) that meets a breakpoint that is enabled."""
        found: dict[int, list[Breakpoint]] = {}
        for each in self.breakpoints.values():
            met = self.met(session, each) if each.enabled else np.empty(0, np.int64)
            place = int(np.searchsorted(met, session.iteration, "left" if back else "right")) - back
            if 0 <= place < len(met):
                found.setdefault(int(met[place]), []).append(each)
        if not found:
            return None
        return self._stop(session, max(found) if back else min(found), found)

    def stand(self, session: "Session", stop: Stop) -> None:
        """Go there and look at the module that the breakpoint names."""
        session.go_to(stop.iteration)
        place = first_place(stop.met[0].term)
        if place is not None and place.module is not None:
            session.select_module(place.module)
            if place.quantity in session.quantities():
                session.select_quantity(place.quantity)
            session.unit = getattr(place, "unit", None)
        for each in stop.met:
            if each.once:
                self.breakpoints.pop(each.number, None)

    def watch(self, session: "Session") -> None:
        """Look whether what a run has recorded since meets a breakpoint; a cursor that follows it stops there."""
        found: dict[int, list[Breakpoint]] = {}
        for each in self.breakpoints.values():
            if each.enabled:
                met = self.met(session, each)
                new = np.setdiff1d(met, each.told, assume_unique=True)
                each.told = met
                if len(new):
                    found.setdefault(int(new[0]), []).append(each)
        if not found:
            return
        stop = self._stop(session, min(found), found)
        followed = session.following
        if followed:
            self.stand(session, stop)
        self._said = f"iteration {stop.iteration:,}: {stop.said}" + (
            "; `follow` goes on" if followed and session.running else ""
        )

    def take_said(self) -> str:
        """What ``watch`` has to say, once."""
        said, self._said = self._said, ""
        return said

    def add_display(self, session: "Session", text: str) -> int:
        """Show an expression at every stop.

        Raises:
            UsageError: it can't be read.
        """
        term = parse_value(session.recording, text)
        self._next_display = self._next_display if self.displays else 1
        self.displays[self._next_display] = text, term
        self._next_display += 1
        return self._next_display - 1

    def drop_display(self, number: int) -> None:
        """Show it no more; ``UsageError`` where there is none."""
        if number not in self.displays:
            there = f"there are {', '.join(map(str, self.displays))}" if self.displays else "none stands"
            raise UsageError(f"no display {number}; {there}")
        self._evaluator.forget(self.displays.pop(number)[1])

    def shown(self, session: "Session") -> tuple[DisplayRow, ...]:
        """What the displays are at the cursor."""
        return tuple(self._shown(session, number, text, term) for number, (text, term) in self.displays.items())

    def _shown(self, session: "Session", number: int, text: str, term: Term) -> DisplayRow:
        found = self._evaluator.outcome(session, term).at(session.iteration)
        if found is None:
            return DisplayRow(number, text, None, None)
        iteration, value = found
        return DisplayRow(number, text, bool(value) if is_logical(term) else float(value), iteration)

    def _stop(self, session: "Session", iteration: int, found: dict[int, list[Breakpoint]]) -> Stop:
        met = tuple(found[iteration])
        return Stop(
            iteration, met, "; ".join(f"breakpoint {e.number}: {self._account(session, e, iteration)}" for e in met)
        )

    def _account(self, session: "Session", breakpoint_: Breakpoint, iteration: int) -> str:
        """``xv.activation.absmax > 60 (61.2)``."""
        values: list[str] = []
        several = numbers_in(breakpoint_.term)
        for term in several:
            value: Any = self._evaluator.outcome(session, term).at(iteration)
            if value is not None and value[0] == iteration:
                values.append(f"{value[1]:.6g}" if len(several) == 1 else f"{name_of(term)} = {value[1]:.6g}")
        return breakpoint_.text + (f" ({', '.join(values)})" if values else "")
