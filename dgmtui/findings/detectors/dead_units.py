"""Units that are zero for every sample: a rectifier whose inputs are all below zero passes no gradient back."""

from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.layers.activations import sites
from dgmtui.findings.layers.aftermath import downstream, upstream
from dgmtui.findings.layers.pushed import moved
from dgmtui.findings.layers.rectifiers import Rectifier, matches, rectifiers
from dgmtui.findings.layers.shut import shut_rectifiers
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import Quantity

AT_FIRST = (
    "They were so from the start: scale the input (mean 0, deviation 1), start biases at 0 and weights as He et al. do "
    "(kaiming), or put a batch norm before it."
)
LATER = (
    "They died while training: lower the learning rate or clip gradients; a batch norm before it or a rectifier that "
    "leaks keeps them alive."
)


@detector("dead_units")
def dead_units(case: Case) -> Iterator[Finding]:
    """A rectifier of which many units are zero for every sample, up to the last recorded row or snapshot."""
    found = list(rectifiers(case))
    known = {(r.module, r.op, r.fed_by) for r in found}
    found += [r for r in shut_rectifiers(case) if (r.module, r.op, r.fed_by) not in known]
    for rectifier in found:
        if rectifier.dead.size and rectifier.dead.mean() >= case.thresholds.dead_share_warning:
            yield _finding(case, rectifier)


def _finding(case: Case, rectifier: Rectifier) -> Finding:
    count, units = int(rectifier.dead.sum()), len(rectifier.dead)
    share = count / units
    fed_by = rectifier.fed_by
    how = moved(case, fed_by, rectifier.onset) if fed_by and len(case.recording.rows) else None
    at_first = rectifier.onset <= case.thresholds.dead_before
    return Finding(
        kind="dead_units",
        severity=Severity.ERROR if share >= case.thresholds.dead_share_error else Severity.WARNING,
        iteration=max(rectifier.onset, int(case.recording.rows[-1]) if len(case.recording.rows) else 0),
        onset=rectifier.onset,
        rank=case.recording.info.rank,
        phase="forward",
        module=rectifier.module,
        op=rectifier.op,
        source=rectifier.source,
        source_text=rectifier.source_text,
        unit=int(np.flatnonzero(rectifier.dead)[0]),
        value=share,
        message=_message(case, rectifier, count, units),
        advice=AT_FIRST if at_first else LATER,
        consequences=_consequences(case, rectifier),
        evidence=(
            Evidence(f"module {rectifier.module or fed_by}", f"{count} of {units} units dead"),
            *((Evidence(f"module {fed_by}", "what feeds it"),) if fed_by and rectifier.module else ()),
            Evidence("dead", "every layer's units, samples and bias at the snapshot here"),
        ),
        data={
            "fed_by": fed_by,
            "dead": count,
            "units": units,
            "share": share,
            "when": "initialisation" if at_first else "training",
            **({} if how is None else how.data),
        },
    )


def _consequences(case: Case, rectifier: Rectifier) -> tuple[str, ...]:
    if rectifier.fed_by is None or not rectifier.dead.all():
        return ()
    site = next((site for site in (sites(case.graph) if case.graph else ()) if matches(rectifier, site)), None)
    return (*upstream(case, rectifier.fed_by), *downstream(() if site is None else site.feeds))


def _message(case: Case, rectifier: Rectifier, count: int, units: int) -> str:
    fed = f", which `{rectifier.fed_by}` feeds," if rectifier.fed_by else ""
    since = f"since iteration {rectifier.onset:,}"
    if rectifier.complete > rectifier.onset and count == units:
        since = f"most of them {since}, all since {rectifier.complete:,}"
    zero = (
        f"let nothing through for any of {rectifier.seen}"
        if rectifier.seen
        else "have been zero for every recorded sample"
    )
    if count < units:
        return (
            f"{count} of the {units} units ({count / units:.0%}) of {rectifier.name}{fed} are dead: they {zero}, most "
            f"of them {since}, and pass no gradient."
        )
    highest = _highest(case, rectifier.fed_by)
    because = (
        "" if highest is None else f", as all that `{rectifier.fed_by}` gives is below zero (at most {highest:.4g})"
    )
    return (
        f"All {units} units (100%) of {rectifier.name}{fed} are dead: they {zero}"
        f"{',' * since.startswith('most')} {since}{because}, and no gradient passes."
    )


def _highest(case: Case, module: str | None) -> float | None:
    """The greatest output of a module in its last recorded row, where that is below zero."""
    channel = None if module is None else case.channel(module, Quantity.ACTIVATION)
    values = np.empty(0) if channel is None else case.statistic(channel, "max")
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) and known[-1] < 0 else None
