"""How gradients of the first layers, or steps, compare with those of the last, snapshot by snapshot."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.layers.flows import Flow, Passage
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.visits import surveys


@dataclass(frozen=True)
class Fading:
    """In one snapshot."""

    iteration: int
    first: str
    """The first layer; of a sequence, the recurrent layer."""
    last: str
    before: float
    """Norm of the gradient at the last layer or step, where the way back begins."""
    after: float
    """At the first ones."""
    ratio: float
    """Of the first third (of layers; of steps the first tenth) to the last, the nearer to one where there are several
    ways to look at it."""
    depth: int
    """Layers, or steps, in between."""
    profile: tuple[float, ...]
    """Norm of the gradient at each, from the first to the last."""
    relative: float | None = None
    """Norm of the first layer's weight gradient by that of its weight."""
    last_relative: float | None = None
    reach: int = 0
    """Of a sequence, how many steps back from the last the gradient is still above a threshold's share of it."""


def over_depth(case: Case) -> list[Fading]:
    """Of every replayed snapshot in which a network's layers got a gradient."""
    return [
        found
        for survey in surveys(case)
        if (found := _of_layers(survey.iteration, [f for f in survey.flows if f.gradient > 0])) is not None
    ]


def _of_layers(iteration: int, flows: Sequence[Flow]) -> Fading | None:
    """Layers by depth, the first third against the last; gradients that are exactly zero are another matter."""
    flows = sorted(flows, key=lambda flow: flow.depth)
    if len(flows) < 3:
        return None
    third = max(1, len(flows) // 3)
    early, late = flows[:third], flows[-third:]
    gradients = np.array([flow.gradient for flow in flows])
    first, last = early[0], late[-1]
    ways = [_ratio([f.gradient for f in early], [f.gradient for f in late])]
    shares = [(f, f.weight_gradient / f.weight) for f in flows if f.weight and f.weight_gradient]
    relative = {f.module: share for f, share in shares}
    if first.module in relative and last.module in relative:
        return Fading(
            iteration, first.module, last.module, last.gradient, first.gradient, ways[0], last.depth - first.depth,
            tuple(gradients.tolist()), relative[first.module], relative[last.module],
        )  # fmt: skip
    return None


def _ratio(early: Sequence[float], late: Sequence[float]) -> float:
    return float(np.median(early) / np.median(late)) if np.median(late) > 0 else float("nan")


def over_steps(case: Case) -> Iterator[list[Fading]]:
    """Of every recurrence, its history."""
    found: dict[tuple[str, bool], list[Fading]] = {}
    for survey in surveys(case):
        for passage in survey.passages:
            fading = _of_steps(case, survey.iteration, passage)
            if fading is not None:
                found.setdefault((passage.module, passage.fused), []).append(fading)
    yield from found.values()


def _of_steps(case: Case, iteration: int, passage: Passage) -> Fading | None:
    gradients = passage.gradients
    if len(gradients) < 8 or not np.isfinite(gradients).all() or not gradients[-1] > 0:
        return None
    tenth = max(1, len(gradients) // 10)
    before, after = float(gradients[-tenth:].max()), float(gradients[:tenth].max())
    above = np.flatnonzero(gradients > case.thresholds.vanishing_steps * before)
    return Fading(
        iteration, passage.module, passage.module, before, after, after / before, len(gradients),
        tuple(gradients.tolist()), reach=int(len(gradients) - above[0]),
    )  # fmt: skip


def told(
    case: Case, kind: str, lasting: Sequence[Fading], severity: Severity, message: str, advice: str,
    *evidence: Evidence, data: Mapping[str, Any],
) -> Finding:  # fmt: skip
    """The finding of a gradient that fades or grows so in each of ``lasting``, told of the last."""
    last = lasting[-1]
    return Finding(
        kind=kind,
        severity=severity,
        iteration=last.iteration,
        onset=lasting[0].iteration,
        rank=case.recording.info.rank,
        phase="backward",
        module=last.first,
        value=last.ratio,
        message=message,
        advice=advice,
        evidence=evidence,
        data={**data, "profile": last.profile},
    )


def together(history: Sequence[Fading], holds: Callable[[Fading], bool], least: int) -> list[Fading]:
    """The last of a history that all hold in a row, to its end; none where they are fewer than ``least``."""
    lasting: list[Fading] = []
    for each in reversed(history):
        if not holds(each):
            break
        lasting.insert(0, each)
    return lasting if len(lasting) >= least else []
