"""Steps so short that the training can't get anywhere."""

import math
from collections.abc import Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.losses.progress_of_loss import begin_and_end, gain
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.updates.parameter_facts import rates
from dgmtui.findings.updates.step_sizes import Step, row_ratios, steps_of


@detector("update_too_small")
def update_too_small(case: Case) -> Iterator[Finding]:
    """Every step moves the weights by next to nothing, and the loss hardly comes down though there is a gradient."""
    came_down, limits = gain(case), case.thresholds
    if not math.isfinite(came_down) or case.recording.iteration_count < limits.small_iterations:
        return
    if not np.isfinite(case.recording.losses()).all():
        return
    steps = [step for step in steps_of(case) if step.rate != 0]
    if came_down < limits.small_gain:
        yield from _always(case, steps)
    yield from _ran_out(case)


def _always(case: Case, steps: list[Step]) -> Iterator[Finding]:
    limits = case.thresholds
    ratios = [step.ratio for step in steps] or [row.ratio for row in row_ratios(case)]
    known = bool(steps) and all(_is_held_back(step) for step in steps)
    most = limits.update_small_held_back if known else limits.update_small
    if len(ratios) < 3 or max(ratios) > most or max(ratios) == 0:
        return
    if steps and float(np.median([_sensitivity(step) for step in steps])) < limits.small_sensitivity:
        return
    ratio, count = float(np.median(ratios)), case.recording.iteration_count
    step = steps[len(steps) // 2] if steps else None
    path = min(step.ratios, key=lambda p: step.ratios[p]) if step else ""
    module = path.rpartition(".")[0]
    begin, end = begin_and_end(case.recording.losses())
    yield Finding(
        kind="update_too_small",
        severity=Severity.ERROR if gain(case) < limits.stuck_change else Severity.WARNING,
        iteration=count - 1,
        onset=0,
        rank=case.recording.info.rank,
        phase="update",
        module=module if step else None,
        value=ratio,
        message=(
            f"Steps are too short{_cause(step)}: they move the weights by {ratio:.2g} times their norm (usual is about "
            f"1e-3), at most {ratio * count:.2g} in all {count:,} iterations, and the loss went from {begin:.4g} to "
            f"{end:.4g} though the gradient is of ordinary size{_size(step)}."
        ),
        advice=_advice(step, ratio),
        evidence=(
            Evidence(f"module {module or '.'}", f"update : weight {ratio:.2g}"),
            Evidence("dynamics", f"loss {begin:.4g} to {end:.4g}"),
        ),
        data={"ratio": ratio, "lr": None if step is None or math.isnan(step.rate) else step.rate},
    )


def _is_held_back(step: Step) -> bool:
    """Whether a setting is seen to shorten it: clipping, or an ``eps`` that outweighs the gradient."""
    clipped = step.clipped_by is not None and step.clipped_by < 1e-2 and not _adapts(step)
    return clipped or _epsilon(step) is not None


def _sensitivity(step: Step) -> float:
    """|gradient| · |weight| over |loss|, the median over the layers: by what share the loss would change were it to
    go on so while a layer's weights double."""
    loss = max(abs(step.snapshot.loss), 1e-12)
    return float(np.median([step.gradients[path] * step.weights[path] / loss for path in step.ratios]))


def _size(step: Step | None) -> str:
    return "" if step is None else f" ({math.sqrt(sum(g * g for g in step.gradients.values())):.3g})"


def _cause(step: Step | None) -> str:
    if step is None:
        return ""
    if step.clipped_by is not None and step.clipped_by < 1e-2 and not _adapts(step):
        return f", as gradients are clipped to {step.clipped_by:.2g} of what they were"
    epsilon = _epsilon(step)
    if epsilon is not None:
        return f", as the optimiser's eps ({epsilon[0]:g}) is far above the gradient's elements ({epsilon[1]:.2g})"
    return f" with a learning rate of {step.rate:g}" if math.isfinite(step.rate) else ""


def _adapts(step: Step) -> bool:
    """Whether it divides by the gradient's size, as Adam does."""
    return "eps" in step.settings


def _epsilon(step: Step) -> tuple[float, float] | None:
    """``eps`` and the gradient's usual element, where the first is what the step is divided by."""
    epsilon = step.settings.get("eps")
    if not isinstance(epsilon, float):
        return None
    sizes = [
        gradient / math.sqrt(max(1, math.prod(step.snapshot.tensors[f"param:{path}"].shape)))
        for path, gradient in step.gradients.items()
    ]
    usual = float(np.median(sizes)) if sizes else 0.0
    return (epsilon, usual) if usual and epsilon > 10 * usual else None


def _advice(step: Step | None, ratio: float) -> str:
    if step is not None and step.clipped_by is not None and step.clipped_by < 1e-2 and not _adapts(step):
        return "Clip to a norm that is above what the gradient's usually is."
    if step is not None and _epsilon(step) is not None:
        return "Lower eps to about 1e-8, the default."
    if step is None or not math.isfinite(step.rate):
        return "Raise the learning rate."
    return f"Raise the learning rate to about {step.rate * 1e-3 / ratio:.1g}, which gives the usual ratio."


def _ran_out(case: Case) -> Iterator[Finding]:
    """The learning rate came down to next to nothing early in the run, while the loss was still high."""
    known, limits = [(i, max(group)) for i, group in rates(case) if group], case.thresholds
    if not known:
        known = [(step.snapshot.iteration, step.rate) for step in steps_of(case) if math.isfinite(step.rate)]
    greatest = max((rate for _, rate in known), default=0.0)
    low = [i for i, rate in known if rate <= limits.rate_ran_out * greatest]
    lasts = [i for i, rate in known if rate > limits.rate_ran_out * greatest]
    if not low or not lasts or low[-1] < lasts[-1]:
        return
    since, count = next(i for i in low if i > lasts[-1]), case.recording.iteration_count
    begin, end = begin_and_end(case.recording.losses())
    if since > limits.ran_out_share * count or end < limits.ran_out_high * begin:
        return
    last = known[-1][1]
    yield Finding(
        kind="update_too_small",
        severity=Severity.ERROR if gain(case) < limits.stuck_change else Severity.WARNING,
        iteration=count - 1,
        onset=since,
        rank=case.recording.info.rank,
        phase="update",
        value=last,
        message=(
            f"The learning rate ran out: it was {greatest:.3g} and is below {limits.rate_ran_out:g} of that since "
            f"iteration {since:,} of {count:,} at the latest ({last:.2g} at the end), while the loss is still "
            f"{end:.4g} (at the start {begin:.4g})."
        ),
        advice="Let it fall more slowly: step the scheduler once an epoch rather than once a batch, or stretch it.",
        evidence=(Evidence(f"goto {since}", "the learning rate is next to nothing"), Evidence("dynamics", "the loss")),
        data={"lr": last, "greatest": greatest, "since": since},
    )
