"""A gradient that grows on its way back, over layers or steps, or from iteration to iteration."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.layers.fading import Fading, over_depth, over_steps, together, told
from dgmtui.findings.losses.learning import loss_left, takes_turns
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.recording.model import Quantity

KIND = "exploding_gradient"
CLIP = "Clip gradients by their norm (clip_grad_norm_), lower the learning rate, "


@detector(KIND)
def exploding_gradient(case: Case) -> Iterator[Finding]:
    """Gradients that grow by orders of magnitude, over layers, steps or iterations, and the training suffers by it."""
    limits, left = case.thresholds, loss_left(case)

    def grows(each: Fading) -> bool:
        return each.ratio >= limits.exploding_ratio

    suffers = left >= limits.layer_unlearned and not takes_turns(case)
    for history in (over_depth(case), *over_steps(case)):
        lasting = together(history, grows, min(limits.layer_snapshots, max(1, len(history))))
        if lasting and (suffers or _far_too_large(case, lasting)):
            yield _over_the_way(case, lasting)
            return
    grown = growth_over_time(case)
    if grown is not None and left > 1.0 and not takes_turns(case):
        yield _over_time(case, grown, left)


def _far_too_large(case: Case, lasting: list[Fading]) -> bool:
    known = [each.relative for each in lasting if each.relative is not None]
    return bool(known) and float(np.median(known)) >= case.thresholds.exploding_relative


def _over_the_way(case: Case, lasting: list[Fading]) -> Finding:
    last = lasting[-1]
    steps = last.first == last.last
    way = (
        f"over the {last.depth} steps of `{last.first}`: its norm is {last.before:.2e} at the last step and "
        f"{last.after:.2e} at the first ones"
        if steps
        else f"on its way back: its norm is {last.before:.2e} at `{last.last}` and {last.after:.2e} at `{last.first}`, "
        f"{last.depth} layers earlier"
    )
    relative = "" if last.relative is None else (
        f"; the gradient of the weights of `{last.first}` is {last.relative:.3g} times as large as they are"
    )  # fmt: skip
    return told(
        case,
        KIND,
        lasting,
        Severity.ERROR,
        f"The gradient grows {last.ratio:.1e} times {way} (so in each of {len(lasting)} snapshots since iteration "
        f"{lasting[0].iteration:,}){relative}.",
        CLIP
        + (
            "and start recurrent weights orthogonal or smaller."
            if steps
            else "start weights smaller (kaiming, xavier) or put a normalisation between layers."
        ),
        Evidence(f"module {last.first or '.'}", "its gradient and its weight's"),
        Evidence("credit loss --backward", "how much of the gradient each module passes on"),
        data={"first": last.first, "last": last.last},
    )


@dataclass(frozen=True)
class Grown:
    """A norm of gradients that left its past for good."""

    onset: int
    was: float
    """The greatest before."""
    now: float
    """The last finite one."""
    last: int
    module: str | None
    """The module whose weight gradient grew most; None where only the whole norm is known."""


def growth_over_time(case: Case) -> Grown | None:
    """Since when the norm of the weights' gradients has been far above all that was before, and by how much."""
    readings = _norms(case)
    if len(readings) < 2 * case.thresholds.layer_snapshots:
        return None
    at, norms = np.array(sorted(readings)), np.array([readings[i] for i in sorted(readings)])
    finite = np.isfinite(norms) & (norms > 0)
    at, norms = at[finite], norms[finite]
    for place in range(case.thresholds.layer_snapshots, len(norms)):
        past = float(norms[:place].max())
        if norms[place:].min() >= case.thresholds.exploding_growth * past and len(norms) - place >= 1:
            return Grown(int(at[place]), past, float(norms[-1]), int(at[-1]), _most_grown(case))
    return None


def _norms(case: Case) -> dict[int, float]:
    """Iteration → the norm of all weight gradients, of the steps of snapshots, else root mean square of the rows'."""
    rows = case.recording.rows
    channels = [channel for channel, _ in case.channels(Quantity.WEIGHT_GRADIENT)]
    if len(channels) and len(rows) >= 2 * case.thresholds.layer_snapshots:
        sizes = [_rms(case, channel) for channel in channels]
        return dict(zip(rows.tolist(), np.sqrt(np.nansum(np.square(sizes), axis=0)).tolist(), strict=True))
    return {
        snapshot.iteration: max(step.norm for step in snapshot.optimizers)
        for snapshot in case.recording.snapshots
        if snapshot.optimizers
    }


def _rms(case: Case, channel: int) -> NDArray[np.float64]:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.hypot(case.statistic(channel, "std"), case.statistic(channel, "mean"))


def _most_grown(case: Case) -> str | None:
    best: tuple[float, str] | None = None
    for channel, info in case.channels(Quantity.WEIGHT_GRADIENT):
        sizes = _rms(case, channel)
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        if len(sizes) > 1 and (best is None or sizes[-1] / np.median(sizes) > best[0]):
            best = float(sizes[-1] / np.median(sizes)), info.module
    return None if best is None else best[1]


def _over_time(case: Case, grown: Grown, left: float) -> Finding:
    where = "" if not grown.module else f", most in `{grown.module}`"
    return Finding(
        kind=KIND,
        severity=Severity.ERROR,
        iteration=grown.last,
        onset=grown.onset,
        rank=case.recording.info.rank,
        phase="backward",
        module=grown.module,
        value=grown.now,
        message=(
            f"The gradients have exploded since iteration {grown.onset:,}: their norm was {grown.was:.3g} at most "
            f"until then and is {grown.now:.3g} at iteration {grown.last:,}{where}, and the loss has "
            + ("become infinite or NaN." if not np.isfinite(left) else f"risen to {left:.3g} times what it was.")
        ),
        advice=CLIP + "and look at the samples of that iteration.",
        evidence=(
            Evidence(f"goto {grown.onset}", "where it began"),
            *((Evidence(f"module {grown.module}", "its weight gradient over time"),) if grown.module else ()),
        ),
        data={"was": grown.was},
    )
