"""Keeping one iteration so that it can be run again: bind its tensors, replay it at once, compare."""

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recorder.binding import Plan, feeds_of
from dgmtui.recorder.elements import Elements
from dgmtui.recorder.frames import dataset_index
from dgmtui.recorder.light import whole
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names, tensors_in
from dgmtui.recorder.weights import weights_in
from dgmtui.recorder.window import Checked, Window, checksum
from dgmtui.recording.model import Match, OptimizerStep, Quantity, SnapshotInfo, StoredTensor, Verdict
from dgmtui.recording.writer import RecordingWriter
from dgmtui.trace.graph import Call, OutsideRef
from dgmtui.trace.replay import Replay
from dgmtui.trace.tensors import to_stored
from dgmtui.trace.units import unit_axis
from dgmtui.trace.verify import module_statistics, same_bits, verify

_AVERAGED = "the gradients are averaged over the ranks, so this one's own are not known"


@dataclass
class Captured:
    """One iteration, replayed in the process that ran it."""

    plan: Plan | None
    replay: Replay | None
    verdict: Verdict
    feeds: Mapping[str, Tensor] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    gradients: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether the forward pass came out the same."""
        return self.verdict.forward is Match.MATCHES

    def nbytes(self) -> int:
        """Roughly what it takes in the recording."""
        return sum(t.numel() * t.element_size() for t in (*self.feeds.values(), *self.gradients.values()))


def capture(backward: "Backward", names: Names, gradients: Mapping[str, Tensor] | None) -> Captured:
    """Replay the pass that led to a ``backward`` and compare.

    Args:
        gradients: parameter gradients after it, by path; None where none was made.
    """
    plan, window, loss, before = backward.plan, backward.window, backward.loss, backward.before
    gradients = None if backward.weighted else gradients
    compared = gradients if backward.averaged_over == 1 else None
    unmatched = Verdict(Match.NOT_MADE, Match.NOT_MADE, backward.why or "no trace fits this iteration")
    if plan is None:
        return Captured(None, None, unmatched)
    feeds, missing = feeds_of(plan, window, names)
    if missing or plan.refused:
        why = plan.refused or f"not found: {'; '.join(missing)}"
        found = Captured(plan, None, replace(unmatched, detail=why), feeds, tuple(missing))
    else:
        states = [part.rng_state for part in window.parts]
        replay = Replay(
            plan.graph, feeds, rng_state=states[0], rng_states=dict(zip(plan.resumed, states[1:], strict=False))
        )
        found = Captured(
            plan, replay, _judge(replay, window, loss, compared, before, fresh=bool(plan.feeds_now)), feeds
        )
        if compared is not gradients:
            found.verdict = replace(found.verdict, detail=f"{found.verdict.detail}; {_AVERAGED}")
            gradients = None
    if not before.accumulated:
        found.gradients = {path: gradient.detach().clone() for path, gradient in (gradients or {}).items()}
    elif found.replay is not None and found.verdict.gradient is Match.MATCHES:
        found.gradients = {
            path: found.replay.gradients[f"param:{path}"]
            for path in gradients or {}
            if f"param:{path}" in found.replay.gradients
        }
    return found


@dataclass(frozen=True)
class Before:
    """The gradients that a backward pass adds to."""

    accumulated: bool
    """There were some."""
    gradients: Mapping[str, Tensor] | None = None
    """Copies of them by path, where they were kept."""


@dataclass(frozen=True)
class Backward:
    """One call of ``backward``, and what is known of the pass that led to it."""

    number: int
    """Of the iteration's calls, counted from 0."""
    window: Window
    plan: Plan | None
    why: str
    """There is no plan, in words."""
    loss: Tensor
    value: float
    weighted: bool
    """It was given gradients to begin with, so a replay from the loss makes others."""
    before: Before
    averaged_over: int = 1
    """The gradients afterwards are the mean of so many ranks'."""
    loss_scale: float | None = None
    """What a ``GradScaler`` multiplied the loss by; None without one."""


