"""What credit assignment has told so far: tables of contributions and chains, each made when first asked for."""

import math
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from dgmtui.errors import CreditError, DgmtuiError, ReplayError
from dgmtui.recording.model import Match, SnapshotInfo
from dgmtui.session.against import Comparison, collapsed, counterpart, healthy_before, moved_rows, snapshot_at, words
from dgmtui.session.edits import RECORDED
from dgmtui.trace.progress import Cancelled

if TYPE_CHECKING:
    from dgmtui.credit import Chain, Contribution, Contributions, Propagation, Target
    from dgmtui.credit.grouping import By
    from dgmtui.credit.terms import Term
    from dgmtui.findings import Finding
    from dgmtui.recording.reader import Recording
    from dgmtui.session.against import Counterpart
    from dgmtui.session.edits import Standing
    from dgmtui.session.replayed import Replayed
    from dgmtui.session.results import Results
    from dgmtui.trace.graph import Graph

KEPT = 16
Sort: TypeAlias = Literal["forward", "backward", "value", "difference", "module"]
"""What rows are sorted by, the largest first; modules in the order in which they ran."""


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
    by: "By" = "unit"
    propagation: "Propagation | None" = None
    """How it was made."""
    terms: "tuple[Term, ...]" = ()
    """What the target is a sum of, where it is the loss or one of its terms."""
    unverified: str = ""
    """A sentence where the replay is not the training's iteration again."""
    against: Comparison | None = None
    """The same target at another snapshot, where one is compared with."""
    sort: Sort = "forward"
    """What its rows are sorted by."""
    asked: str = ""
    """The target as it was asked for: ``nonfinite``."""
    only: str = ""
    """A regular expression that a row's module or name must match; empty: all are listed."""

    @property
    def sorted_by(self) -> Sort:
        """What its rows can be sorted by: without another table there is no difference."""
        return "forward" if self.sort == "difference" and self.against is None else self.sort

    def filtered(self, rows: "Iterable[Contribution]") -> "list[Contribution]":
        """Those that ``only`` leaves: its pattern is found in ``enc.0`` or in ``enc.0[48]@15``."""
        if not self.only:
            return list(rows)
        found = re.compile(self.only).search
        return [row for row in rows if found(row.module or "(root)") or found(_place(row))]

    def sorted_rows(self, rows: "Iterable[Contribution]", side: Sort = "forward") -> "list[Contribution]":
        """The largest first of what it is sorted by; of ``side``, where that is not how much each moved."""
        if self.sort == "difference" and self.against is not None:
            moved = self.against.moved
            return sorted(rows, key=lambda row: -abs(moved[row.key].difference) if row.key in moved else 1.0)
        if self.sort == "value":
            return sorted(rows, key=lambda row: -abs(row.value) if not math.isnan(row.value) else 1.0)
        if self.sort == "module":
            ran = {module: n for n, module in enumerate(dict.fromkeys(call.module for call in self.graph.calls))}
            return sorted(rows, key=lambda row: (ran.get(row.module, -1), row.module, row.unit or 0, row.sample or 0))
        if side == "backward":
            return sorted(rows, key=lambda row: -abs(row.backward or 0.0))
        return sorted(rows, key=lambda row: -abs(row.forward or 0.0))

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
        see = "" if self.healthy is None else f"; `goto {self.healthy}`, `credit {target.name_of(())}`"
        return f"no backward part: gradients are not finite{see}"

    @property
    def note(self) -> str:
        """Where the target's value went, and what could not be said."""
        return "; ".join(part for part in (self.unverified, self.kept, self.contributions.note) if part)

    @property
    def brief(self) -> str:
        """The same for people, who are told the rest by ``advice``."""
        return "; ".join(filter(None, (self.unverified, self.kept))) if self.advice else self.note

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

        replayed = self._results.replay(snapshot, edits=edits)
        replay, verdict = replayed.replay, replayed.verdict
        birth = (
            self._results.blamed_birth(snapshot, edits) if snapshot.reason == "failing" or text == "nonfinite" else None
        )
        if text == "nonfinite" and birth is None and verdict is not None and verdict.forward is Match.DIFFERS:
            raise CreditError("run again, this iteration comes out otherwise and finite: `explain` says what to do")
        return parse_target(text, replay.graph, replay, birth)

    def credit(
        self,
        snapshot: SnapshotInfo,
        text: str,
        *,
        by: "By",
        propagation: "Propagation",
        against: int | None = None,
        sort: Sort = "forward",
        only: str = "",
    ) -> CreditTable:
        """Forward and backward contributions to a target, remembered as what is shown.

        Args:
            against: an iteration at or before which there is a snapshot to compare with.
        """
        made = replace(self._table(snapshot, text, by, propagation), sort=sort, only=only)
        self.shown = made if against is None else self.compared(made, against)
        return self.shown

    def compared(self, made: CreditTable, against: int | None) -> CreditTable:
        """The table beside the same target at the snapshot at or before an iteration; None: alone."""
        if against is None:
            return replace(made, against=None)
        other = snapshot_at(self._recording, made.snapshot, against)
        if other is None:
            return replace(
                made, against=Comparison(against, None, said=f"there is no snapshot at or before {against:,}")
            )
        return replace(made, against=self._compare(made, other))

    def healthy_before(self, snapshot: SnapshotInfo) -> SnapshotInfo | None:
        """The last scheduled snapshot before it of the same turn at which nothing was non-finite."""
        return healthy_before(self._recording, snapshot)

    def _table(self, snapshot: SnapshotInfo, text: str, by: "By", propagation: "Propagation") -> CreditTable:
        key = (snapshot.iteration, snapshot.turn, text, by, propagation, self._results.edits.of(snapshot))
        if key not in self._made:
            self._made[key] = self._make(snapshot, text, by, propagation)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
        self._made.move_to_end(key)
        return self._made[key]

    def _make(self, snapshot: SnapshotInfo, text: str, by: "By", propagation: "Propagation") -> CreditTable:
        from dgmtui.credit import contributions, forward_contributions
        from dgmtui.credit.sweep import Reader
        from dgmtui.credit.terms import terms_of

        target = self.target(snapshot, text)
        replayed = self._results.replay(snapshot)
        assign = forward_contributions if replayed.no_gradients else contributions
        made = assign(replayed.replay, target, propagation=propagation, by=by, progress=self._results.progress())
        healthy = self.healthy_before(snapshot)
        asked = text.strip().partition("[")[0].partition("@")[0]
        return CreditTable(
            snapshot,
            made,
            replayed.replay.graph,
            healthy=None if healthy is None else healthy.iteration,
            refused=replayed.no_gradients,
            by=by,
            propagation=propagation,
            terms=terms_of(Reader(replayed.replay), asked) if asked.partition(":")[0] == "loss" else (),
            unverified=_unverified(snapshot, replayed),
            asked=text,
        )

    def _compare(self, made: CreditTable, other: SnapshotInfo) -> Comparison:
        target, iteration = made.contributions.target, other.iteration
        if (other.iteration, other.turn) == (made.snapshot.iteration, made.snapshot.turn):
            return Comparison(iteration, None, said="this is the snapshot that is compared with")
        if target.alone:
            return Comparison(
                iteration, None, said="no unit's number is behind the target, so there is nothing to compare"
            )
        assert made.propagation is not None, "a table that was made knows how"
        try:
            now, then = self._results.replay(made.snapshot), self._results.replay(other)
            found = counterpart(target.rows, made.snapshot, other, now.replay, then.replay)
            by = collapsed(made.by, found)
            table = self._table(
                other, target.name_of(found.rows or ()) if target.rows else target.name, by, made.propagation
            )
        except Cancelled:
            raise
        except DgmtuiError as error:
            return Comparison(iteration, None, said=f"nothing to compare with at iteration {iteration:,}: {error}")
        other_target = table.contributions.target
        if (other_target.base, other_target.unit, other_target.units) != (target.base, target.unit, target.units):
            why = other_target.text
            return Comparison(iteration, None, said=f"nothing to compare with at iteration {iteration:,}: {why}")
        return self._comparison(made, table, found)

    def _comparison(self, made: CreditTable, table: CreditTable, found: "Counterpart") -> Comparison:
        from dgmtui.credit.grouping import Outputs

        target = made.contributions.target
        axes = Outputs(made.graph).layout_of(target.ref)
        has_samples = target.of == "value" and axes.sample_axis is not None
        moved = moved_rows(made.contributions, table.contributions, made.by, found, has_samples)
        iteration = table.snapshot.iteration
        said = (words(target, made.by, found, has_samples, iteration), table.unverified)
        return Comparison(iteration, table.contributions.target, moved, "; ".join(filter(None, said)))

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


def _place(row: "Contribution") -> str:
    """``enc.0[48]@15``."""
    unit = "" if row.unit is None else f"[{row.unit}]"
    return row.module + unit + ("" if row.sample is None else f"@{row.sample}")


def _unverified(snapshot: SnapshotInfo, replayed: "Replayed") -> str:
    if replayed.edits:
        return ""
    verdict = replayed.verdict
    if verdict is None or Match.DIFFERS not in (verdict.forward, verdict.gradient):
        return ""
    return f"the replay of iteration {snapshot.iteration:,} differs from the training ({verdict.detail.rstrip('.')})"
