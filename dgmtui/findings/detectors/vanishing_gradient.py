"""A gradient that is lost on its way back, over the layers of a network or the steps of a sequence."""

from collections.abc import Iterator

from dgmtui.findings.case import Case
from dgmtui.findings.layers.fading import Fading, over_depth, over_steps, together, told
from dgmtui.findings.losses.learning import loss_left, takes_turns
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector

KIND = "vanishing_gradient"


@detector(KIND)
def vanishing_gradient(case: Case) -> Iterator[Finding]:
    """The first layers, or steps, get a gradient that is far smaller than the last ones' while the loss stays high."""
    limits, left = case.thresholds, loss_left(case)
    if left < limits.layer_learned or takes_turns(case):
        return
    severity = Severity.ERROR if left >= limits.layer_unlearned else Severity.WARNING
    depth = over_depth(case)
    faded = [each for each in depth if each.depth >= limits.vanishing_depth]
    if lasting := together(faded, lambda each: 0 < each.ratio <= limits.vanishing_ratio, limits.layer_snapshots):
        yield _over_layers(case, lasting, severity)
    for steps in over_steps(case):
        if lasting := together(steps, lambda each: 0 < each.ratio <= limits.vanishing_steps, limits.layer_snapshots):
            yield _over_time(case, lasting, severity)


def _over_layers(case: Case, lasting: list[Fading], severity: Severity) -> Finding:
    last = lasting[-1]
    moved = "" if last.relative is None else (
        f"; the gradient of its weights is {last.relative:.1e} of them, that of `{last.last}` {last.last_relative:.1e}"
    )  # fmt: skip
    return told(
        case,
        KIND,
        lasting,
        severity,
        (
            f"The gradient vanishes on its way back: its norm is {last.before:.2e} at `{last.last}` and "
            f"{last.after:.2e} at `{last.first}`, {last.depth} layers earlier ({last.ratio:.1e} of it, so in each of "
            f"{len(lasting)} snapshots since iteration {lasting[0].iteration:,}){moved}."
        ),
        (
            "Use ReLU-like functions with an initialisation that suits them (kaiming), normalisation between layers, "
            "or residual connections."
        ),
        Evidence(f"module {last.first}", "the first of these layers: its gradient and its weight's"),
        Evidence(f"module {last.last}", "the last of them"),
        Evidence("credit loss --backward", "how much of the gradient each module passes on"),
        data={"first": last.first, "last": last.last},
    )


def _over_time(case: Case, lasting: list[Fading], severity: Severity) -> Finding:
    last = lasting[-1]
    return told(
        case,
        KIND,
        lasting,
        severity,
        (
            f"The gradient vanishes over the {last.depth} steps of `{last.first}`: its norm is {last.before:.2e} at "
            f"the last step and {last.after:.2e} at the first ones, and {last.reach} steps from the end it has fallen "
            f"below {case.thresholds.vanishing_steps:.0e} of that: what came earlier can't be learned from."
        ),
        (
            "Use an LSTM or GRU (with a forget gate that starts open), orthogonal recurrent weights, attention or "
            "shorter sequences, or let the loss look at every step."
        ),
        Evidence(f"module {last.first}", "the recurrent layer"),
        data={"steps": last.depth, "reach": last.reach},
    )