def _judge(
    replay: Replay,
    window: Window,
    loss: Tensor,
    gradients: Mapping[str, Tensor] | None,
    before: Before,
    *,
    fresh: bool,
) -> Verdict:
    """``fresh``: the trace was taken in this very iteration."""
    statistics = _recorded_statistics(window)
    named = {f"param:{path}": gradient for path, gradient in (gradients or {}).items()}
    expected = {name: gradient for name, gradient in named.items() if name in replay.graph.outside}
    alone = None if gradients is None or before.accumulated else expected
    try:
        verdict = verify(replay, loss=loss, statistics=statistics, gradients=alone)
        compared, difference = _compare_outputs(replay, window) if verdict.forward is Match.MATCHES else (0, "")
        if gradients is not None and before.accumulated:
            verdict = _judge_sums(replay, verdict, expected, before)
    except (RuntimeError, ReplayError) as error:
        return Verdict(Match.DIFFERS, Match.NOT_MADE, f"the replay failed: {error}")
    if difference:
        verdict = Verdict(Match.DIFFERS, verdict.gradient, difference)
    elif compared:
        verdict = replace(verdict, detail=f"{verdict.detail}; {compared} outputs of modules too")
    elif verdict.forward is Match.MATCHES and not statistics and not fresh and not torch.isfinite(loss).all():
        nothing = "the loss is not finite and no module's output could be compared, so nothing is proved"
        verdict = Verdict(Match.NOT_MADE, verdict.gradient, nothing)
    return verdict


def _judge_sums(replay: Replay, verdict: Verdict, expected: Mapping[str, Tensor], before: Before) -> Verdict:
    """Where gradients are accumulated, those before and the replay's must add up to those after."""
    if before.gradients is None:
        said = "gradients were added to earlier ones, so this backward pass's own are not known"
        return replace(verdict, detail=f"{verdict.detail}; {said}")
    replay.backward(steps=False)
    for name, after in expected.items():
        earlier, own = before.gradients.get(name.removeprefix("param:")), replay.gradients.get(name)
        total = own if earlier is None else earlier if own is None else earlier + own
        if total is None or not same_bits(total, after):
            return Verdict(verdict.forward, Match.DIFFERS, f"{verdict.detail}; the gradient of {name} differs")
    detail = f"{verdict.detail}; {len(expected)} accumulated gradients too"
    return Verdict(verdict.forward, Match.MATCHES, detail)


def _recorded_statistics(window: Window) -> dict[str, Any]:
    if window.row is None:
        return {}
    return {key[0]: values for key, values, *_ in whole(window.row).merged() if key[1] is Quantity.ACTIVATION}


def _compare_outputs(replay: Replay, window: Window) -> tuple[int, str]:
    """How many outputs of modules are bit for bit those of the training, or how one isn't: a NaN loss proves little."""
    seen: dict[str, list[Checked]] = {}
    for check in window.checks:
        known = seen.setdefault(check.module, [])
        if known and known[0].part != check.part:  # what came before is part of another backward pass
            known.clear()
        known.append(check)
    calls: dict[str, list[Call]] = {}
    for call in replay.graph.calls:
        calls.setdefault(call.module, []).append(call)
    compared = 0
    for path, checks in seen.items():
        made = calls.get(path, [])
        if len(made) != len(checks) or not all(call.outputs for call in made):
            continue
        for call, check in zip(made, checks, strict=True):
            if int(checksum(replay.output(call))) != check.bits_sum:
                return compared, f"the output of module {path!r} differs from the training's"
            compared += 1
    return compared, ""


@dataclass(frozen=True)
class Encoded:
    """A captured iteration as bytes: what the training does to its tensors afterwards changes nothing here."""

    plan: Plan | None
    verdict: Verdict
    tensors: Mapping[str, StoredTensor]
    statistics: Mapping[str, list[float]]
    missing: tuple[str, ...]

    def write(
        self,
        writer: RecordingWriter,
        iteration: int,
        reason: str,
        loss: float,
        turn: str,
        extra: Mapping[str, Any],
        optimizers: Sequence[OptimizerStep],
    ) -> SnapshotInfo:
        """Append it to the recording."""
        if self.plan is not None and self.plan.trace_id < 0:
            self.plan.trace_id = writer.add_trace(self.plan.graph.to_json())
        return writer.add_snapshot(
            iteration=iteration,
            turn=turn,
            reason=reason,
            trace=self.plan.trace_id if self.plan is not None else -1,
            loss=loss,
            verdict=self.verdict,
            tensors=self.tensors,
            missing=self.missing,
            extra={**extra, "statistics": self.statistics},
            optimizers=optimizers,
        )


