"""What credit assignment has told so far: tables of contributions and chains, each made when first asked for."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import CreditError, ReplayError
from dgmtui.recording.model import SnapshotInfo
from dgmtui.session.edits import RECORDED

if TYPE_CHECKING:
    from dgmtui.credit import Chain, Contributions, Propagation, Target
    from dgmtui.credit.grouping import By
    from dgmtui.findings import Finding
    from dgmtui.recording.reader import Recording
    from dgmtui.session.edits import Standing
    from dgmtui.session.results import Results
    from dgmtui.trace.graph import Graph

KEPT = 16


@dataclass(frozen=True)
class CreditTable:
    """Contributions to one target at one snapshot."""

    snapshot: SnapshotInfo
    contributions: "Contributions"
    graph: "Graph"
    """Of the replay that they were taken from."""
    healthy: int | None = None
    """Iteration of the last snapshot before it whose gradients are finite, as far as is known."""
    refused: str = ""
    """Why there was no backward pass; empty where there was one."""

    @property
    def advice(self) -> str:
        """Why no row has a backward part, and what to type to see one; empty where gradients are finite."""
        if self.contributions.target.alone:
            return ""
        if self.refused:
            return f"no backward part: {self.refused}"
        if "gradient" in self.contributions.conserved:
            return ""
        target = self.contributions.target
        unit = "" if target.unit is None else f"[{target.unit}]"
        see = "" if self.healthy is None else f"; `goto {self.healthy}`, `credit {target.module or '.'}{unit}`"
        return f"no backward part: gradients are not finite{see}"

    @property
    def note(self) -> str:
        """Where the target's value went, and what could not be said."""
        return "; ".join(part for part in (self.kept, self.contributions.note) if part)

    @property
    def brief(self) -> str:
        """The same for people, who are told the rest by ``advice``."""
        return self.kept if self.advice else self.note

    @property
    def kept(self) -> str:
        """Where the target's value went, and which operations have no rule."""
        went = ", ".join(f"{name} {value:.4g}" for name, value in self.contributions.conserved.items() if value)
        ops = ", ".join(self.contributions.approximate_ops)
        return "; ".join(part for part in (went and f"went to: {went}", ops and f"approximate at {ops}") if part)


class Crediting:
    """Lazy and cached; everything that needs torch imports it when called."""

    def __init__(self, recording: "Recording", results: "Results") -> None:
        self._recording = recording
        self._results = results
        self._made: OrderedDict[tuple[object, ...], CreditTable] = OrderedDict()
        self.shown: CreditTable | None = None
        """What the contributions pane shows: the answer of the last ``credit``."""

    def target(self, snapshot: SnapshotInfo, text: str, edits: "Standing | None" = None) -> "Target":
        """What a target's text names in a snapshot's replay; a non-finite one becomes the finite value behind it.

        Raises:
            CreditError, UsageError: it names nothing.
        """
        from dgmtui.credit import parse_target

        replay = self._results.replay(snapshot, edits=edits).replay
        birth = (
            self._results.blamed_birth(snapshot, edits) if snapshot.reason == "failing" or text == "nonfinite" else None
        )
        return parse_target(text, replay.graph, replay, birth)

    def credit(self, snapshot: SnapshotInfo, text: str, *, by: "By", propagation: "Propagation") -> CreditTable:
        """Forward and backward contributions to a target, remembered as what is shown."""
        from dgmtui.credit import contributions, forward_contributions

        key = (snapshot.iteration, snapshot.turn, text, by, propagation, self._results.edits.of(snapshot))
        if key not in self._made:
            target = self.target(snapshot, text)
            replayed = self._results.replay(snapshot)
            assign = forward_contributions if replayed.no_gradients else contributions
            made = assign(replayed.replay, target, propagation=propagation, by=by, progress=self._results.progress())
            before = (s.iteration for s in self._recording.snapshots if s.reason == "scheduled")
            healthy = max((iteration for iteration in before if iteration < snapshot.iteration), default=None)
            self._made[key] = CreditTable(snapshot, made, replayed.replay.graph, healthy, replayed.no_gradients)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        self.shown = self._made[key]
        return self.shown

    def chain(self, snapshot: SnapshotInfo, text: str, edits: "Standing | None" = None) -> "Chain":
        """The way from a target back to the input, largest contributor by largest contributor."""
        from dgmtui.credit import chain

        replay = self._results.replay(snapshot, edits=edits).replay
        birth = self._results.blamed_birth(snapshot, edits) if text == "nonfinite" else None
        return chain(replay, birth or self.target(snapshot, text, edits), progress=self._results.progress())

    def gradient_chain(self, snapshot: SnapshotInfo, text: str) -> "Chain":
        """The way of a target's gradient from the loss, and the operations that it grew through.

        Raises:
            CreditError: no gradient reaches the target, or it is not finite.
        """
        from dgmtui.credit import gradient_chain

        replay = self._results.replay(snapshot).replay
        return gradient_chain(replay, self.target(snapshot, text), progress=self._results.progress())

    def account(self, finding: "Finding") -> str:
        """The chain from a finding's non-finite value to the input, in words; empty where none is known."""
        snapshot = self._results.failing()
        birth = None if snapshot is None else self._results.birth_if_made(snapshot)
        if snapshot is None or birth is None or finding.kind != "nonfinite":
            return ""
        if (birth.op, birth.phase, birth.unit) != (finding.op, finding.phase, finding.unit):
            return ""
        try:
            return self.chain(snapshot, "nonfinite", RECORDED).sentence
        except (CreditError, ReplayError):
            return ""
