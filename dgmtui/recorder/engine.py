"""From what PyTorch's hooks report to iterations, and from iterations to the recording."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dgmtui.errors import ReplayError
from dgmtui.recorder.binding import Plan, finish
from dgmtui.recorder.capture import (
    Before,
    Captured,
    Encoded,
    add_weights,
    batch_index,
    capture,
    encode,
    rows_of,
    transient,
)
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names, tensors_in, weight_of
from dgmtui.recorder.rounds import Rounds
from dgmtui.recorder.rows import Rows
from dgmtui.recorder.window import Checked, Window, describe_call, open_window
from dgmtui.recording.model import End, Event, Match, Quantity
from dgmtui.recording.writer import RecordingWriter
from dgmtui.trace.units import unit_axis

SNAPSHOT_BYTES = 256 << 20
"""Healthy snapshots are kept until they take so much."""


class StopTraining(BaseException):
    """Raised in the training loop once a non-finite value is recorded; no ``except Exception`` holds it."""


@dataclass
class Ended:
    """An iteration that is over but for what may still be logged to it."""

    iteration: int
    loss: float
    seconds: float
    scalars: dict[str, float]
    row: Row | None


class Engine:
    """Follows one training run."""

    def __init__(
        self,
        writer: RecordingWriter,
        *,
        every: int = 10,
        on_nonfinite: str = "stop",
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.names = Names()
        self.iteration = 0
        self.stopped_at: int | None = None
        self.failed_at: int | None = None
        self.loader_index: list[int] | None = None
        self._writer = writer
        self._rows = Rows(writer, self.names)
        self._every = max(1, every)
        self._on_nonfinite = on_nonfinite
        self._say = say
        self._rounds = Rounds()
        self._plans: dict[tuple[int, str], Plan] = {}
        self._stack: list[bool] = []
        self._window: Window | None = None
        self._row: Row | None = None
        self._losses: list[float] = []
        self._scalars: dict[str, float] = {}
        self._unscaled: dict[int, Tensor] = {}
        self._scaler_seen = False
        self._before_update: dict[str, tuple[Tensor, int]] = {}
        self._early = False
        self._always = False
        self._owes_snapshot = False
        self._snapshot_bytes = 0
        self._ended: Ended | None = None
        self._pending: list[Callable[[], object]] = []
        self._pid = os.getpid()
        self._busy = False
        self._since = time.perf_counter()
        self._fresh_row()

    @property
    def watching(self) -> bool:
        """Whether hooks are to report: not within our own replays, nor in a forked process."""
        return not self._busy and os.getpid() == self._pid

    # ── forward ──

    def before_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """A module is about to run."""
        active = self.watching and torch.is_grad_enabled()
        outermost = not any(self._stack)
        self._stack.append(active)
        if not active:
            return
        if self._window is None:
            self._write_ended()
            self._open()
        window = self._window
        assert window is not None
        path = self.names.path(module)
        inputs = tensors_in([args, dict(kwargs)])
        if outermost:
            self._begin_pass(window, path, module.training, inputs)
        if window.tracer is not None:
            window.tracer.enter_call(path, type(module).__name__, [t for _, t in inputs], module.training)

    def after_call(self, module: nn.Module, output: object) -> None:
        """A module has run, or raised."""
        if not self._stack or not self._stack.pop():
            return
        window = self._window
        if window is None:
            return
        tensors = [tensor for _, tensor in tensors_in(output)]
        if window.tracer is not None:
            window.tracer.exit_call(tensors)
        if tensors and self.watching:
            if window.tracer is not None:
                with window.tracer.paused():
                    self._see_output(window, module, tensors[0])
            else:
                self._see_output(window, module, tensors[0])

    def _begin_pass(
        self, window: Window, path: str, training: bool, inputs: list[tuple[tuple[object, ...], Tensor]]
    ) -> None:
        described = describe_call(path, training, inputs)
        first = not window.outermost
        window.outermost.append(described)
        window.arguments += [(path, way[1:], tensor) for way, tensor in inputs]
        known = self._plans.get((len(self._losses), described)) if first else None
        if first and window.tracer is None and (known is None or self._always):
            window.trace()

    def _see_output(self, window: Window, module: nn.Module, output: Tensor) -> None:
        path = self.names.path(module)
        axis = unit_axis(tuple(output.shape), type(module).__name__)
        self._rows.shapes.setdefault(path, (tuple(output.shape), axis))
        if not module._modules and output.is_floating_point():
            window.checks.append(Checked(path, output.detach().sum()))
        row = window.row
        if row is None:
            return
        row.add_output(path, Quantity.ACTIVATION, output, axis)
        if output.requires_grad:
            output.register_hook(lambda gradient: self._see_gradient(row, path, gradient, axis))  # type: ignore[no-untyped-call]

    def _see_gradient(self, row: Row, path: str, gradient: Tensor, axis: int | None) -> None:
        try:
            row.add_output(path, Quantity.GRADIENT, gradient, axis)
        except Exception as error:  # autograd would raise it in the user's backward pass
            self._note("warning", f"a gradient of {path} was not recorded: {error}")

    # ── backward ──

    def around_backward(self, loss: Tensor, run: Callable[[], None]) -> None:
        """The user calls ``backward`` on ``loss``; ``run`` does it."""
        if not self.watching:
            run()
            return
        window, self._window = self._window, None
        if window is None:  # no model was called: from the next iteration on the window opens with the step before
            window, self._early = open_window({}, self._pass_row()), True
        value = self._value(loss)
        plan = self._plan(window, loss)
        self._losses.append(value)
        parameters = self.names.parameters | ({} if plan is None else plan.loose_parameters())
        before = self._before(parameters)
        if not _finite(value) and self.failed_at is None:
            self._fail(window, plan, loss, value, None, before)
        run()
        gradients = {path: p.grad for path, p in parameters.items() if p.grad is not None}
        if self.failed_at is None and not self._scaler_seen and _any_nonfinite(gradients):
            self._fail(window, plan, loss, value, gradients, before)
        elif self.failed_at is None and self._snapshot_due():
            self._keep(window, plan, loss, value, gradients, before)
        if plan is not None:
            plan.feeds_now = {}
        if self._row is not None and window.row is not None:
            self._row.absorb(window.row)
        if self._rounds.without_optimizer:
            self.end_iteration()

    def _before(self, parameters: Mapping[str, Tensor]) -> Before:
        known = {path: p.grad for path, p in parameters.items() if p.grad is not None}
        if not known or self.failed_at is not None:
            return Before(bool(known))
        kept = {path: gradient.detach().clone() for path, gradient in known.items()} if self._snapshot_due() else None
        return Before(True, kept)

    def scaled(self, loss: Tensor, scaled: Tensor) -> None:
        """A ``GradScaler`` made ``scaled`` of ``loss``; infinite gradients are its business."""
        self._scaler_seen = True
        self._unscaled = {scaled._cdata: loss.detach()}

    def _plan(self, window: Window, loss: Tensor) -> Plan | None:
        """The trace that stands for this pass: its own, or an earlier one of the same signature."""
        if window.tracer is None:
            first = window.outermost[0] if window.outermost else ""
            known = self._plans.get((len(self._losses), first))
            if known is not None and known.signature != window.signature:
                del self._plans[len(self._losses), first]
                return None
            return known
        window.end_trace()
        self.names.refresh()
        try:
            plan = finish(window, loss, self.names)
        except ReplayError as error:
            self._note("trace", str(error))
            return None
        finally:
            window.tracer = None
        if plan.missing and not window.early:
            self._early = True
        first = window.outermost[0] if window.outermost else ""
        self._plans[len(self._losses), first] = plan
        return plan

    # ── optimiser ──

    def new_optimizer(self, optimizer: object) -> None:
        """An optimiser was made."""
        self._rounds.add(optimizer)

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser is about to move its parameters."""
        if not self.watching:
            return
        if self._rounds.begins_anew(optimizer):
            self.end_iteration()
        if self._row is not None:
            mine = _parameters_of(optimizer)
            add_weights(self._row, self.names, gradients=True, only=mine)
            for path, module in self.names.modules():
                found = weight_of(module)
                if found is not None and id(found[1]) in mine:
                    self._before_update[path] = (found[1].detach().clone(), found[2])

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser has moved its parameters."""
        if not self.watching:
            return
        if self._row is not None and self._before_update:
            for path, module in self.names.modules():
                found = weight_of(module)
                if found is not None and path in self._before_update:
                    before, axis = self._before_update[path]
                    if before.shape == found[1].shape:
                        self._row.add_weight(path, Quantity.UPDATE, found[1].detach() - before, axis)
            self._before_update = {}
        if self._rounds.stepped(optimizer):
            self.end_iteration()

    # ── iterations ──

    def log(self, scalars: Mapping[str, float]) -> None:
        """Numbers of the user's, recorded with the iteration under way or, between two, the one just ended."""
        numbers = {name: float(value) for name, value in scalars.items()}
        if self._ended is not None and self._window is None and not self._losses:
            self._ended.scalars.update(numbers)
        else:
            self._scalars |= numbers

    def end_iteration(self) -> None:
        """Hand over what was gathered and go on to the next."""
        if not self._losses:
            return
        self._write_ended()
        now = time.perf_counter()
        loss = sum(self._losses) / len(self._losses)
        self._ended = Ended(self.iteration, loss, now - self._since, self._scalars, self._row)
        self._since = now
        self._losses, self._scalars = [], {}
        self._rounds.next()
        self.iteration += 1
        self.loader_index = None
        self._fresh_row()
        if self._early and self._window is None:
            self._open(early=True)

    def _write_ended(self) -> None:
        """Write the iteration that ended before, now that nothing is logged to it any more."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        if not self._rows.begun:
            self._begin(ended.row or Row(), tuple(ended.scalars))
        self._writer.add_iteration(ended.iteration, ended.loss, ended.seconds, ended.scalars)
        if ended.row is not None and ended.row.parts:
            self._rows.write(ended.iteration, ended.row)

    def finish(self, end: End) -> None:
        """The run is over: everything goes to the file and the file is closed."""
        if self._window is not None and self._window.tracer is not None:
            self._window.end_trace()
        self._window = None
        if self._losses and self.stopped_at is None:
            self.end_iteration()
        self._write_ended()
        if not self._rows.begun:
            self._begin(Row(), ())
        self._writer.close(end)

    def _begin(self, row: Row, scalars: tuple[str, ...]) -> None:
        self._rows.begin(row, scalars)
        for write in self._pending:
            write()
        self._pending = []

    def _pass_row(self) -> Row | None:
        """Each pass measures into a row of its own, so that it can be compared with its own replay."""
        return None if self._row is None else Row()

    def _fresh_row(self) -> None:
        self._row = Row() if self.iteration % self._every == 0 else None

    def _open(self, *, early: bool = False) -> None:
        self._window = open_window(self.names.buffers, self._pass_row(), early=early)
        if early:
            self._window.trace()

    # ── snapshots ──

    def _snapshot_due(self) -> bool:
        scheduled = self.iteration & (self.iteration - 1) == 0
        return (scheduled or self._owes_snapshot) and self._snapshot_bytes < SNAPSHOT_BYTES

    def _keep(
        self,
        window: Window,
        plan: Plan | None,
        loss: Tensor,
        value: float,
        gradients: dict[str, Tensor],
        before: Before,
    ) -> None:
        """A snapshot of a healthy iteration, and with it the proof that the trace still stands for the loop."""
        captured = self._captured(window, plan, loss, gradients, before)
        fresh = plan is not None and bool(plan.feeds_now)
        if captured.verdict.forward is Match.DIFFERS and not fresh and not self._always:
            self._always = self._owes_snapshot = True
            self._note(
                "trace",
                f"iteration {self.iteration} differs from the trace taken before ({captured.verdict.detail}); "
                "from here on every iteration is traced, which takes longer",
            )
            self._say(
                "the operations or numbers of this loop change from iteration to iteration: every one is traced "
                "from here on, which slows the training"
            )
            return
        self._owes_snapshot = captured.plan is None
        if captured.plan is not None:
            self._snapshot_bytes += captured.nbytes()
            encoded, iteration = self._encoded(captured), self.iteration
            self._later(lambda: encoded.write(self._writer, iteration, "scheduled", value, "", {}))

    def _fail(
        self,
        window: Window,
        plan: Plan | None,
        loss: Tensor,
        value: float,
        gradients: dict[str, Tensor] | None,
        before: Before,
    ) -> None:
        """The first non-finite loss or gradient: keep everything, before the optimiser moves the weights."""
        self.failed_at = self.iteration
        captured = self._captured(window, plan, loss, gradients, before)
        extra: dict[str, Any] = {}
        with _Busy(self):
            if captured.same and gradients is None and transient(captured, loss):
                extra["transient"] = True
            index = batch_index(window, self.loader_index)
            if index is not None:
                extra["dataset_index"] = index
            row = self._row
            if row is None or window.row is None:
                row = rows_of(captured, self.names, backward=gradients is not None)
            else:
                row.absorb(window.row)
                window.row = None
                add_weights(row, self.names, gradients=gradients is not None)
        self._write_ended()
        if not self._rows.begun:
            self._begin(row, ())
        self._encoded(captured).write(self._writer, self.iteration, "failing", value, "", extra)
        what = "loss" if gradients is None else "gradient"
        message = f"the {what} of iteration {self.iteration} is not finite"
        self._event("nonfinite", message)
        if self._on_nonfinite == "continue":
            self._row = row
            self._say(f"{message}; recorded, the training goes on")
            self._writer.flush()
            return
        self._writer.add_iteration(self.iteration, value, time.perf_counter() - self._since, self._scalars)
        self._rows.write(self.iteration, row)
        self._writer.flush()
        self.stopped_at = self.iteration
        raise StopTraining(message)

    def _captured(
        self, window: Window, plan: Plan | None, loss: Tensor, gradients: dict[str, Tensor] | None, before: Before
    ) -> Captured:
        with _Busy(self):
            return capture(plan, window, self.names, loss, gradients, before)

    def _encoded(self, captured: Captured) -> Encoded:
        with _Busy(self):
            return encode(captured)

    def _later(self, write: Callable[[], object]) -> None:
        """Now, or as soon as the recording has its channels."""
        if self._rows.begun:
            write()
        else:
            self._pending.append(write)

    def _note(self, kind: str, message: str) -> None:
        iteration = self.iteration
        self._later(lambda: self._writer.add_event(Event(iteration, kind, message)))

    def _event(self, kind: str, message: str) -> None:
        self._writer.add_event(Event(self.iteration, kind, message))

    def _value(self, loss: Tensor) -> float:
        known = self._unscaled.pop(loss._cdata, None)
        tensor = loss.detach() if known is None else known
        return float(tensor.float().sum()) if tensor.numel() != 1 or tensor.is_complex() else float(tensor)


class _Busy:
    """Our own operations are none of the user's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        self._before, self._engine._busy = self._engine._busy, True

    def __exit__(self, *_: object) -> None:
        self._engine._busy = self._before


def _finite(value: float) -> bool:
    return value - value == 0.0


def _any_nonfinite(gradients: Mapping[str, Tensor]) -> bool:
    """One reduction a gradient and one synchronisation; what it suspects is confirmed element by element."""
    dense = [g.detach() for g in gradients.values() if g.layout == torch.strided and g.is_floating_point()]
    if not dense:
        return False
    with torch.no_grad():
        sums = torch.stack([g.sum().to(dense[0].device, torch.float32) for g in dense])
        if bool(torch.isfinite(sums).all()):
            return False
        return not all(bool(torch.isfinite(g).all()) for g in dense)


def _parameters_of(optimizer: torch.optim.Optimizer) -> set[int]:
    return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
