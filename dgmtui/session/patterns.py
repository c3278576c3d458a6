"""The patterns and forecasts of the recording that is looked at, with progress."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dgmtui.findings.forecast import Ahead
    from dgmtui.findings.motifs import Patterns
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


def forecasts_here(session: "Session", module: str | None) -> "tuple[Ahead, ...]":
    """What is on its way to a limit.

    Raises:
        Cancelled: somebody asked to stop.
    """
    from dgmtui.findings.forecast import forecasts

    return forecasts(session.recording, module=module, progress=session.results.progress())
