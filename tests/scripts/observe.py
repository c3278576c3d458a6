"""What happens in a training script, observed in this environment with PyTorch alone and written as JSON.

``observe.py failure SCRIPT`` or ``observe.py failure -m MODULE``: the first non-finite loss or gradient, the operation
that made it, and the rows of the batch without which it does not happen. ``observe.py zeros N SCRIPT``: of every ReLU
in the last N iterations, the units that were zero for every sample. The script runs unchanged, several times over.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

torch.set_num_threads(1)  # a forked child of a process that has run OpenMP threads hangs in its first parallel region

FEEDERS = (torch.nn.Linear, torch.nn.Conv2d)
Bare = torch.Tensor.backward


class Stopped(BaseException):
    """Ends a run of the script with what was seen."""


def tensors(value: Any) -> list[Tensor]:
    """The floating-point tensors in nested arguments."""
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for item in items for tensor in tensors(item)]


def finite(values: list[Tensor]) -> bool:
    return all(bool(torch.isfinite(value).all()) for value in values)


def leaves(loss: Tensor) -> list[Tensor]:
    """What the loss is differentiated by."""
    found, stack, seen = [], [loss.grad_fn], set()
    while stack:
        function = stack.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        if hasattr(function, "variable"):
            found.append(function.variable)
        stack.extend(parent for parent, _ in function.next_functions)
    return found


class Script:
    """A script that runs with `backward` and module calls watched."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.iteration = 0
        self.names: dict[int, str] = {}
        self.stack: list[torch.nn.Module] = []
        self.path = os.path.realpath(arguments[-1]) if arguments[0] != "-m" else ""

    def run(self, backward: Callable[..., None], before: Any = None) -> Any:
        """Run it with `backward(loss, …)` in place of the real one; what it was stopped with, else None.

        `before(module, arguments)` may change the arguments of outermost modules.
        """
        self.iteration, self.stack = 0, []

        def entered(module: torch.nn.Module, arguments: tuple[Any, ...]) -> Any:
            outermost = not self.stack
            self.stack.append(module)
            if outermost:
                self.names = {id(part): name for name, part in module.named_modules()}
                return before(module, arguments) if before else None
            return None

        hooks = [
            register_module_forward_pre_hook(entered),
            register_module_forward_hook(lambda *_: (self.stack.pop(), None)[1], always_call=True),
        ]
        torch.Tensor.backward = backward  # type: ignore[method-assign]
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                if self.arguments[0] == "-m":
                    runpy.run_module(self.arguments[1], run_name="__main__", alter_sys=True)
                else:
                    sys.argv = [self.path]
                    runpy.run_path(self.path, run_name="__main__")
        except Stopped as stopped:
            return stopped.args[0]
        except Exception as error:
            return {"raised": f"{type(error).__name__}: {error}", "iteration": self.iteration}
        finally:
            torch.Tensor.backward = Bare  # type: ignore[method-assign]
            for hook in hooks:
                hook.remove()
        return None

    def line(self) -> str:
        """The line of the script that is being run, from the stack."""
        for frame in reversed(traceback.extract_stack()):
            if frame.filename == self.path or (not self.path and "/demos/" in frame.filename):
                return frame.line or ""
        return ""

    def module(self) -> str:
        return self.names[id(self.stack[-1])] if self.stack else ""


def when(script: Script) -> dict[str, Any] | None:
    """Iteration and phase of the first non-finite loss or gradient."""

    def backward(loss: Tensor, *args: Any, **options: Any) -> None:
        if not torch.isfinite(loss):
            raise Stopped({"iteration": script.iteration, "phase": "forward"})
        Bare(loss, *args, **options)
        if not finite([leaf.grad for leaf in leaves(loss) if leaf.grad is not None]):
            raise Stopped({"iteration": script.iteration, "phase": "backward"})
        script.iteration += 1

    found: dict[str, Any] | None = script.run(backward)
    return found


