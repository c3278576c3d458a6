"""What goes wrong first in a training script, observed with PyTorch alone: the truths of this corpus are checked by it.

``observe.py SCRIPT``: the iteration at which a loss, a gradient or a weight is first not finite, or an exception ends
the script, and the operations of that iteration that made non-finite values of finite ones, in order, with the phase,
the backward function, the module and line of the script that ran them, and the first elements. The script runs twice.
"""

# mypy: disable-error-code="no-untyped-call,assignment,attr-defined,method-assign,unused-ignore,unreachable"

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

Backward = torch.Tensor.backward
MakeOptimizer = torch.optim.Optimizer.__init__


class Stopped(BaseException):
    """Ends a run of the script."""


def tensors(value: Any) -> list[Tensor]:
    """The floating-point tensors in nested arguments."""
    if isinstance(value, Tensor):
        return [value.detach()] if value.is_floating_point() else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for item in items for tensor in tensors(item)]


def infinite_literal(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(infinite_literal, value))
    return isinstance(value, float) and value in (float("inf"), -float("inf"))


class Run:
    """One run of a script, with its iterations counted by rounds of its optimisers."""

    def __init__(self, path: str) -> None:
        self.path = str(Path(path).resolve())
        self.steps: dict[int, int] = {}
        self.optimizers: list[torch.optim.Optimizer] = []
        self.names: dict[int, str] = {}
        self.stack: list[torch.nn.Module] = []
        self.phase = "forward"
        self.found: dict[str, Any] | None = None
        self.at_iteration: Callable[[int], None] = lambda iteration: None

    @property
    def iteration(self) -> int:
        return min(self.steps.values(), default=0)

    def parameters(self) -> list[Tensor]:
        return [p for each in self.optimizers for group in each.param_groups for p in group["params"]]

    def stop(self, phase: str, **more: Any) -> None:
        self.found = {"iteration": self.iteration, "phase": phase, **more}
        raise Stopped

    def backward(self, loss: Tensor, *args: Any, **options: Any) -> None:
        if not torch.isfinite(loss.detach()).all():
            self.stop("forward", loss=float(loss.detach().sum()))
        self.phase = "backward"
        Backward(loss, *args, **options)
        self.phase = "forward"
        if not self.scaled and any(p.grad is not None and not torch.isfinite(p.grad).all() for p in self.parameters()):
            self.stop("backward")

    def stepped(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self.phase = "forward"
        if not all(bool(torch.isfinite(p).all()) for p in self.parameters()):
            self.stop("update")
        self.steps[id(optimizer)] += 1
        self.at_iteration(self.iteration)

    def entered(self, module: torch.nn.Module, _: Any) -> None:
        if not self.stack:
            self.names = {id(part): name for name, part in module.named_modules()}
            if torch.is_grad_enabled() and not all(bool(torch.isfinite(p).all()) for p in module.parameters()):
                self.stop("edit", before=[name for name, p in module.named_parameters() if not p.isfinite().all()])
        self.stack.append(module)

    def run(self) -> dict[str, Any]:
        """Run it until something is not finite or it ends."""
        scaler, self.scaled = torch.amp.GradScaler.step, False
        run = self

        def made(optimizer: torch.optim.Optimizer, *args: Any, **options: Any) -> None:
            MakeOptimizer(optimizer, *args, **options)
            run.steps[id(optimizer)] = 0
            run.optimizers.append(optimizer)

        def scaler_step(one: Any, optimizer: torch.optim.Optimizer, *args: Any, **options: Any) -> Any:
            before = run.steps[id(optimizer)]
            given = scaler(one, optimizer, *args, **options)
            run.steps[id(optimizer)] = before + 1
            return given

        def scale(one: Any, outputs: Any) -> Any:
            run.scaled = True
            return scaled(one, outputs)

        scaled = torch.amp.GradScaler.scale
        hooks = [
            register_module_forward_pre_hook(self.entered),
            register_module_forward_hook(lambda *_: (self.stack.pop(), None)[1], always_call=True),
            register_optimizer_step_pre_hook(lambda *_: setattr(run, "phase", "update")),
            register_optimizer_step_post_hook(self.stepped),
        ]
        torch.Tensor.backward = lambda *a, **k: run.backward(*a, **k)  # type: ignore[method-assign,assignment]
        torch.optim.Optimizer.__init__ = made  # type: ignore[method-assign]
        torch.amp.GradScaler.step, torch.amp.GradScaler.scale = scaler_step, scale  # type: ignore[method-assign]
        sys.argv = [self.path]
        try:
            with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                runpy.run_path(self.path, run_name="__main__")
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001
            line = next(
                (f.line for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == self.path), ""
            )
            self.found = {"iteration": self.iteration, "raised": f"{type(error).__name__}: {error}", "line": line}
        finally:
            torch.Tensor.backward = Backward  # type: ignore[method-assign]
            torch.optim.Optimizer.__init__ = MakeOptimizer  # type: ignore[method-assign]
            torch.amp.GradScaler.step, torch.amp.GradScaler.scale = scaler, scaled  # type: ignore[method-assign]
            for hook in hooks:
                hook.remove()
        return self.found or {"iteration": self.iteration, "finite": True}

    def line(self) -> str:
        node = torch._C._current_autograd_node()
        if node is not None:
            lines = "".join(node.metadata.get("traceback_", [])).splitlines()  # type: ignore[attr-defined]
            places = [i for i, text in enumerate(lines) if self.path in text]
            return lines[places[-1] + 1].strip() if places else ""
        stack = (frame for frame in reversed(traceback.extract_stack()) if frame.filename == self.path)
        return next((frame.line or "" for frame in stack), "")


class Births(TorchDispatchMode):
    """Notes the operations that make a NaN of none, or an Inf of finite values only."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run, self.seen = run, list[dict[str, Any]]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        into = tensors([args, kwargs or {}]) if not func._schema.is_mutable else []
        nan, inf = any(bool(t.isnan().any()) for t in into), any(bool(t.isinf().any()) for t in into)
        result = func(*args, **(kwargs or {}))
        for out in tensors(result) if "empty" not in func.name() else []:
            born = out.isnan() if not nan else torch.zeros_like(out, dtype=torch.bool)
            if not nan and not inf and not infinite_literal(list(args)):
                born = born | out.isinf()
            if bool(born.any()) and len(self.seen) < 8:
                node = torch._C._current_autograd_node()
                self.seen.append(
                    {
                        "phase": self.run.phase,
                        "op": ".".join(func.name().replace("::", ".").split(".")[:2]),
                        "autograd": None if node is None else node.name(),
                        "module": self.run.names.get(id(self.run.stack[-1])) if self.run.stack else None,
                        "line": self.run.line(),
                        "shape": list(out.shape),
                        "count": int(born.sum()),
                        "elements": born.nonzero()[:4].tolist(),
                    }
                )
        return result


def observe(path: str) -> dict[str, Any]:
    """When and how it fails, and what made non-finite values in that iteration."""
    found = Run(path).run()
    if "finite" in found:
        return found
    again = Run(path)
    mode = Births(again)
    fed: list[list[int]] = []
    entered = again.entered

    def watched(module: torch.nn.Module, arguments: Any) -> None:
        if not again.stack and again.iteration == found["iteration"] and not fed:
            bad = [t.isfinite().logical_not() for t in tensors(list(arguments))]
            fed.extend(place for mask in bad for place in mask.nonzero()[:4].tolist())
        entered(module, arguments)

    def begin(iteration: int) -> None:
        if iteration == found["iteration"] and not mode.on:
            mode.__enter__()
            mode.on = True

    mode.on = False
    again.entered, again.at_iteration = watched, begin  # type: ignore[method-assign]
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        begin(0)
        again.run()
        if mode.on:
            mode.__exit__(None, None, None)
    return found | {"non_finite_in_batch": fed, "births": mode.seen}


if __name__ == "__main__":
    for script in sys.argv[1:]:
        seen = observe(script)
        births = seen.pop("births", [])
        print(script, json.dumps(seen))
        for birth in births:
            print("   ", json.dumps(birth))
