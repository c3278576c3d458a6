"""A session as one frozen view: quick, and without torch unless a command has loaded it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.session.browsing import standpoint
from dgmtui.session.comparing import names_of
from dgmtui.session.folding import folded, share_of
from dgmtui.session.picking import picked_line
from dgmtui.session.view import CreditRow, CreditView, FindingRow, LossView, OtherLoss, View

if TYPE_CHECKING:
    from dgmtui.credit import Contribution
    from dgmtui.session.against import Comparison
    from dgmtui.session.session import Session

LOSS_POINTS = 4000
CREDIT_ROWS = 300
"""Half of them upstream of the target, half downstream: more than anybody scrolls through; ``credit --top 0`` prints
them all."""


def build_view(session: "Session") -> View:
    """All that one screen shows."""
    recording = session.recording
    findings = session.ranks.findings(quick=True)
    dynamics = session.charts.shown(session)
    tree, tree_place = session.tree.shown(standpoint(session))
    return View(
        title=_title(session),
        iterations=recording.iteration_count,
        snapshot_count=len(recording.snapshots),
        cursor=session.iteration,
        phase=None if session.cured else session.phase,
        verdict=session.results.verdict_words(session.snapshot),
        module=session.module,
        unit=session.unit,
        sample=session.sample,
        quantity=session.quantity,
        tree=tree,
        tree_place=tree_place,
        loss=LossView(
            *thin_losses(session.landmarks.losses),
            snapshots=tuple(s.iteration for s in recording.snapshots),
            findings=tuple((f.iteration, str(f.severity)) for f in findings),
            others=_other_losses(session),
        ),
        dynamics=dynamics,
        credit=_credit(session),
        operations=session.operations.shown(session),
        findings=tuple(
            FindingRow(f.iteration, str(f.severity), f.kind, told + f.message, f.module, session.is_new(f))
            for told, f in ((f"rank {f.rank}: " if session.ranks.several else "", f) for f in findings)
        ),
        findings_complete=session.ranks.complete,
        live=_live(session),
        picked=picked_line(session, dynamics),
        **session.results.units.shown,
    )


def _other_losses(session: "Session") -> tuple[OtherLoss, ...]:
    if session.compared is None:
        return ()
    told = list(names_of(session.compared.recordings(session)).items())[1:]
    losses = session.compared.losses()
    return tuple(OtherLoss(letter, name, *thin_losses(each)) for (letter, name), each in zip(told, losses, strict=True))


def _title(session: "Session") -> str:
    name = Path(session.recording.path).name
    if session.recording.thinned is not None:
        name += " (old rows thinned)"
    if not session.ranks.several:
        return name
    unread = f", {len(session.recording.unread)} unread" if session.recording.unread else ""
    return f"{name} (rank {session.rank} of {session.recording.info.world_size}{unread})"


def _live(session: "Session") -> str:
    if not session.watched:
        return ""
    if not session.running:
        return "ended"
    return "following" if session.following else "pinned"


def thin_losses(losses: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Iterations and losses, thinned to each part's minimum and maximum; a non-finite loss always stays.

    Args:
        losses: ``[T]``.
    """
    count = len(losses)
    if count <= LOSS_POINTS:
        return np.arange(count), losses
    finite = np.isfinite(losses)
    size = -(-count // (LOSS_POINTS // 2))
    padding = -count % size
    low = np.pad(np.where(finite, losses, np.inf), (0, padding), constant_values=np.inf)
    high = np.pad(np.where(finite, losses, np.inf), (0, padding), constant_values=-np.inf)
    begins = np.arange(0, count + padding, size)
    kept = np.union1d(begins + low.reshape(-1, size).argmin(axis=1), begins + high.reshape(-1, size).argmax(axis=1))
    kept = kept[kept < count]
    return kept, losses[kept]


def _credit(session: "Session") -> CreditView | None:
    shown = session.results.crediting.shown
    if shown is None:
        return None
    made = shown.contributions
    share = share_of(made)
    told = folded(made.rows, shown.graph)
    forward = shown.sorted_rows(row for row in (*told, *made.inputs) if row.forward is not None)
    downstream = (row for row in told if row.forward is None and row.backward is not None)
    backward = shown.sorted_rows(downstream, "backward")
    found = (*forward[: CREDIT_ROWS // 2], *backward[: CREDIT_ROWS // 2])
    beside = shown.against
    rows = tuple(_credit_row(row, share(row.forward), beside) for row in found)
    at = None if shown.snapshot.iteration == session.iteration else shown.snapshot.iteration
    note = "; ".join(part for part in ("" if beside is None else beside.said, shown.brief) if part)
    return CreditView(made.target.text, rows, note, shown.advice, at, None if beside is None else beside.iteration)


def _credit_row(row: "Contribution", share: float | None, beside: "Comparison | None") -> CreditRow:
    moved = None if beside is None else beside.moved.get(row.key)
    return CreditRow(
        row.module,
        row.unit,
        row.sample,
        row.value,
        row.forward,
        row.backward,
        row.approximate,
        share,
        row.region,
        None if moved is None else moved.difference,
        None if moved is None else moved.rank,
    )
