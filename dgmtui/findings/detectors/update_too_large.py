"""Steps so long that they pass over what they go down to."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.losses.progress_of_loss import begin_and_end
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.updates.parameter_facts import listed
from dgmtui.findings.updates.step_sizes import Outcome, RowRatio, Step, row_ratios, steps_of
from dgmtui.findings.visits import outcomes

_TRUSTED = 0.1
"""Of a weight's norm: a step that is shorter may still be too long for another reason."""


@dataclass(frozen=True)
class _Harm:
    """What became of the loss."""

    words: str
    value: float


@detector("update_too_large")
def update_too_large(case: Case) -> Iterator[Finding]:
    """Steps raise the loss of their own batch, or move weights by a large share of themselves, and the loss suffers.

    A long step alone proves nothing: where steps can be taken again, one at least has to raise its batch's loss; so
    nothing is said before that was tried.
    """
    steps = steps_of(case)
    harm = _harm(case)
    tried = outcomes(case)
    over = [o for o in tried if _overshoots(case, o, tried)]
    large = [s for s in steps if s.ratio >= case.thresholds.update_large]
    rows = [r for r in row_ratios(case) if r.ratio >= case.thresholds.update_large]
    enough = len(over) >= case.thresholds.overshoot_snapshots
    once = bool(large or rows) and bool(over or not tried)
    if case.source is None or harm is None or not (enough or (once and math.isfinite(harm.value))):
        return
    yield _finding(case, harm, steps, tried, over, rows)


def _overshoots(case: Case, outcome: Outcome, tried: Sequence[Outcome]) -> bool:
    """Downhill by the gradient, uphill by the loss, by a good part of what that was at the start."""
    level = abs(next(o.before for o in tried if o.step.snapshot.turn == outcome.step.snapshot.turn))
    return outcome.predicted < 0 and outcome.change > case.thresholds.overshoot_rise * max(level, 1e-12)


def _harm(case: Case) -> _Harm | None:
    losses = case.recording.losses()
    if not len(losses):
        return None
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        return _Harm(f"the loss is not finite from iteration {bad[0]:,} on", math.inf)
    _, end = begin_and_end(losses)
    first = float(losses[0])  # the only one that no step has touched
    greatest = int(np.argmax(losses))
    if end > case.thresholds.harmed_share * abs(first):
        return _Harm(f"the loss is {end:.4g} at the end and was {first:.4g} at the start", end)
    if first > 0 and losses[greatest] > case.thresholds.harmed_peak * first:
        return _Harm(f"the loss rose from {first:.4g} to {losses[greatest]:.4g} at iteration {greatest:,}", end)
    return None


def _finding(
    case: Case, harm: _Harm, steps: list[Step], tried: Sequence[Outcome], over: list[Outcome], rows: list[RowRatio]
) -> Finding:
    worst = max(over, key=lambda o: (o.step.ratio, o.change), default=None)
    shown = worst.step if worst else max(steps, key=lambda s: s.ratio, default=None)
    known = [*(o.step.snapshot.iteration for o in over), *(r.iteration for r in rows)]
    known += [s.snapshot.iteration for s in steps if s.ratio >= case.thresholds.update_large]
    since = min(known)
    if shown is None:
        row = max(rows, key=lambda r: r.ratio)
        module, ratio, rate, said = row.module, row.ratio, math.nan, ""
        iteration = row.iteration
    else:
        path, ratio = max(shown.ratios.items(), key=lambda item: item[1])
        module, rate, iteration = path.rpartition(".")[0], shown.rate, shown.snapshot.iteration
        said = _cause(shown)
    overshot = ""
    if worst is not None:
        after = f"{worst.after:.4g}" if math.isfinite(worst.after) else "a value that is not finite"
        overshot = (
            f" The step of iteration {iteration:,} takes the loss of its own batch from {worst.before:.4g} to {after}, "
            f"where the gradient promised {worst.predicted:+.3g}; so do {len(over)} of {len(tried)} steps looked at."
        )
    return Finding(
        kind="update_too_large",
        severity=Severity.ERROR,
        iteration=iteration,
        onset=since,
        rank=case.recording.info.rank,
        phase="update",
        module=module,
        value=ratio,
        message=(
            f"Steps are too long{said}: that of iteration {iteration:,} moves {listed([module])} by {ratio:.2g} times "
            f"its own norm (usual is about 1e-3), and {harm.words}.{overshot}"
        ),
        advice=_advice(shown, worst, ratio, rate),
        evidence=(
            Evidence(f"goto {iteration}", f"update : weight of {listed([module])} {ratio:.2g}"),
            Evidence(f"module {module or '.'}", "weight, gradient and update"),
            Evidence("dynamics", harm.words),
        ),
        data={
            "ratio": ratio,
            "lr": None if math.isnan(rate) else rate,
            "overshooting": [o.step.snapshot.iteration for o in over],
            "loss": harm.words,
        },
    )


def _cause(step: Step) -> str:
    """The setting that makes it long, in words."""
    said = f" with a learning rate of {step.rate:g}" if math.isfinite(step.rate) else ""
    momentum = step.settings.get("momentum")
    if isinstance(momentum, int | float) and momentum > 0.95:
        said += f" and a momentum of {momentum:g}, which adds up about {1 / max(1e-9, 1 - momentum):.0f} gradients"
    return said


def _advice(step: Step | None, worst: Outcome | None, ratio: float, rate: float) -> str:
    """The parabola is trusted as far as a step of a tenth of the weights' norm: beyond that the loss is none."""
    if not math.isfinite(rate) or step is None or not ratio > 0:
        return "Lower the learning rate, or clip gradients by their norm."
    best = worst.best if worst is not None else None
    usual = _TRUSTED / ratio
    share, why = (usual, ", with which this step is a tenth of the weights' norm")
    if best is not None and best < usual:
        share, why = best, ", the best step along this gradient by a parabola"
    return (
        f"Lower the learning rate to about {float(f'{rate * min(share, 0.5):.1g}'):g}{why if share < 0.5 else ''}; "
        "clip gradients by their norm where only some steps are long."
    )
