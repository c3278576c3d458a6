"""The patterns and forecasts of the recording that is looked at, with progress."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgmtui.findings.forecast import Ahead
    from dgmtui.findings.model import Finding
    from dgmtui.findings.motifs import Group, Patterns
    from dgmtui.session.session import Session


def patterns_here(session: "Session", kind: str | None, module: str | None) -> "Patterns":
    """Groups of series that share a motif.

    Raises:
        Cancelled: somebody asked to stop.
    """
    from dgmtui.findings.motifs import MotifKind, find_patterns

    chosen = None if kind is None else MotifKind(kind)
    progress = session.results.progress()
    return find_patterns(session.recording, kind=chosen, module=module, progress=progress)


SOON = 1 << 24
"""Values of all series that are looked at in a few seconds; for more of them nobody is kept waiting unasked."""


def change_before_finding(session: "Session", finding: "Finding") -> "Group | None":
    """The first great change of many series before a finding began; None where none is seen, or that took long.

    Raises:
        Cancelled: somebody asked to stop.
    """
    from dgmtui.findings.motifs import change_before, find_patterns
    from dgmtui.findings.motifs.leading import PRECEDED
    from dgmtui.findings.thresholds import DEFAULT

    recording = session.ranks.recording(finding.rank)
    values = len(recording.rows) * sum(c.width(m) for c in recording.channels for m in c.measures)
    if values > SOON or finding.kind not in PRECEDED:
        return None
    patterns = find_patterns(recording, progress=session.results.progress())
    return change_before(finding, patterns, recording.rows, DEFAULT)


def forecasts_here(session: "Session", module: str | None) -> "tuple[Ahead, ...]":
    """What is on its way to a limit.

    Raises:
        Cancelled: somebody asked to stop.
    """
    from dgmtui.findings.forecast import forecasts

    return forecasts(session.recording, module=module, progress=session.results.progress())