def encode(captured: Captured) -> Encoded:
    """Copy everything that the snapshot will hold."""
    tensors = {name: to_stored(tensor) for name, tensor in captured.feeds.items()}
    statistics: dict[str, list[float]] = {}
    if captured.replay is not None:
        tensors |= {f"draw:{node}:{out}": to_stored(draw) for (node, out), draw in captured.replay.draws.items()}
        if captured.same:  # then what the replay gave is what the training had
            paths = {call.module: None for call in captured.replay.graph.calls}
            statistics = {path: row.tolist() for path, row in module_statistics(captured.replay, paths).items()}
    tensors |= {f"grad:{path}": to_stored(g) for path, g in captured.gradients.items() if g.layout == torch.strided}
    missing = captured.missing or ((captured.verdict.detail,) if captured.replay is None else ())
    return Encoded(captured.plan, captured.verdict, tensors, statistics, missing)


def rows_of(captured: Captured, names: Names, elements: Elements, *, backward: bool) -> Row:
    """The row of an iteration that was not to be recorded, measured on its replay."""
    row, replay = Row(elements=elements), captured.replay
    if replay is not None and captured.same:
        for call in replay.graph.calls:
            if not call.outputs:
                continue
            output = replay.output(call)
            axis = unit_axis(tuple(output.shape), call.type)
            row.add_output(call.module, Quantity.ACTIVATION, output, axis)
            if backward:
                gradient = replay.gradient(call.outputs[0])
                if gradient is not None and not isinstance(call.outputs[0], OutsideRef):
                    row.add_output(call.module, Quantity.GRADIENT, gradient, axis)
    add_weights(row, names, gradients=backward)
    return row


def add_weights(row: Row, names: Names, *, gradients: bool) -> None:
    """Measure every module's weight and, if asked, its gradient."""
    for weight, tensor in weights_in(names):
        row.add_weight(weight.path, Quantity.WEIGHT, tensor, weight.axis)
        if gradients and tensor.grad is not None:
            row.add_weight(weight.path, Quantity.WEIGHT_GRADIENT, tensor.grad, weight.axis)


def transient(captured: Captured, loss: Tensor) -> bool:
    """Whether a second run of the same iteration comes out finite where the training did not."""
    if captured.replay is None:
        return False
    again = captured.replay.again()
    again.forward()
    return bool(torch.isfinite(again.loss).all()) and not bool(torch.isfinite(loss).all())


@dataclass(frozen=True)
class Given:
    """A batch that a loader gave, and which rows of the data set it is."""

    tensors: tuple[weakref.ref[Tensor], ...]
    index: list[int]
    rows: int | None = None
    """How many rows the data set has; None where it does not say."""

    @classmethod
    def of(cls, batch: Any, index: list[int], rows: int | None = None) -> "Given":
        """Remember it without keeping it."""
        return cls(tuple(weakref.ref(tensor) for _, tensor in tensors_in(batch)), index, rows)

    def holds(self, tensor: Tensor) -> bool:
        """Whether ``tensor`` is one of the batch's, or a view of one."""
        mine = (ref() for ref in self.tensors)
        return any(t is not None and _storage(t) == _storage(tensor) != 0 for t in mine)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata if tensor.layout == torch.strided else 0


def rows_told(window: Window, given: Sequence[Given]) -> dict[str, Any]:
    """What a snapshot tells of its batch's rows: their indices in the data set, and how many that has."""
    index = batch_index(window, given)
    if index is None:
        return {}
    rows = next((one.rows for one in reversed(given) if one.index == index and one.rows is not None), None)
    return {"dataset_index": index} if rows is None else {"dataset_index": index, "dataset_size": rows}


def batch_index(window: Window, given: Sequence[Given]) -> list[int] | None:
    """The data set's indices of the batch's rows, where they are known for certain.

    They are where a tensor that a loader gave went into the model; where only what was computed of it did, as long as
    no other batch could be meant.
    """
    batch = [tensor for _, _, tensor in window.arguments if tensor.dim()]
    for one in reversed(given):
        if any(one.holds(tensor) and len(tensor) == len(one.index) for tensor in batch):
            return one.index
    alive = [one for one in given if any(ref() is not None for ref in one.tensors)]
    if len(alive) == 1 and batch and len(alive[0].index) == len(batch[0]):
        return alive[0].index
    return dataset_index(batch)
