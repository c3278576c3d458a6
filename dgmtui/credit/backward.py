"""Backward contributions: how the units downstream made the target's gradient."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dgmtui.credit.forward import forward_contributions, mask_of, size_of
from dgmtui.credit.grouping import By, Outputs, Sums, rows_of, summed
from dgmtui.credit.model import Contribution, Contributions, Target
from dgmtui.credit.propagation import EPSILON_RULE, Propagation
from dgmtui.credit.sweep import Reader
from dgmtui.credit.tangents import push_forward
from dgmtui.trace.graph import Ref
from dgmtui.trace.progress import Progress
from dgmtui.trace.replay import Replay


def backward_contributions(
    replay: Replay, target: Target, *, by: By = "unit", progress: Progress | None = None
) -> Contributions:
    """``c_j = (∂L/∂y_j) · (∂y_j/∂y_i)`` of every unit ``y_j`` downstream of the target ``y_i``, summed over positions.

    One forward-mode pass with ones at every position of the target gives ∂y_j/∂y_i; the replay's backward gives
    ∂L/∂y_j. Over any cut between the target and the loss the contributions add up to ∂L/∂y_i. Where gradients are not
    finite the contribution is None, and what goes through an operation without a derivative of the second order is
    not counted; ``note`` says so.

    Raises:
        ReplayError: there is no backward pass to replay.
        Cancelled: ``progress`` was cancelled.
    """
    if target.alone:
        return Contributions.of_nothing(target)
    replay.backward(steps=False)
    collect = _Collect(replay, target, by)
    value = collect.reader.value(target.ref)
    mask = mask_of(value, target, collect.outputs)
    blocked = push_forward(collect.reader, mask.to(value.dtype), target.ref, collect.visit, progress)
    rows = collect.rows()
    conserved = {"arrived": collect.arrived}
    gradient = replay.gradient(target.ref)
    if gradient is not None:
        conserved["gradient"] = float(gradient[mask].double().sum())
    finite = {name: value for name, value in conserved.items() if math.isfinite(value)}
    return Contributions(target, rows, finite, note=_note(rows, target, conserved, blocked))


def contributions(
    replay: Replay,
    target: Target,
    *,
    propagation: Propagation = EPSILON_RULE,
    by: By = "unit",
    progress: Progress | None = None,
) -> Contributions:
    """Forward and backward contributions in one table, largest relevance first, then largest part of the gradient.

    Raises:
        CreditError: the target is non-finite, or an operation in the way has no derivative.
        ReplayError: there is no backward pass to replay.
        Cancelled: ``progress`` was cancelled.
    """
    forward = forward_contributions(replay, target, propagation=propagation, by=by, progress=progress)
    backward = backward_contributions(replay, target, by=by, progress=progress)
    merged = {row.key: row for row in forward.rows}
    for row in backward.rows:
        key = row.key
        merged[key] = merged[key]._replace(backward=row.backward) if key in merged else row
    rows = sorted(merged.values(), key=lambda row: (-size_of(row.forward), -size_of(row.backward)))
    return replace(
        forward,
        rows=tuple(rows),
        conserved={**forward.conserved, **backward.conserved},
        note="; ".join(note for note in (forward.note, backward.note) if note),
    )


class _Collect:
    """Takes down gradient times tangent at module outputs as the pass goes by."""

    def __init__(self, replay: Replay, target: Target, by: By) -> None:
        self.reader = Reader(replay)
        self.outputs = replay.graph.once(Outputs)
        self.arrived = 0.0
        self._replay = replay
        self._target = target
        self._by = by
        self._sums: dict[str, Sums] = {}

    def visit(self, ref: Ref, tangent: Tensor) -> None:
        if ref == self._replay.graph.loss:
            self.arrived = float(tangent.double().sum())
        for module, type_ in self.outputs.modules(ref).items():
            layout = self.outputs.layout(ref, type_)
            made = self._product(ref, tangent)
            sums = summed(made, self.reader.value(ref), layout, self._by, self._target.rows)
            self._sums[module] = self._sums[module].add(sums) if module in self._sums else sums

    def _product(self, ref: Ref, tangent: Tensor) -> Tensor:
        gradient = self._replay.gradient(ref)
        if gradient is None:
            return torch.zeros_like(tangent)
        product = gradient.to(tangent.dtype) * tangent
        return product if torch.isfinite(product.sum()) else torch.where(tangent == 0, 0.0, product)

    def rows(self) -> tuple[Contribution, ...]:
        """Largest part of the gradient first."""
        return rows_of(self._sums, "backward", self._target.rows)


def _note(rows: Sequence[Contribution], target: Target, conserved: dict[str, float], blocked: tuple[str, ...]) -> str:
    notes = []
    if blocked:
        notes.append(f"what goes through {', '.join(blocked)}, which has no forward derivative, is not counted")
    if any(row.backward is None for row in rows) or not all(map(math.isfinite, conserved.values())):
        notes.append(
            f"gradients between {target.module or 'the root'} and the loss are not finite at this iteration, so some "
            "backward contributions have no value; ask at the nearest healthy snapshot before it"
        )
    return "; ".join(notes)
