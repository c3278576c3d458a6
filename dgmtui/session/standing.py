"""Where a session stands, as one value and as the command line that goes there, whatever was looked at before."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import UsageError
from dgmtui.recording.model import Measure, Quantity
from dgmtui.session.climbing import Focus
from dgmtui.session.picking import Pick
from dgmtui.session.script import quote

if TYPE_CHECKING:
    from dgmtui.session.session import Session

_PLACE = re.compile(r"(?P<module>.*?)(?:\[(?P<unit>\d+)\])?(?:@(?P<sample>\d+))?")
_PICK = re.compile(r"(?:rank (?P<rank>\d+) )?(?P<module>.*)\[(?P<unit>\d+)\]")
BELOW = " < "
"""Between a target and the one that `down` leads to."""


@dataclass(frozen=True)
class Standing:
    """All that moving and selecting change."""

    rank: int
    iteration: int
    phase: str | None
    module: str
    unit: int | None
    sample: int | None
    quantity: Quantity
    measure: Measure | None
    trail: tuple[str, ...]
    """Targets from the present one down to where ``up`` began; empty: what is selected is the target."""
    pick: Pick | None

    @property
    def place(self) -> str:
        """``dec.xv[3]@5``; ``.[1]`` is a unit of the root."""
        unit = "" if self.unit is None else f"[{self.unit}]"
        return (self.module or ".") + unit + ("" if self.sample is None else f"@{self.sample}")

    @property
    def picked(self) -> str:
        """``dec.xv[3]``, ``rank 1 dec.xv[3]``; empty where nothing is picked."""
        if self.pick is None:
            return ""
        rank = "" if self.pick.rank == self.rank else f"rank {self.pick.rank} "
        return f"{rank}{self.pick.module or '.'}[{self.pick.unit}]"

    @property
    def line(self) -> str:
        """The command that goes here: ``stand 1317 dec.xv[3]@5 --phase forward --target nonfinite``."""
        options = {
            "--quantity": str(self.quantity) if self.quantity != Quantity.ACTIVATION else "",
            "--measure": str(self.measure or ""),
            "--phase": self.phase or "",
            "--target": BELOW.join(self.trail),
            "--pick": self.picked,
            "--rank": str(self.rank) if self.rank else "",
        }
        told = (f"{flag} {quote(value)}" for flag, value in options.items() if value)
        return " ".join(("stand", str(self.iteration), quote(self.place), *told))

    def go(self, session: "Session") -> None:
        """Make ``session`` stand here.

        Raises:
            UsageError: the recording has no such rank, iteration or module.
        """
        if self.rank != session.rank:
            session.select_rank(self.rank)
        session.go_to(self.iteration)
        session.select_module(self.module)
        session.unit, session.sample, session.phase = self.unit, self.sample, self.phase
        session.quantity, session.measure = self.quantity, self.measure
        session.pick, session.focus = self.pick, None
        for target in reversed(self.trail):
            session.focus = Focus(target, session.focus)


def standing_of(session: "Session") -> Standing:
    """Where ``session`` stands now."""
    return Standing(
        session.rank,
        session.iteration,
        session.phase,
        session.module,
        session.unit,
        session.sample,
        session.quantity,
        session.measure,
        session.focus.trail if session.focus is not None else (),
        session.pick,
    )


def read_place(text: str) -> tuple[str, int | None, int | None]:
    """Module, unit and sample of ``dec.xv[3]@5``."""
    found = _PLACE.fullmatch(text)
    assert found is not None  # every text has that form: a module's name may be anything
    module = "" if found["module"] == "." else found["module"]
    unit, sample = (None if digits is None else int(digits) for digits in found.group("unit", "sample"))
    return module, unit, sample


def read_pick(text: str, rank: int) -> Pick | None:
    """The line that ``Standing.picked`` names, on ``rank`` where it names none; None for an empty text.

    Raises:
        UsageError: it is no ``MODULE[UNIT]``.
    """
    if not text:
        return None
    found = _PICK.fullmatch(text)
    if found is None:
        raise UsageError(f"a line is called MODULE[UNIT], not {text!r}", word=text)
    module = "" if found["module"] == "." else found["module"]
    return Pick(module, int(found["unit"]), rank if found["rank"] is None else int(found["rank"]))
