"""Up the chain of a target, unit by unit, and down again."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError

if TYPE_CHECKING:
    from dgmtui.credit import AccountLine, Chain
    from dgmtui.session.session import Session

_SELECTION = re.compile(r"(?P<module>[^\[\]@:]*)(?:\[(?P<unit>\d+)\])?(?:@(?P<sample>\d+))?")


@dataclass(frozen=True)
class Focus:
    """What credit is assigned to, and the way it was reached."""

    target: str
    """As typed after ``credit``: ``dec.xv[3]@5``, ``nonfinite``."""
    below: "Focus | None" = None
    """Where ``down`` goes."""

    @property
    def trail(self) -> tuple[str, ...]:
        """Targets from this one down to where ``up`` began."""
        return (self.target, *(self.below.trail if self.below is not None else ()))


def go_up(session: "Session", steps: int = 1) -> str:
    """Make what contributed most to the target the target, and so on, as many units of its chain up.

    Returns:
        A sentence where the way ends, else nothing.

    Raises:
        UsageError: ``steps`` is not above zero.
        ReplayError, CreditError: there is no replay, or no credit for the target.
    """
    if steps < 1:
        raise UsageError("`up` goes one unit up the chain, or as many as you say; `down` goes back")
    below = session.target
    made = session.results.crediting.chain(session.needed_snapshot(), below)
    units = _steps(made)
    if not units:
        end = made.links[-1]
        if len(made.links) > 1:
            return f"it comes from {end.module}, which is outside the network: this is where the chain ends"
        return "nothing upstream has a part in it: this is where the chain ends"
    open_link(session, below, made, units[min(steps, len(units)) - 1])
    return "" if steps <= len(units) else f"the chain ends after {len(units)}; this is its last unit"


def open_link(session: "Session", below: str, made: "Chain", line: "AccountLine") -> None:
    """Make one line of the chain of the target ``below`` the target; ``down`` leads back over those between."""
    focus = session.focus if session.focus is not None and session.focus.target == below else Focus(below)
    steps = _steps(made)
    for each in steps[: steps.index(line)] if line in steps else ():
        focus = Focus(each.target, focus)
    session.focus = focus if focus.target == line.target else Focus(line.target, focus)
    link = next(link for link in made.links if link.target == line.target)
    session.aim(line.target, link.module, link.unit, link.sample)


def go_down(session: "Session") -> None:
    """Make what ``up`` came from the target again.

    Raises:
        UsageError: it came from nothing.
    """
    if session.focus is None or session.focus.below is None:
        raise UsageError("this is where `up` began; there is nothing further down")
    session.focus = session.focus.below
    if place := _SELECTION.fullmatch(session.focus.target):
        session.aim(session.focus.target, place["module"].removeprefix("."), _int(place["unit"]), _int(place["sample"]))


def _steps(made: "Chain") -> "list[AccountLine]":
    """The units that ``up`` goes through; the root's own output is none."""
    return [line for line in [line for line in made.account if line.target][1:] if not line.target.startswith(".")]


def _int(digits: str | None) -> int | None:
    return None if digits is None else int(digits)
