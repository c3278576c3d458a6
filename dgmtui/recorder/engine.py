"""From what PyTorch's hooks report to iterations, and from iterations to the recording."""

import sys
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dgmtui.recorder.after_steps import AfterSteps
from dgmtui.recorder.binding import Plan
from dgmtui.recorder.calls import Calls
from dgmtui.recorder.capture import Backward, Before, Given, batch_index, capture, encode
from dgmtui.recorder.elements import Elements
from dgmtui.recorder.failing import failing_row, known_of
from dgmtui.recorder.finite import is_finite
from dgmtui.recorder.gradients import Gradients
from dgmtui.recorder.journal import Ended, Journal
from dgmtui.recorder.keeping import Keeper
from dgmtui.recorder.light import LightRow, joined
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names, tensors_in
from dgmtui.recorder.opening import Opening
from dgmtui.recorder.options import Options
from dgmtui.recorder.outputs import Outputs
from dgmtui.recorder.plans import Plans
from dgmtui.recorder.raised import facts_of
from dgmtui.recorder.ranks import averaged_over, shards
from dgmtui.recorder.rounds import Rounds, turn_losses
from dgmtui.recorder.telling import Telling
from dgmtui.recorder.threads import Followed
from dgmtui.recorder.updates import Updates
from dgmtui.recorder.watching import Watch
from dgmtui.recorder.window import Window, open_window
from dgmtui.recording.model import RAISED, End, Event
from dgmtui.recording.writer import RecordingWriter
from dgmtui.trace import one_pass

if TYPE_CHECKING:
    from dgmtui.trace.tracer import Tracer

_SHARDED = "the parameters are sharded over the ranks (fully_shard), so no rank can replay an iteration by itself"
_OTHER_THREAD = "another thread trains too: only the one that trained first is recorded"
_GIVEN = 8
"""Batches that loaders gave last."""


class StopTraining(BaseException):
    """Raised in the training loop once a non-finite value is recorded; no ``except Exception`` holds it."""

    reason = "nonfinite"
    """As the recording's end tells it."""


class StoppedByHand(StopTraining):
    """Whoever looked at the training where it waited (``set_trace``) stopped it."""

    reason = "interrupted"


