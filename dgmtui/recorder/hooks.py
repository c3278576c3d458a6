"""PyTorch's global hooks, put in place and taken out again, with one guard around everything of ours."""

import functools
import os
import threading
import weakref
from collections.abc import Callable, Sized
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks
from torch.utils.data import dataloader

from dgmtui.errors import UsageError
from dgmtui.recorder.compiled import SAID, CompiledModules, expect_extra_call, is_compiled, uncompiled, was_used
from dgmtui.recorder.engine import Engine, StopTraining
from dgmtui.recording.model import End
from dgmtui.trace.tracebacks import unseen

_ENTERED: list[threading.Thread] = []
"""By which threads hooks are entered now."""
_ACTIVE: "list[Hooks]" = []
"""Those that are entered, the innermost last."""


class Hooks:
    """While entered, the engine hears of every module call, backward pass and optimiser step in this process."""

    def __init__(self, engine: Engine, warn: Callable[[str], None]) -> None:
        self._engine = engine
        self._warn = warn
        self._stack = ExitStack()
        self._drawn: list[list[int]] = []
        self._compiles = False
        """Something was compiled in this process, or may be: every call is asked, else the outermost."""
        self._under_way = engine.calls.under_way
        self._compiled = CompiledModules(self._before_call, self._after_call)
        self._tell_before: Callable[..., None] = engine.before_call
        self._tell_after: Callable[..., None] = engine.after_call
        self._tell_before_step: Callable[..., None] = engine.before_step
        self._tell_after_step: Callable[..., None] = engine.after_step
        self.stopped: Callable[[StopTraining], object] = lambda stop: None
        """Told before the training is stopped."""
        self.interrupt: Callable[[], object] = lambda: None
        """Asked before each backward pass; what it raises ends the script."""
        self.broken = False
        """Something of ours failed: the recording has ended, and the training goes on."""

    def __enter__(self) -> "Hooks":
        refuse_second_thread()
        engine, remove = self._engine, self._stack.callback
        _ENTERED.append(threading.current_thread())
        remove(_ENTERED.remove, threading.current_thread())
        _ACTIVE.append(self)
        remove(_ACTIVE.remove, self)
        _end_in_children(engine)
        before = module_hooks.register_module_forward_pre_hook(self._before_call)
        after = module_hooks.register_module_forward_hook(self._after_call, with_kwargs=True, always_call=True)
        remove(before.remove)
        remove(after.remove)
        for options in (
            module_hooks._global_forward_hooks_always_called,
            module_hooks._global_forward_hooks_with_kwargs,
        ):
            remove(options.pop, after.id, None)  # which ``remove`` leaves there, and each call then looks at
        before_step = self._guarded(lambda o, a, k: self._tell_before_step(o))
        after_step = self._guarded(lambda o, a, k: self._tell_after_step(o))
        remove(optimizer_hooks.register_optimizer_step_pre_hook(before_step).remove)
        remove(optimizer_hooks.register_optimizer_step_post_hook(after_step).remove)
        known = [module for _, model in engine.names.roots() for module in model.modules()]
        if was_used():
            self._expect_compiled(said=any(is_compiled(module) for module in known))
        self._replace(torch, "compile", self._compile)
        self._replace(torch.nn.Module, "compile", self._compile_module)
        self._compiled.hear(known)
        self._compiles |= any(is_compiled(module) for module in known)
        remove(self._compiled.leave)
        self._replace(torch.optim.Optimizer, "__init__", self._optimizer_init)
        self._replace(torch.autograd, "backward", self._autograd_backward)
        self._replace(torch.amp.GradScaler, "scale", self._scale)
        self._replace(torch.amp.GradScaler, "step", self._scaler_step)
        self._replace(dataloader._BaseDataLoaderIter, "_next_index", self._next_index)
        self._replace(dataloader._BaseDataLoaderIter, "__next__", self._next_batch)
        self._replace(threading, "excepthook", self._thread_excepthook)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        setattr(owner, name, unseen(uncompiled(make(original))))
        self._stack.callback(setattr, owner, name, original)

    def _guarded(self, act: Callable[..., None]) -> Callable[..., None]:
        """Whatever fails in our code must not reach the training: it is said once, and the recording ends there."""

        def guarded(*args: Any) -> None:
            if self.broken:
                return
            try:
                act(*args)
            except Exception as error:  # noqa: BLE001
                self._give_up(error)

        return guarded

    def safely(self, act: Callable[..., None], *args: Any) -> None:
        """Do it unless something failed before; that it fails is said, and changes nothing for the training."""
        self._guarded(act)(*args)

    def _give_up(self, error: Exception) -> None:
        self.broken = True
        message = (
            f"the recording stopped at iteration {self._engine.iteration} ({type(error).__name__}: {error}); "
            "the training goes on"
        )
        self._warn(message)
        with suppress(Exception):  # what failed may fail again
            self._engine.give_up(message)

    def finish(self, end: End) -> bool:
        """Close the recording; whether it is whole. That it can't be is said, and changes nothing for the script."""
        if self.broken:
            end = End("abandoned", end.iteration, "the recorder failed, as its last event says; the training went on")
        try:
            self._engine.finish(end)
        except Exception as error:  # noqa: BLE001
            if not self.broken:
                self._warn(f"the recording could not be closed ({type(error).__name__}: {error})")
            return False
        return True

    def open_screen(self) -> None:
        """The user's code asks for the screen; whoever leaves it may stop the training."""
        try:
            if not self.broken:
                self._engine.open_screen()
        except StopTraining as stop:
            self.stopped(stop)
            raise
        except Exception as error:  # noqa: BLE001
            self._give_up(error)

    def _is_compiled(self, module: torch.nn.Module) -> bool:
        """Whether the hook is being traced, or the call known already."""
        return torch.compiler.is_compiling() or self._compiled.is_heard(module)

    def _before_call(self, module: torch.nn.Module, args: tuple[Any, ...]) -> None:
        if self.broken or ((self._compiles or not self._under_way) and self._is_compiled(module)):
            return
        try:
            self._tell_before(module, args)
        except Exception as error:  # noqa: BLE001
            self._give_up(error)

    def _after_call(self, module: torch.nn.Module, args: Any, *rest: Any) -> None:
        """``rest``: keyword arguments and output; after an exception PyTorch gives no keyword arguments."""
        if self.broken or ((self._compiles or not self._under_way) and self._is_compiled(module)):
            return
        try:
            self._tell_after(module, rest[0] if len(rest) > 1 else {}, rest[-1])
        except Exception as error:  # noqa: BLE001
            self._give_up(error)

    def _thread_excepthook(self, original: Callable[..., None]) -> Callable[..., None]:
        """That the training was stopped is told at the end; a thread that it ends has nothing to add."""

        def excepthook(args: Any) -> None:
            if not issubclass(args.exc_type, StopTraining):
                original(args)

        return excepthook

    def _compile(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def compile_(*args: Any, **kwargs: Any) -> Any:
            self._expect_compiled()
            return original(*args, **kwargs)

        return compile_

    def _expect_compiled(self, *, said: bool = True) -> None:
        """What is compiled leaves our hooks out; where it can't be, they run, and must not be compiled themselves."""
        self._stack.callback(expect_extra_call())
        engine = self._engine
        self._compiles = True
        self._tell_before = uncompiled(lambda *call: engine.before_call(*call))
        self._tell_after = uncompiled(lambda *call: engine.after_call(*call))
        self._tell_before_step = uncompiled(lambda *step: engine.before_step(*step))
        self._tell_after_step = uncompiled(lambda *step: engine.after_step(*step))
        if said:
            self._guarded(self._engine.note_once)("compiled", SAID)

    def _compile_module(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def compile_(module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
            self._compiles = True
            original(module, *args, **kwargs)
            self._compiled.hear([module])

        return compile_

    def _optimizer_init(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def init(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            self._guarded(self._engine.new_optimizer)(optimizer)

        return init

    def _autograd_backward(self, original: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(original)
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
            self.interrupt()
            ran = []

            def run() -> None:
                ran.append(True)
                original(tensors, *args, **kwargs)

            losses = [tensors] if isinstance(tensors, Tensor) else list(tensors)
            if not self.broken and losses and all(isinstance(loss, Tensor) for loss in losses):
                weights = args[0] if args else kwargs.get("grad_tensors", kwargs.get("grad_variables"))
                self._backward(losses, run, _any_given(weights))
            if not ran:
                run()

        return backward

    def _backward(self, losses: list[Tensor], run: Callable[[], None], weighted: bool) -> None:
        """Errors of the user's backward pass are the user's; errors of ours end the recording only."""
        failure: list[BaseException] = []

        def run_and_keep() -> None:
            try:
                run()
            except BaseException as error:
                failure.append(error)
                raise

        try:
            self._engine.around_backward(losses, run_and_keep, weighted=weighted)
        except StopTraining as stop:
            self.stopped(stop)
            raise
        except Exception as error:
            if failure and error is failure[0]:
                raise
            self._give_up(error)

    def _scale(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def scale(scaler: Any, outputs: Any) -> Any:
            scaled = original(scaler, outputs)
            if isinstance(outputs, Tensor) and scaler.is_enabled():
                self._guarded(self._engine.scaled)(scaler, outputs, scaled)
            return scaled

        return scale

    def _scaler_step(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def step(scaler: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            made: list[bool] = []
            handle = optimizer.register_step_post_hook(lambda *_: made.append(True))
            try:
                result = original(scaler, optimizer, *args, **kwargs)
            finally:
                handle.remove()
            if not made:
                self._guarded(self._engine.step_skipped)(optimizer)
            return result

        return step

    def _next_index(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """With no workers, the indices drawn are those of the batch that the loader gives next."""

        @functools.wraps(original)
        def next_index(iterator: Any) -> Any:
            index = original(iterator)
            if getattr(iterator, "_num_workers", 1) == 0 and isinstance(index, list):
                self._drawn.append([int(i) for i in index])
            return index

        return next_index

    def _next_batch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def next_batch(iterator: Any) -> Any:
            self._drawn.clear()
            batch = original(iterator)
            if self._drawn:
                self._guarded(self._engine.loader_gave)(batch, self._drawn.pop(), _rows_of(iterator))
            return batch

        return next_batch


def _rows_of(iterator: Any) -> int | None:
    """How many rows the data set of a loader's iterator has; None where it does not say."""
    dataset = getattr(iterator, "_dataset", None)
    return len(dataset) if isinstance(dataset, Sized) else None


def _any_given(weights: object) -> bool:
    """Whether ``backward`` was given gradients to begin with, other than the 1 of a plain loss."""
    given = weights if isinstance(weights, list | tuple) else [weights]
    return any(weight is not None for weight in given)


def refuse_second_thread() -> None:
    """``UsageError`` where another thread records: PyTorch's global hooks would tell each of both trainings."""
    if any(thread is not threading.current_thread() for thread in _ENTERED):
        raise UsageError("another thread of this process records: one training is recorded at a time")


def present() -> Hooks | None:
    """Those that hear of what this process trains; None where nothing is recorded."""
    return _ACTIVE[-1] if _ACTIVE else None


def _end_in_children(engine: Engine) -> None:
    """A forked ``DataLoader`` worker is not followed; ``os`` keeps such calls for good: the engine is held weakly."""
    held = weakref.ref(engine)

    def forked() -> None:
        known = held()
        if known is not None:
            known.forked()

    os.register_at_fork(after_in_child=forked)
