"""A session as one frozen view: quick, and without torch unless a command has loaded it."""

from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.session.folding import share_of
from dgmtui.session.losses import loss_view
from dgmtui.session.picking import picked_line, readings
from dgmtui.session.view import CreditRow, CreditView, FindingRow, View

if TYPE_CHECKING:
    from dgmtui.credit import Contribution
    from dgmtui.session.against import Comparison
    from dgmtui.session.session import Session


def build_view(session: "Session") -> View:
    """All that one screen shows."""
    recording = session.recording
    findings = session.ranks.findings(quick=True)
    dynamics = session.charts.shown(session)
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
        tree=session.tree.rows(session.iteration, findings),
        loss=loss_view(session, findings),
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
        readings=readings(session, dynamics),
        **session.results.units.shown,
    )


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


def _credit(session: "Session") -> CreditView | None:
    shown = session.results.crediting.shown
    if shown is None:
        return None
    made = shown.contributions
    share = share_of(made)
    found = session.contributors.listing(shown)
    beside = shown.against
    rows = tuple(_credit_row(row, share(row.forward), beside) for row in found.rows)
    at = None if shown.snapshot.iteration == session.iteration else shown.snapshot.iteration
    note = "; ".join(part for part in ("" if beside is None else beside.said, shown.brief) if part)
    trail = session.trail()
    return CreditView(
        made.target.text,
        rows,
        note,
        shown.advice,
        at,
        None if beside is None else beside.iteration,
        grouped=found.grouped,
        sort=shown.sorted_by,
        only=shown.only,
        left_out=found.left_out,
        picked=session.contributors.picked(shown),
        trail=trail[1:] if trail[:1] == (shown.asked,) else (),
    )


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