class Engine:
    """Follows one training run."""

    def __init__(
        self,
        writer: RecordingWriter,
        options: Options,
        *,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.names = Names()
        self.iteration = 0
        self.stopped_at: int | None = None
        self.failed_at: int | None = None
        self._given: deque[Given] = deque(maxlen=_GIVEN)
        """What loaders gave last: some give a batch while the one before is trained on."""
        self.in_block = False
        """The user says where an iteration ends."""
        self._writer = writer
        watch = Watch(options.watcher, writer.path, writer.info, say)
        self._journal = Journal(writer, self.names, watch=watch, last=options.last, say=say)
        self._outputs = Outputs(self.names, self._journal, lambda message: self._note("warning", message))
        self._keeper = Keeper(
            self._journal,
            self.names,
            self._given,
            say,
            optimizer_state=options.optimizer_state,
            asked=options.snapshots,
        )
        self._following = self._keeper.following
        self._telling = Telling(self._journal, self.names)
        self._gradients = Gradients(self.names, options.selection)
        self._updates = Updates(self.names, self._gradients)
        self._after_steps = AfterSteps()
        self._options = options
        self._elements = Elements(options.elements)
        self._last_whole = options.last_whole and options.last > 0
        self._has_light = options.every > 1 and options.last > 0 and not options.last_whole and one_pass.is_built()
        self._say = say
        self._rounds = Rounds()
        self._plans = Plans(self.names, lambda iteration, message: self._journal.event(iteration, "trace", message))
        self.calls = Calls()
        self._handled: BaseException | None = None
        self._spent: Window | None = None
        self._sharded = False
        self._averaged_over = 1
        """How many ranks' gradients the backward pass under way will average."""
        self._window: Window | None = None
        self._row: Row | LightRow | None = None
        self._losses: list[float] = []
        self._turns = 1
        """How many backward passes the last whole iteration had."""
        self._scalars: dict[str, float] = {}
        self._unscaled: dict[int, Tensor] = {}
        self._scaler_seen = False
        self._scaler: weakref.ref[torch.amp.GradScaler] | None = None
        self._raised = False
        """The last backward pass raised."""
        self._broken_off: Window | None = None
        """The last forward pass raised: the window with what it was given."""
        self._is_child = False
        self._followed = Followed()
        self._left_behind: list[Tracer] = []
        """Those of threads that are followed no more; only from within its thread is one left."""
        self._told: set[str] = set()
        """What is said once."""
        self._busy = False
        self._since = time.perf_counter()
        self._opening = Opening(options, writer.path, say)
        self._screen_due = False
        """``set_trace`` was called in the forward pass under way."""
        self._fresh_row()

    @property
    def watching(self) -> bool:
        """Whether hooks are to report: not within our own replays, nor in a forked process."""
        return not self._busy and not self._is_child

    def _here(self, *, trains: bool = False) -> bool:
        """Whether this thread is the one that is followed; ``trains``: it goes back from a loss now."""
        if not self._followed.is_this():
            if not self._followed.may_be_this(trains=trains):
                self._see_elsewhere(trains)
                return False
            if self._window is not None and self._window.tracing is not None:
                self._left_behind.append(self._window.tracing)
            self._drop_window()
            self._spent = None
            self._losses = []
            self.calls.forget()
            self._followed.move_here()
            if trains:  # its forward pass went unheard
                self._window = open_window({}, self._pass_row())
        self._followed.trains |= trains
        return True

    def _see_elsewhere(self, trains: bool) -> None:
        self._leave_tracers()
        if trains:
            self.note_once("warning", _OTHER_THREAD)

    def _leave_tracers(self) -> None:
        for tracer in [one for one in self._left_behind if one.entered_here]:
            self._left_behind.remove(tracer)
            tracer.__exit__(None, None, None)

    @property
    def reached(self) -> int:
        """The last iteration of which there is a loss; 0 where there is none."""
        under_way = bool(self._losses) or self.stopped_at is not None
        return self.iteration if under_way else max(0, self.iteration - 1)

    def forked(self) -> None:
        """This process is a child: what it does is no part of the recording."""
        self._is_child = True
        if self._window is not None and self._window.tracing is not None and self._followed.is_this():
            self._window.end_trace()

    def loader_gave(self, batch: Any, index: list[int], rows: int | None = None) -> None:
        """A ``DataLoader`` gives ``batch``, the rows ``index`` of its data set, which has so many ``rows``."""
        if self.watching:
            self._given.append(Given.of(batch, index, rows))

    def before_call(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """A module is about to run."""
        if not self._followed.is_this() and not self._here():
            return
        if isinstance(module, DistributedDataParallel):  # its model is called next, and is what has units
            self._averaged_over = averaged_over(module)
            return
        followed = not self._busy and not self._is_child and torch.is_grad_enabled()
        if not self.calls.under_way:
            self._rounds.called(module)
        outermost = self.calls.enter(module, followed=followed)
        if not followed:
            return
        if not self._sharded and shards(module):
            self._sharded = self._telling.refused = True
            self._note("sharded", _SHARDED)
        if outermost:
            self._begin_pass(module, args)
        tracer = None if self._window is None else self._window.tracing
        if tracer is not None:
            inputs = [tensor for _, tensor in tensors_in(args)]
            tracer.enter_call(self.names.path(module), type(module).__name__, inputs, module.training)

    def after_call(self, module: nn.Module, kwargs: Mapping[str, Any], output: object) -> None:
        """A module has run, or raised."""
        if not self._followed.is_this() and not self._here():
            return
        followed, lost = self.calls.leave(module)
        window = self._window
        if not followed or window is None:
            return
        tracer = window.tracing
        tensors = [output] if isinstance(output, Tensor) else [tensor for _, tensor in tensors_in(output)]
        if tracer is not None:
            for _ in range(lost):
                tracer.exit_call([])
            tracer.exit_call(tensors)
        if self._busy or self._is_child:
            return
        if not self.calls.followed and window.passes:
            if output is None and sys.exc_info()[1] is not self._handled:
                self._undo_pass(window)
                return
            self._end_pass(window, module, kwargs, tensors)
        if tensors:
            if tracer is None:
                self._outputs.see(window, module, tensors[0])
            else:
                with tracer.paused():
                    self._outputs.see(window, module, tensors[0])

    def _forget_raised(self) -> None:
        """The last backward pass raised and the training goes on: what it was made of is no part of the iteration."""
        if self._raised:
            self._raised = False
            self._losses.pop()
            if not self._losses:
                self._fresh_row()

    def _begin_pass(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._handled, self._broken_off = sys.exc_info()[1], None
        self._forget_raised()
        self._gradients.forget()
        if self._window is not None and self._window.is_stale(module):
            self._drop_window()
        elif self._window is not None and self._window.tracing and len(self._window.passes) >= self._plans.most_calls:
            self._window.give_up_trace()
        if self._window is None:
            self._journal.write_ended()
            self._open(early=self._plans.early and not self._losses)
        window = self._window
        assert window is not None
        path = self.names.path(module)
        if window.paused:
            window.resume(self.names.buffers)
        first = not window.passes
        window.begin_pass(path, module, tensors_in(args))
        if first and window.tracer is None and (self._keeper.traces(self.iteration) or self._is_unknown(window)):
            window.trace()

    def _is_unknown(self, window: Window) -> bool:
        """Whether a trace is to be taken; where memory that it would hold is taken away under it, none is."""
        return not self._sharded and self._plans.is_unknown(window, len(self._losses))

    def _end_pass(self, window: Window, module: nn.Module, kwargs: Mapping[str, Any], outputs: list[Tensor]) -> None:
        named = tensors_in(dict(kwargs)) if kwargs else []
        if named:
            window.add_keywords(self.names.path(module), named)
        window.passes[-1].gave(outputs)

    def _undo_pass(self, window: Window) -> None:
        """The user's forward pass raised; where it was the window's only one, the next begins anew."""
        self._broken_off = replace(window, arguments=list(window.arguments))
        window.undo_pass()
        if not window.passes and not window.early:
            self._drop_window()

    def _drop_window(self) -> None:
        if self._window is not None:
            self._window.end_trace()
        self._window = None

    def around_backward(self, losses: Sequence[Tensor], run: Callable[[], None], *, weighted: bool = False) -> None:
        """The user calls ``backward`` on ``losses``, or on their weighted sum; ``run`` does it."""
        if not self.watching or not self._here(trains=True):
            run()
            return
        self._forget_raised()
        window = self._window_of_backward()
        value = sum(self._value(loss) for loss in losses)
        loss = losses[0]
        plan, why = self._plans.of(window, loss, len(self._losses), self.iteration), ""
        if self._sharded:
            plan, why = None, _SHARDED
        elif len(losses) > 1:
            plan, why = None, "backward was called on several losses at once, and a trace leads to one"
        parameters = self.names.parameters | ({} if plan is None else plan.loose_parameters())
        reason = self._reason_to_keep(value)
        before = self._before(parameters, copied=reason is not None)
        self._telling.before_backward(self.iteration, window, parameters)
        self._rounds.goes_back(onto_gradients=before.accumulated)
        scale = self._loss_scale() if reason is not None or not is_finite(value) else None
        backward = Backward(
            len(self._losses), window, plan, why, loss, value, weighted, before, self._averaged_over, scale
        )
        self._losses.append(value)
        if not is_finite(value) and self.failed_at is None:
            self._fail(backward, None)
        try:
            with _Busy(self):
                run()
        except BaseException:
            self._spend(window, plan)
            self._raised = True
            raise
        self._telling.after_backward(self.iteration)
        if self.failed_at is None:
            self._look_at_gradients(backward, parameters, reason)
        self._spend(window, plan)
        if self._screen_due:
            self._show_so_far()
        if self._plans.goes_on(len(self._losses)) and not window.gave_up:
            self._window = window.followed_by(self._pass_row())
        if self._rounds.without_optimizer and not self.in_block:
            self.end_iteration()

    def _look_at_gradients(self, backward: Backward, parameters: Mapping[str, Tensor], reason: str | None) -> None:
        """They are there: the iteration fails, or is kept for a ``reason``."""
        if not self._scaler_seen and self._gradients.any_nonfinite(parameters, measure=self._has_light):
            self._fail(backward, _gradients_of(parameters))
        elif reason is not None:
            number, gradients = backward.number, _gradients_of(parameters)
            with _Busy(self):
                self._keeper.keep(reason, self.iteration, backward, gradients, lambda: self._turn(number))

    def _window_of_backward(self) -> Window:
        window, self._window = self._window, None
        if window is not None:
            return window
        if self._spent is not None:  # another backward pass through what was already gone back through
            self._spent.row = None
            return self._spent
        self._plans.early = True  # no model was called: windows are to open with the step before
        return open_window({}, self._pass_row())

    def _spend(self, window: Window, plan: Plan | None) -> None:
        if self._row is not None and window.row is not None:
            self._row = joined(self._row, window.row)
        self._spent = window
        if plan is not None:
            plan.feeds_now = {}

    def _reason_to_keep(self, loss: float) -> str | None:
        if self.failed_at is not None or self._sharded or not is_finite(loss):
            return None
        due = self._keeper.due(self.iteration, loss, len(self._losses))
        return due or ("scheduled" if self._screen_due else None)

    @staticmethod
    def _before(parameters: Mapping[str, Tensor], *, copied: bool) -> Before:
        if not copied:
            return Before(any(parameter.grad is not None for parameter in parameters.values()))
        known = _gradients_of(parameters)
        return Before(bool(known), {path: gradient.detach().clone() for path, gradient in known.items()} or None)

    def scaled(self, scaler: torch.amp.GradScaler, loss: Tensor, scaled: Tensor) -> None:
        """A ``GradScaler`` made ``scaled`` of ``loss``; infinite gradients are its business."""
        if not self._here():
            return
        self._scaler_seen = True
        self._scaler = weakref.ref(scaler)
        self._unscaled = {scaled._cdata: loss.detach()}

    def _loss_scale(self) -> float | None:
        """What the ``GradScaler`` at work multiplies losses by."""
        scaler = None if self._scaler is None else self._scaler()
        return None if scaler is None else float(scaler.get_scale())

    def step_skipped(self, optimizer: torch.optim.Optimizer) -> None:
        """A ``GradScaler`` found infinite gradients and left the step out; the iteration is over all the same."""
        if self.watching and self._here():
            self._note("skipped", "the gradient scaler skipped this step: the scaled gradients overflowed")
            with _Busy(self):
                self._following.skipped(optimizer, len(self._losses))
            if self._rounds.stepped(optimizer):
                self.end_iteration()

    def new_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser was made."""
        self._rounds.add(optimizer)
        self.names.add_optimizer(optimizer)
        self._telling.add_optimizer(optimizer)

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser is about to move its parameters."""
        if not self.watching:
            return
        if not self._here():
            self._rounds.forget(optimizer)
            return
        if self._rounds.begins_anew(optimizer):
            self.end_iteration()
        if self._row is not None:
            self.names.settle()  # where no call of a module was heard
            self._updates.before(self._row, optimizer, backward_was_made=bool(self._losses))
        with _Busy(self):
            self._following.before_step(optimizer)
            with self._untraced():
                self._telling.before_step(self.iteration, optimizer)

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser has moved its parameters."""
        if not self.watching or not self._here():
            return
        if self._row is not None:
            self._updates.after(self._row, next_too=self._options.every == 1 or self._last_whole)
        with _Busy(self):
            self._following.after_step(optimizer, len(self._losses))
            self._after_steps.see(optimizer, self.iteration)
        if self._rounds.stepped(optimizer):
            self.end_iteration()

    def log(self, scalars: Mapping[str, float]) -> None:
        """Numbers of the user's, recorded with the iteration under way or, between two, the one just ended."""
        if self._window is not None or self._losses or not self._journal.log(scalars):
            self._scalars |= scalars

    def end_iteration(self) -> None:
        """Hand over what was gathered and go on to the next."""
        if not self._losses:
            return
        now = time.perf_counter()
        loss = sum(self._losses) / len(self._losses)
        failed = self.iteration == self.failed_at
        due, scaled = failed or self.iteration % self._options.every == 0, self._scaler_seen
        scalars = self._scalars | turn_losses(self._losses, several=self._rounds.several)
        ended = Ended(self.iteration, loss, now - self._since, scalars, self._row, due, failed, scaled)
        self._since, self._turns = now, len(self._losses)
        self._losses, self._scalars, self._spent, self._raised = [], {}, None, False
        self.calls.forget()
        self._gradients.forget()
        self._rounds.next()
        if self._window is not None and self._window.paused:
            self._window = None
        if self._opening.at_failures:
            self.failed_at = None
        self.iteration += 1
        self._averaged_over = 1
        self._fresh_row()
        if self.iteration == 1:
            self._tell_unmatched()
        with _Busy(self), self._untraced():
            self._telling.end_iteration(ended.iteration)
        self._following.end_iteration()
        self._journal.write(ended)  # last: an interrupt here, after which the training goes on, must not repeat it
        if self._plans.early and self._window is None and not self._sharded:
            self._open(early=True)

    def _untraced(self) -> AbstractContextManager[None]:
        tracer = None if self._window is None else self._window.tracing
        return nullcontext() if tracer is None else tracer.paused()

    def _tell_unmatched(self) -> None:
        for text in self._options.selection.unmatched():
            self._say(f"no module of the first iteration is called {text!r}: it selects nothing")

    def give_up(self, message: str) -> None:
        """Something of ours failed: what was recorded stays, nothing is traced or held any longer."""
        self._drop_window()
        self._spent = self._row = None
        self._losses = []
        self.calls.forget()
        self._note("warning", message)

    def raised(self, error: BaseException) -> None:
        """An exception ends the training: tell what it was, if a pass of an iteration was under way or one is whole."""
        window = self._broken_off or self._window or (self._spent if self._losses else None)
        if window is None and not self.iteration:
            self._opening.nothing_to_show()
            return
        sizes = [t.shape[0] for _, _, t in window.arguments if t.dim()] if window is not None else []
        index = None if window is None else batch_index(window, self._given)
        with _Busy(self):
            facts = facts_of(error, self.names, sizes[0] if sizes else None, index)
        iteration = self.reached if window is None else self.iteration
        message = f"{facts['type']}: {facts['message']}"
        self._journal.later(lambda: self._writer.add_event(Event(iteration, RAISED, message, facts)))
        if self._opening.wanted_at_exception():
            self._show_raised(iteration, facts)

    def _show_raised(self, iteration: int, facts: Mapping[str, Any]) -> None:
        """Write all that leads to the exception, and open the screen on it."""
        if self._losses and self.stopped_at is None:
            self._write_so_far()
        self._journal.write_all(iteration)
        where = f" at {facts['source']}" if "source" in facts else ""
        because = f"{facts['type']} in iteration {iteration}{where}"
        with self._held():
            self._opening.at_exception(because)

    def finish(self, end: End) -> None:
        """The run is over: everything goes to the file and the file is closed."""
        self._leave_tracers()
        self._drop_window()
        if self._losses and self.stopped_at is None:
            self.end_iteration()
            self._drop_window()
        if self._journal.begun:
            self._telling.end_iteration(self.reached, last=True)
        self._journal.close(end)

    def _pass_row(self) -> Row | LightRow | None:
        """Each pass measures into a row of its own, so that it can be compared with its own replay."""
        return None if self._row is None else self._new_row(type(self._row))

    def _fresh_row(self) -> None:
        if self._last_whole or self.iteration % self._options.every == 0:
            self._row = self._new_row(Row)
        else:
            self._row = self._new_row(LightRow) if self._has_light else None

    def _new_row(self, kind: type[Row] | type[LightRow]) -> Row | LightRow:
        return kind(selection=self._options.selection, elements=self._elements)

    def _open(self, *, early: bool = False) -> None:
        self._window = open_window(self.names.buffers, self._pass_row(), early=early)
        if early:
            self._window.trace()

    def _turn(self, number: int) -> str:
        """Which of the iteration's backward passes, from 1; empty where there is one, as far as is known by now."""
        return str(number + 1) if number or self._turns > 1 else ""

    def _fail(self, backward: Backward, gradients: Mapping[str, Tensor] | None) -> None:
        """The first non-finite loss or gradient: keep everything, before the optimiser moves the weights."""
        self.failed_at = self.iteration
        with _Busy(self):
            captured = capture(backward, self.names, gradients)
            extra = known_of(captured, backward, gradients, self._given)
            extra["after_step"] = dict(self._after_steps.told())
            row = failing_row(self._row, backward, captured, gradients, self.names, self._elements)
            number = backward.number
            failing = self._keeper.pending(
                encode(captured), self.iteration, "failing", backward, lambda: self._turn(number), extra
            )
            self._following.expect(failing, self._rounds.known, before_backward=gradients is None)
        self._journal.write_ended()
        self._following.end_iteration()
        self._journal.begin(row)
        failing.ended()(self._writer)
        what = "loss" if gradients is None else "gradient"
        message = f"the {what} of iteration {self.iteration} is not finite"
        self._note("nonfinite", message)
        if self._options.on_nonfinite == "continue":
            self._row = row
            self._say(f"{message}; recorded, the training goes on")
            self._writer.flush()
            return
        seconds = time.perf_counter() - self._since
        self._journal.write_failing(Ended(self.iteration, backward.value, seconds, self._scalars, row, failed=True))
        if self._goes_on(message):
            self._row = None
            return
        self.stopped_at = self.iteration
        raise StopTraining(message)

    def _goes_on(self, message: str) -> bool:
        """Whether it does after a failure, as somebody says who looked at it."""
        if not self._opening.at_failures:
            return False
        with self._held():
            return self._opening.at_failure(self.iteration, message)

    def open_screen(self) -> None:
        """Show the present iteration: once its backward pass is made, or the last one where none is under way."""
        if not self.watching or not self._opening.may_at_call():
            return
        if self._losses:
            self._show_so_far()
        elif self.iteration and self._window is None:
            self._journal.write_ended()
            self._trace("set_trace() after iteration", self.iteration - 1)
        else:
            self._screen_due = True

    def _show_so_far(self) -> None:
        self._screen_due = False
        there = "before the step of" if self._write_so_far() else "without a snapshot,"
        self._row = None
        self._trace(f"set_trace() {there} iteration", self.iteration)

    def _write_so_far(self) -> bool:
        """Write what there is of the iteration under way; whether a snapshot is."""
        self._journal.write_ended()
        with _Busy(self), self._untraced():
            self._journal.begin(self._row)
            kept = self._following.write_so_far(self._rounds.known)
        loss, seconds = sum(self._losses) / len(self._losses), time.perf_counter() - self._since
        self._journal.write_failing(Ended(self.iteration, loss, seconds, self._scalars, self._row))
        return kept

    def _trace(self, where: str, iteration: int) -> None:
        because = f"{where} {iteration}"
        with self._held():
            stops = self._opening.at_call(iteration, because)
        if stops:
            raise StoppedByHand(f"stopped at {because}")

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The training holds still, which is none of the iteration's time."""
        self._writer.flush()
        began = time.perf_counter()
        with _Busy(self):
            yield
        self._since += time.perf_counter() - began

    def note_once(self, kind: str, message: str) -> None:
        """Tell the user, and whoever reads the recording, what holds for the whole run."""
        if message not in self._told:
            self._told.add(message)
            self._note(kind, message)
            self._say(message)

    def _note(self, kind: str, message: str) -> None:
        self._journal.event(self.iteration, kind, message)

    def _value(self, loss: Tensor) -> float:
        known = self._unscaled.pop(loss._cdata, None)
        tensor = loss.detach() if known is None else known
        return float(tensor.float().sum()) if tensor.numel() != 1 or tensor.is_complex() else float(tensor)


def _gradients_of(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {path: gradient for path, p in parameters.items() if (gradient := p.grad) is not None}


class _Busy:
    """Our own operations are none of the user's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        self._before, self._engine._busy = self._engine._busy, True

    def __exit__(self, *_: object) -> None:
        self._engine._busy = self._before