class FirstOperation(TorchDispatchMode):
    """Stops at the first operation whose result is not finite though all that it took is."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script, self.on = script, False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        bad = [t for t in tensors(result) if not torch.isfinite(t).all()]
        uninitialised = "empty" in func.name()
        if bad and not uninitialised and finite(tensors(args)):
            raise Stopped(
                {
                    "op": ".".join(func.name().replace("::", ".").split(".")[:2]).rstrip("_"),
                    "module": self.script.module(),
                    "source": self.script.line(),
                    "elements": torch.isfinite(bad[0]).logical_not().nonzero().tolist(),
                }
            )
        return result


def which_operation(script: Script, iteration: int) -> dict[str, Any]:
    """The operation of a forward failure; or, where none made the first non-finite value, the batch that held it."""
    mode = FirstOperation(script)
    outer: dict[str, Any] = {}

    def before(module: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        if script.iteration == iteration and not finite(tensors(arguments)) and not outer:
            element = torch.isfinite(tensors(arguments)[0]).logical_not().nonzero().tolist()
            outer.update({"phase": "input", "op": None, "module": "", "source": None, "elements": element})

    def backward(loss: Tensor, *args: Any, **options: Any) -> None:
        if script.iteration == iteration:
            raise Stopped(None)
        Bare(loss, *args, **options)
        script.iteration += 1
        if script.iteration == iteration:
            mode.__enter__()
            mode.on = True

    try:
        found = script.run(backward, before)
    finally:
        if mode.on:
            mode.__exit__(None, None, None)
    return outer or dict(found)


def which_derivative(script: Script, iteration: int) -> dict[str, Any]:
    """The backward function of a backward failure and the line of its operation, from PyTorch's anomaly mode."""

    def backward(loss: Tensor, *args: Any, **options: Any) -> None:
        if script.iteration < iteration:
            Bare(loss, *args, **options)
            script.iteration += 1
            torch.autograd.set_detect_anomaly(script.iteration == iteration)
            return
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                Bare(loss, *args, **options)
            except RuntimeError as error:
                trace = str(said[-1].message).splitlines()
                places = [i for i, text in enumerate(trace) if script.path in text]
                raise Stopped({"autograd": str(error).split("'")[1], "source": trace[places[-1] + 1].strip()}) from None

    found = script.run(backward)
    torch.autograd.set_detect_anomaly(False)
    return {"op": None, "module": "", **found}


def which_rows(script: Script, iteration: int) -> dict[str, Any]:
    """The rows of the batch that, each exchanged for the mean of the others, take the failure away."""
    rows: list[int] = []
    batch: list[Tensor] = []

    def before(module: torch.nn.Module, arguments: tuple[Any, ...]) -> Any:
        if script.iteration != iteration or batch:
            return None
        x = arguments[0]
        batch.append(x)
        for row in range(len(x)):
            child = os.fork()
            if child == 0:
                return (_without(x, row), *arguments[1:])
            if os.waitpid(child, 0)[1] == 0:
                rows.append(row)
        raise Stopped(None)

    def backward(loss: Tensor, *args: Any, **options: Any) -> None:
        Bare(loss, *args, **options)
        if script.iteration == iteration:
            healthy = finite([loss.detach(), *(leaf.grad for leaf in leaves(loss) if leaf.grad is not None)])
            os._exit(0 if healthy else 1)
        script.iteration += 1

    script.run(backward, before)
    return {"cured_without": rows, "batch": batch[0].flatten(1).tolist()}


def _without(x: Tensor, row: int) -> Tensor:
    changed = x.clone()
    changed[row] = torch.cat([x[:row], x[row + 1 :]]).mean(0)
    return changed


def failure(arguments: list[str]) -> dict[str, Any] | None:
    """All about the first failure; None where there is none."""
    script = Script(arguments)
    found = when(script)
    if found is None or "raised" in found:
        return found
    forward = found["phase"] == "forward"
    found |= (which_operation if forward else which_derivative)(script, found["iteration"])
    return found | which_rows(script, found["iteration"])


class Rectifiers(TorchDispatchMode):
    """Notes of every ReLU which units are zero for the whole batch, and the layer called before it."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script, self.seen = script, {}  # type: ignore[var-annotated]
        self.before = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.script.stack and isinstance(self.script.stack[-1], FEEDERS):
            self.before = self.script.module()
        if func.name() in ("aten::relu", "aten::relu_"):
            zero = (result == 0).transpose(0, 1).flatten(1).all(1)
            key = (self.script.module(), self.before)
            self.seen.setdefault(key, {})[self.script.iteration] = zero
        return result


def zeros(last: int, arguments: list[str]) -> dict[str, Any]:
    """Per rectifier: its module, the layer before it, its units and those dead in each of the last iterations."""
    script = Script(arguments)
    mode = Rectifiers(script)

    def backward(loss: Tensor, *args: Any, **options: Any) -> None:
        Bare(loss, *args, **options)
        script.iteration += 1

    with mode:
        script.run(backward)
    found = []
    for (module, before), seen in mode.seen.items():
        units = torch.stack([seen[i] for i in sorted(seen)[-last:]]).all(0)
        found.append({"module": module, "fed_by": before, "units": len(units), "dead": int(units.sum())})
    return {"iterations": script.iteration, "rectifiers": found}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["failure", *rest]:
            answer: Any = failure(rest)
        case ["zeros", number, *rest]:
            answer = zeros(int(number), rest)
    print(json.dumps(answer))
