"""The finding that is looked at: chosen by its number, kept by what stays of it while the list changes."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Literal

from dgmtui.errors import UsageError
from dgmtui.recording.model import Quantity
from dgmtui.session.subject import charted

if TYPE_CHECKING:
    from dgmtui.findings.model import Evidence, Finding
    from dgmtui.session.session import Session

QUANTITIES = {"backward": Quantity.GRADIENT, "update": Quantity.UPDATE}
"""What is looked at of a finding of another phase than ``forward``."""


class ChosenFinding:
    """None at first."""

    def __init__(self) -> None:
        self._name: Hashable = None
        self._when: Hashable = None
        """What stays of it when a replay tells what operation it came from."""
        self._shown = 0

    def number(self, findings: "Sequence[Finding]") -> int | None:
        """Its place in a list, from 1; None where none was chosen, or it is not there."""
        for chosen, names in (
            (self._name, [name_of(finding) for finding in findings]),
            (self._when, [_when(finding) for finding in findings]),
        ):
            if chosen in names:
                return names.index(chosen) + 1
        return None

    def choose(self, session: "Session", which: int | Literal["next", "prev"]) -> "tuple[int, Finding]":
        """Choose a finding and stand on it: its iteration, rank, module, unit and sample.

        Raises:
            UsageError: there is no such finding.
        """
        findings = session.ranks.findings(quick=True)
        number = self._number(findings, which)
        if not 1 <= number <= len(findings):
            has = f"there are 1 to {len(findings)}" if findings else "there are none"
            raise UsageError(f"no finding {number}; {has}")
        finding = findings[number - 1]
        stand_on(session, finding)
        self._name, self._when, self._shown = name_of(finding), _when(finding), 0
        return number, finding

    def evidence(self, session: "Session", which: int | Literal["next"]) -> "tuple[int, Evidence, int]":
        """One piece of the evidence of the chosen finding, or of the first: its number, itself, how many there are.

        Raises:
            UsageError: there is none.
        """
        findings = session.ranks.findings(quick=True)
        pieces = findings[(self.number(findings) or 1) - 1].evidence if findings else ()
        number = self._shown % max(1, len(pieces)) + 1 if which == "next" else which
        if not 1 <= number <= len(pieces):
            has = f"it has 1 to {len(pieces)}" if pieces else "it has none" if findings else "there is no finding"
            raise UsageError(f"no evidence {number}; {has}")
        self._shown = number
        return number, pieces[number - 1], len(pieces)

    def _number(self, findings: "Sequence[Finding]", which: int | Literal["next", "prev"]) -> int:
        if isinstance(which, int):
            return which
        now, count = self.number(findings), max(1, len(findings))
        if now is None:
            return 1 if which == "next" else count
        return (now if which == "next" else now - 2) % count + 1


def stand_on(session: "Session", finding: "Finding") -> None:
    """Go to a finding's iteration and look at what it names, as far as that is recorded."""
    if session.ranks.several and finding.rank != session.rank:
        session.select_rank(finding.rank)
    found = session.landmarks.next_nonfinite(finding.iteration - 1) if finding.kind == "nonfinite" else None
    if found is not None and found.iteration == finding.iteration:
        session.stand_on(found)
        return
    session.go_to(finding.iteration)
    if finding.module is not None and finding.module in charted(session.recording):
        session.select_module(finding.module)
        wanted = QUANTITIES.get(finding.phase or "", Quantity.ACTIVATION)
        if wanted in session.quantities():
            session.select_quantity(wanted)
        if finding.unit is not None and finding.unit < session.unit_count():
            session.select_unit(finding.unit)
    session.sample = finding.sample


def _when(finding: "Finding") -> tuple[object, ...]:
    return finding.kind, finding.rank, finding.iteration


def name_of(finding: "Finding") -> tuple[object, ...]:
    """What stays of a finding while the run goes on."""
    return finding.kind, finding.rank, finding.turn, finding.module, finding.op, finding.source, finding.unit
