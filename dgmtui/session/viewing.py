"""A session as one frozen view: quick, and without torch unless a command has loaded it."""

from pathlib import Path
from typing import TYPE_CHECKING

from dgmtui.session.browsing import standpoint
from dgmtui.session.folding import share_of
from dgmtui.session.losses import loss_view
from dgmtui.session.picking import picked_line, readings
from dgmtui.session.view import CreditRow, CreditView, FindingRow, View

if TYPE_CHECKING:
    from dgmtui.credit import Contribution
    from dgmtui.findings.model import Finding
    from dgmtui.session.against import Comparison
    from dgmtui.session.session import Session


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
        verdict=_verdict(session),
        module=session.module,
        unit=session.unit,
        sample=session.sample,
        quantity=session.quantity,
        tree=tree,
        tree_place=tree_place,
        loss=loss_view(session, findings),
        dynamics=dynamics,
        credit=_credit(session),
        operations=session.operations.shown(session),
        findings=tuple(_finding(session, each) for each in findings),
        findings_complete=session.ranks.complete,
        live=_live(session),
        pace=session.liveness.words if session.watched else "",
        picked=picked_line(session, dynamics),
        node=session.operations.looked_at(session),
        networks=session.networks.shown(session),
        readings=readings(session, dynamics),
        **session.results.units.shown,
        displays=session.stops.shown(session),
        tour=session.tour.words,
        finding=session.chosen.number(findings),
        looked_for="" if findings else looked_for(session),
    )


def _finding(session: "Session", finding: "Finding") -> FindingRow:
    rank = f"rank {finding.rank}: " if session.ranks.several else ""
    return FindingRow(
        finding.iteration,
        str(finding.severity),
        finding.kind,
        rank + finding.message,
        finding.module,
        session.is_new(finding),
        len(finding.consequences),
        finding.advice,
        tuple((item.command, item.text) for item in finding.evidence),
    )


def looked_for(session: "Session") -> str:
    """What the detectors look for, in words; and what is left out of it."""
    from dgmtui.findings.registry import DETECTORS

    names = ", ".join(sorted(name.replace("_", " ") for name in DETECTORS))
    patterns = session.ranks.exclusions.patterns
    left_out = f"; non-finite values of {'  '.join(patterns)} are excluded" if patterns else ""
    return f"looked for {names}{left_out}"


def _verdict(session: "Session") -> str:
    harm = session.files.harm
    return f"{harm}: may be wrong" if harm else session.results.verdict_words(session.snapshot)


def _title(session: "Session") -> str:
    name = Path(session.recording.path).name
    if session.recording.thinned is not None:
        name += " (old rows thinned)"
    if session.diary.naming:
        name += f" ● {session.diary.naming}"
    if not session.ranks.several:
        return name
    unread = f", {len(session.recording.unread)} unread" if session.recording.unread else ""
    return f"{name} (rank {session.rank} of {session.recording.info.world_size}{unread})"


def _live(session: "Session") -> str:
    if session.training is not None:
        return "waits"
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
