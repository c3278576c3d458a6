"""How far optimisers' steps move the weights, and whether they lower the loss of their own batch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dgmtui.errors import DgmtuiError
from dgmtui.findings.case import Case
from dgmtui.recording.model import GradientChange, Measure, OptimizerStep, Quantity, SnapshotInfo, StepOutcome

if TYPE_CHECKING:
    from dgmtui.trace.replay import Replay


@dataclass(frozen=True)
class Step:
    """The step that followed a snapshot."""

    snapshot: SnapshotInfo
    told: OptimizerStep
    ratios: Mapping[str, float]
    """Of each weight matrix, by path: the L2 norm of its update over its own."""
    gradients: Mapping[str, float]
    """L2 norm of each one's gradient."""
    weights: Mapping[str, float]
    """L2 norm of each."""

    @property
    def ratio(self) -> float:
        """The median over the weight matrices."""
        return float(np.median(list(self.ratios.values())))

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Of the group with the highest learning rate."""
        return max((g.settings for g in self.told.groups), key=lambda s: _number(s.get("lr")), default={})

    @property
    def rate(self) -> float:
        """The highest learning rate; NaN where it has none."""
        return _number(self.settings.get("lr"))

    @property
    def clipped_by(self) -> float | None:
        """What the gradients were multiplied by before it, where that is no unscaling; None where by nothing."""
        changed = self.told.gradients is GradientChange.SCALED and self.told.loss_scale is None
        return self.told.amount if changed else None


@dataclass(frozen=True)
class Outcome:
    """What a step did to the loss of the batch that it was made for."""

    step: Step
    before: float
    after: float
    predicted: float
    """The change that the gradient promised: its dot product with the update."""

    @property
    def change(self) -> float:
        """``after`` minus ``before``; infinite where that is not finite."""
        return self.after - self.before if math.isfinite(self.after) else math.inf

    @property
    def best(self) -> float | None:
        """The share of the step that would have lowered the loss most, by the parabola through both losses with the
        gradient's slope at the first; None where there is none."""
        curvature = self.change - self.predicted
        ok = math.isfinite(curvature) and self.predicted < 0 and curvature > 0
        return -self.predicted / (2 * curvature) if ok else None


def steps_of(case: Case) -> list[Step]:
    """Every step that was made after a snapshot and moved a weight matrix, by iteration."""
    return [
        step
        for snapshot in case.recording.snapshots
        for told in snapshot.optimizers
        if told.outcome == StepOutcome.MADE
        for step in [_step(case, snapshot, told)]
        if step.ratios
    ]


def _step(case: Case, snapshot: SnapshotInfo, told: OptimizerStep) -> Step:
    ratios, gradients, weights = {}, {}, {}
    for path, update in told.updates.items():
        spec = snapshot.tensors.get(f"param:{path}")
        weight = case.array(snapshot, f"param:{path}") if spec is not None and len(spec.shape) > 1 else None
        norm = _norm(weight)
        if norm and math.isfinite(norm) and math.isfinite(update):
            ratios[path], weights[path] = update / norm, norm
            gradients[path] = _norm(case.array(snapshot, f"grad:{path}"))
    return Step(snapshot, told, ratios, gradients, weights)


def _norm(values: Any) -> float:
    return 0.0 if values is None else float(np.linalg.norm(np.asarray(values, np.float64).ravel()))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def outcome_of(case: Case, step: Step, replay: "Replay") -> Outcome | None:
    """Take the step after a replayed iteration again and run its batch with the weights that it came to; None where
    that can't be done."""
    from dgmtui.trace.steps import load_steps, take
    from dgmtui.trace.tensors import from_stored

    try:
        held = next(h for h in load_steps(case.recording, step.snapshot) if h.told == step.told)
        own = {
            path: from_stored(case.recording.tensor(step.snapshot.tensors[f"grad:{path}"]))
            for path in held.parameters
            if f"grad:{path}" in step.snapshot.tensors
        }
        taken = take(held, held.parameters, own)
        predicted = sum(float((own[path].double() * (after - taken.before[path]).double()).sum())
                        for path, after in taken.after.items() if path in own)  # fmt: skip
        moved = {
            f"param:{path}": after for path, after in taken.after.items() if f"param:{path}" in replay.graph.outside
        }
        again = replay.again(feeds={**replay.feeds, **moved}, differentiable=False)
        again.forward()
        return Outcome(step, float(replay.loss.sum()), float(again.loss.sum()), predicted)
    except (DgmtuiError, StopIteration, RuntimeError, KeyError):
        return None


@dataclass(frozen=True)
class RowRatio:
    """The same told by recorded rows: how far the weight of a module moved."""

    iteration: int
    module: str
    ratio: float


def row_ratios(case: Case) -> list[RowRatio]:
    """Of each recorded row the median over the modules, with the module of the greatest."""
    tables, modules = [], []
    for channel, known in case.channels(Quantity.UPDATE):
        weight = case.channel(known.module, Quantity.WEIGHT)
        module = case.module(known.module)
        if weight is None or not known.units or (module is not None and "Norm" in module.type):
            continue
        update = np.asarray(case.recording.series(channel, Measure.NORM)[:], np.float64)
        norm = np.asarray(case.recording.series(weight, Measure.NORM)[:], np.float64)
        with np.errstate(all="ignore"):
            tables.append(np.linalg.norm(update, axis=1) / np.linalg.norm(norm, axis=1))
        modules.append(known.module)
    if not tables:
        return []
    table, found = np.stack(tables, axis=1), []
    for iteration, ratios in zip(case.recording.rows, table, strict=False):
        known_ratios = ratios[np.isfinite(ratios)]
        if len(known_ratios):
            greatest = int(np.nanargmax(np.where(np.isfinite(ratios), ratios, -1)))
            found.append(RowRatio(int(iteration), modules[greatest], float(np.median(known_ratios))))
    return found
