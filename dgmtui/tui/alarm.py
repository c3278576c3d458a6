"""What of a watched run is worth a bell."""

from dgmtui.session.view import View


def alarm(before: View | None, after: View) -> str:
    """The sentence to ring the bell for: an error that was not listed before, the run's end or its silence; or none."""
    if before is None or not after.live:
        return ""
    known = {(finding.kind, finding.module) for finding in before.findings if finding.severity == "error"}
    for finding in after.findings:
        if finding.severity == "error" and (finding.kind, finding.module) not in known:
            return f"iteration {finding.iteration:,}: {finding.message}"
    if after.live == "ended" != before.live:
        return f"the run has ended after {after.iterations:,} iterations"
    stopped = after.pace.startswith(("no iteration", "another run")) and not before.pace.startswith(
        ("no iter", "anoth")
    )
    return after.pace if stopped else ""
