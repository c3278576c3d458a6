"""A snapshot from its backward pass to the end of its iteration: what optimisers do meanwhile is added to it."""

import weakref
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from dgmtui.recorder.capture import Before, Encoded
from dgmtui.recorder.changes import change_of
from dgmtui.recorder.optimizers import class_of, groups_of, is_known, state_nbytes, state_of, stepping, trained
from dgmtui.recording.model import GradientChange, OptimizerStep, StepOutcome, StoredTensor
from dgmtui.recording.writer import RecordingWriter
from dgmtui.trace.steps.taking import norm_of
from dgmtui.trace.tensors import from_stored, to_stored

TakesState = Callable[[int], str]
"""Why so many bytes of state are not to be kept; empty where they are."""


@dataclass
class _Step:
    """One optimiser's step, as far as it is known."""

    told: OptimizerStep
    optimizer: weakref.ref[torch.optim.Optimizer]
    compared: bool = False
    """With its gradients."""


@dataclass
class Pending:
    """A snapshot that is not written yet."""

    encoded: Encoded
    iteration: int
    reason: str
    loss: float
    turn: Callable[[], str]
    extra: Mapping[str, Any]
    number: int
    """Of its backward pass in the iteration, from 0."""
    before: Before
    loss_scale: float | None
    names: Mapping[int, str]
    """Paths of parameters by their id."""
    _steps: list[_Step] = field(default_factory=list)
    _more: dict[str, StoredTensor] = field(default_factory=dict)

    def concerns(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether it moves a parameter that this pass may have a gradient of."""
        return any(f"param:{self.names.get(id(p))}" in self.encoded.tensors for p in trained(optimizer))

    def nbytes(self) -> int:
        """What the steps add to it."""
        return sum(stored.data.size for stored in self._more.values())

    def begin(self, optimizer: torch.optim.Optimizer, takes_state: TakesState, *, compared: bool = True) -> None:
        """The step is about to be made, or ``compared`` False: is under way, or is left out."""
        step = self._add(optimizer, takes_state, self._moved(stepping(optimizer)))
        if compared and is_known(optimizer):
            self._compare(step, optimizer)

    def expect(
        self, optimizer: torch.optim.Optimizer, takes_state: TakesState, passes_left: int, *, before_backward: bool
    ) -> None:
        """The pass failed; the step would have come after so many more.

        Args:
            before_backward: what gradients there are were made by earlier passes.
        """
        of_pass = [p for p in trained(optimizer) if f"param:{self.names.get(id(p))}" in self.encoded.tensors]
        moved = self._moved([*of_pass, *(p for p in stepping(optimizer) if all(p is not one for one in of_pass))])
        step = self._add(optimizer, takes_state, moved)
        step.told = replace(step.told, passes_left=passes_left)
        if before_backward and not step.told.left_out:
            self._keep_earlier({path: p.grad for path, p in moved.items() if p.grad is not None})

    def _add(self, optimizer: torch.optim.Optimizer, takes_state: TakesState, moved: Mapping[str, Tensor]) -> _Step:
        """Copy what the optimiser holds of the parameters that it moves, unless that is refused."""
        left_out, numbers = "", dict[str, Any]()
        if is_known(optimizer) and not (left_out := takes_state(state_nbytes(optimizer, list(moved.values())))):
            tensors, numbers = state_of(optimizer, moved)
            self._more |= tensors
            self._keep_unseen(moved)
            self._keep_earlier({path: g for path, g in (self.before.gradients or {}).items() if path in moved})
        told = OptimizerStep(
            type=class_of(optimizer),
            groups=groups_of(optimizer, self.names),
            outcome=StepOutcome.NOT_MADE,
            numbers=numbers,
            loss_scale=self.loss_scale,
            left_out=left_out,
        )
        self._steps.append(_Step(told, weakref.ref(optimizer)))
        return self._steps[-1]

    def end(self, optimizer: torch.optim.Optimizer, outcome: StepOutcome) -> None:
        """The step was made, or skipped."""
        step = next((each for each in self._steps if each.optimizer() is optimizer), None)
        if step is None or step.told.outcome is not StepOutcome.NOT_MADE:
            return
        step.told = replace(step.told, outcome=outcome)
        if not is_known(optimizer) or outcome is not StepOutcome.MADE:
            return
        if not step.compared:
            self._compare(step, optimizer)
        self._measure(step, optimizer)

    def ended(self) -> Callable[[RecordingWriter], object]:
        """What appends it to a recording; nothing of the training waits with it."""
        encoded = replace(self.encoded, tensors={**self.encoded.tensors, **self._more})
        steps, turn, extra = tuple(step.told for step in self._steps), self.turn(), self.extra
        iteration, reason, loss = self.iteration, self.reason, self.loss
        return lambda writer: encoded.write(writer, iteration, reason, loss, turn, extra, steps)

    def _moved(self, parameters: list[Tensor]) -> dict[str, Tensor]:
        """Those that have names, by path."""
        return {path: p for p in parameters if (path := self.names.get(id(p)))}

    def _keep_unseen(self, moved: Mapping[str, Tensor]) -> None:
        """Parameters that the pass knows nothing of, but have gradients of earlier ones."""
        for path, parameter in moved.items():
            if f"param:{path}" not in self.encoded.tensors and parameter.layout == torch.strided:
                self._more[f"param:{path}"] = to_stored(parameter)

    def _keep_earlier(self, gradients: Mapping[str, Tensor]) -> None:
        """What the pass adds its gradients to."""
        for path, gradient in gradients.items():
            if gradient.layout == torch.strided and bool(gradient.any()):
                self._more[f"earlier:{path}"] = to_stored(gradient)

    def _stored(self, name: str) -> Tensor | None:
        known = self._more.get(name) or self.encoded.tensors.get(name)
        return None if known is None else from_stored(known)

    def _compare(self, step: _Step, optimizer: torch.optim.Optimizer) -> None:
        """The gradients as they are with those that the backward pass left."""
        moved = self._moved(stepping(optimizer))
        after = {path: p.grad.detach().cpu() for path, p in moved.items() if p.grad is not None}
        left = {path: total for path in after if (total := self._left(path)) is not None}
        change, amount = change_of(left, after)
        norm = norm_of(left) if change is not GradientChange.UNKNOWN else float("nan")
        step.told = replace(step.told, gradients=change, amount=amount, norm=norm)
        step.compared = True

    def _left(self, path: str) -> Tensor | None:
        """The gradient that the backward pass left: its own, added to what was there."""
        earlier, own = self._stored(f"earlier:{path}"), self._stored(f"grad:{path}")
        if own is not None:
            return own if earlier is None else earlier + own
        return earlier

    def _measure(self, step: _Step, optimizer: torch.optim.Optimizer) -> None:
        """How far the step moved each parameter, and where to."""
        updates, checksums = {}, {}
        for path, parameter in self._moved(stepping(optimizer) or trained(optimizer)).items():
            old = self._stored(f"param:{path}")
            if old is None or parameter.layout != torch.strided:
                continue
            new = to_stored(parameter)
            updates[path] = float((from_stored(new) - old).abs().double().norm())
            checksums[path] = zlib.crc32(new.data.tobytes())
        step.told = replace(step.told, updates=updates, checksums=checksums)
