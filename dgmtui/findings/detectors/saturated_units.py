"""Units whose function sits at its limits: its derivative is about zero there, and no gradient passes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.layers.survey import Look, Survey
from dgmtui.findings.losses.learning import loss_left, takes_turns
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.visits import surveys_by_turn

SATURATING = {
    "aten.sigmoid": "sigmoid",
    "aten.tanh": "tanh",
    "aten.hardtanh": "hardtanh",
    "aten.hardsigmoid": "hardsigmoid",
    "aten._softmax": "softmax",
}
"""Functions that are flat at both ends."""


@detector("saturated_units")
def saturated_units(case: Case) -> Iterator[Finding]:
    """A layer most of whose units are where their function is flat for nearly all samples, while the loss is high."""
    left = loss_left(case)
    for surveys in surveys_by_turn(case).values():
        for look in surveys[-1].looks:
            if look.site.op in SATURATING:
                yield from _judge(case, surveys, look, left)


def _judge(case: Case, surveys: list[Survey], look: Look, left: float) -> Iterator[Finding]:
    limits = case.thresholds
    history = [(s, same) for s in surveys for same in s.looks if same.key == look.key]
    flat = [float(_saturated(case, same).mean()) >= limits.saturated_share_warning for _, same in history]
    lasting = len(flat) - max((i + 1 for i, is_flat in enumerate(flat) if not is_flat), default=0)
    share = float(_saturated(case, look).mean())
    output = not look.site.feeds
    learns = left < limits.layer_learned or takes_turns(case) or (output and left < limits.layer_unlearned)
    if lasting < limits.layer_snapshots:
        return
    since = history[-lasting][0].iteration
    never_open = since <= limits.dead_before and share >= limits.saturated_share_error and not output
    if learns and not never_open:
        return
    hopeless = share >= limits.saturated_share_error and left >= limits.layer_unlearned
    yield _finding(case, look, share, since, Severity.ERROR if hopeless else Severity.WARNING, surveys[-1])


def _saturated(case: Case, look: Look) -> NDArray[np.bool_]:
    return look.shut >= case.thresholds.saturated_samples


def _finding(case: Case, look: Look, share: float, since: int, severity: Severity, last: Survey) -> Finding:
    units, site, name = _saturated(case, look), look.site, SATURATING[look.site.op]
    own = site.label == site.module
    where = f"`{site.module}`" if own else f"the {site.label}"
    fed = f", which `{site.fed_by}` feeds," if site.fed_by else ""
    counted = f"{int(units.sum())} of the {len(units)} units ({share:.0%}) of {where}{fed}"
    if site.op == "aten._softmax":
        counted = f"Nearly all rows of {where}"
    at_first = since <= case.thresholds.dead_before
    when = "from the start" if at_first else f"since iteration {since:,}"
    return Finding(
        kind="saturated_units",
        severity=severity,
        iteration=last.iteration,
        onset=since,
        rank=case.recording.info.rank,
        phase="forward",
        turn=last.snapshot.turn or None,
        module=site.module,
        op=site.op,
        unit=int(np.flatnonzero(units)[0]) if units.any() else None,
        value=share,
        message=(
            f"{counted} have been saturated {when}: "
            f"what goes into the {name} lies between {look.low:.4g} and {look.highest.max():.4g}, where its derivative "
            f"is below 0.001 for {look.flat:.0%} of all values, so that hardly any gradient passes back."
        ),
        advice=(
            "Scale the input (mean 0, deviation 1) and start weights as Glorot and Bengio do (xavier), or put a "
            "normalisation before it."
            if at_first
            else "Lower the learning rate, add weight decay, or put a normalisation before it."
        ),
        evidence=(
            Evidence(f"goto {last.iteration}", "the snapshot where it was seen last"),
            Evidence("dead", "what goes into each activation function, and how much it lets through"),
            *((Evidence(f"module {site.fed_by}", "what feeds it"),) if site.fed_by else ()),
        ),
        data={
            "fed_by": site.fed_by,
            "range": [look.low, float(look.highest.max())],
            "flat": look.flat,
            "when": "initialisation" if at_first else "training",
        },
    )
