"""Units that are shut for every sample of every stored batch, told from replayed snapshots alone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import DgmtuiError
from dgmtui.findings.case import Case
from dgmtui.findings.layers.preactivations import preactivations
from dgmtui.findings.layers.rectifiers import Rectifier
from dgmtui.findings.layers.survey import Look, Survey
from dgmtui.findings.visits import surveys_by_turn

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay

DYING = {
    "aten.relu": "ReLU",
    "aten.hardtanh": "ReLU6",
    "aten.threshold": "Threshold",
    "aten.hardswish": "Hardswish",
    "aten.gelu": "GELU",
    "aten.silu": "SiLU",
    "aten.elu": "ELU",
    "aten.mish": "Mish",
}
"""Functions that let nothing through below a threshold, or hardly anything far below it."""


def shut_rectifiers(case: Case) -> Iterator[Rectifier]:
    """Every rectifier of the last snapshot of each turn that has dead units in it."""
    for surveys in surveys_by_turn(case).values():
        suspects = [look for look in surveys[-1].looks if look.site.op in DYING and look.dead.any()]
        if not suspects:
            continue
        everywhere, seen = _in_all_batches(case, surveys, suspects)
        for look in suspects:
            dead = everywhere.get(look.key)
            if dead is not None and dead.any():
                yield _rectifier(case, surveys, look, dead, seen)


def _in_all_batches(
    case: Case, surveys: list[Survey], looks: list[Look]
) -> tuple[dict[tuple[str, str, str, str | None], NDArray[np.bool_]], str]:
    """Which units are dead in every stored batch, all run with the last snapshot's weights; none where few are."""
    last, limits = surveys[-1], case.thresholds
    replay = case.replay(last.snapshot)
    if replay is None:
        return {}, ""
    dead, samples, batches = {look.key: look.dead for look in looks}, looks[0].samples, 1
    for survey in reversed(surveys[:-1]):
        if survey.snapshot.trace == last.snapshot.trace and (other := _with_batch(case, replay, survey)) is not None:
            for look in looks:
                here = _dead(other, look)
                dead[look.key] = dead[look.key] & (here if here is not None else False)
            samples, batches = samples + looks[0].samples, batches + 1
    if batches < limits.dead_batches or samples < limits.dead_batch_samples:
        return {}, ""
    return dead, f"{samples} samples of {batches} stored batches with the weights of iteration {last.iteration:,}"


def _with_batch(case: Case, replay: "Replay", survey: Survey) -> "Replay | None":
    """The last weights on another snapshot's batch, run forward; None where that can't be."""
    import torch

    feeds = dict(replay.feeds)
    try:
        for name, given in replay.feeds.items():
            if name.startswith("input:"):
                values = case.array(survey.snapshot, name)
                if values is None or values.shape != tuple(given.shape):
                    return None
                feeds[name] = torch.from_numpy(np.array(values)).to(given.dtype)
        other = replay.again(feeds=feeds, differentiable=False)
        other.forward()
    except (DgmtuiError, RuntimeError, IndexError):  # labels that index elsewhere, draws of another shape
        return None
    return other


def _dead(replay: "Replay", look: Look) -> NDArray[np.bool_] | None:
    try:
        here = preactivations(replay, look.site)
    except (DgmtuiError, RuntimeError):
        return None
    found: NDArray[np.bool_] = here.dead & (here.unit_highest <= 0)
    return found if found.shape == look.dead.shape else None


def _rectifier(case: Case, surveys: list[Survey], look: Look, dead: NDArray[np.bool_], seen: str) -> Rectifier:
    """With its onset: since which snapshot nine tenths of these units, and all, have been dead."""
    history = [
        (survey.iteration, float(same.dead[dead].mean()))
        for survey in surveys
        for same in survey.looks
        if same.key == look.key and same.dead.shape == dead.shape
    ]

    def since(least: float) -> int:
        alive = [i for i, (_, share) in enumerate(history) if share < least]
        return history[min(len(history) - 1, alive[-1] + 1 if alive else 0)][0]

    site, graph = look.site, case.graph_of(surveys[-1].snapshot)
    node = graph.nodes[site.node] if graph is not None else None
    own = node is not None and graph is not None and site.label == site.module
    source = None if node is None or own else node.source
    name = (
        f"`{site.module}` ({DYING[site.op]})"
        if own
        else f"`{site.op.removeprefix('aten.')}`" + (f" at {source}" if source else "")
    )
    return Rectifier(
        site.module, name, site.op, site.fed_by, dead, since(0.9), since(1.0),
        str(source) if source else None, source.text if source else None, seen,
    )  # fmt: skip
