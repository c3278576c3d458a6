"""What others offer for watching a training, each attached to a loop as its documentation says.

``PEERS[name](model, optimizer, folder)`` gives a ``Peer``: a context manager that may be entered again and again,
around any number of iterations of a loop that was not changed. ``finish()`` ends it. Where its package is missing,
``absent(name)`` says which; it is not called then.
"""

import importlib.util
import os
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle


class Peer:
    """Attached when it is first entered, so that what it counts goes on from block to block, until it is finished.

    All hooks are those of one model and its optimiser: other loops run as if it were not there.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, folder: Path) -> None:
        self.model = model
        self.optimizer = optimizer
        self.folder = folder
        self.iterations = 0
        """Steps seen."""
        self._stack = ExitStack()
        self._attached = False

    def __enter__(self) -> "Peer":
        if not self._attached:
            self._attached = True
            self.attach()
            self.keep(self.optimizer.register_step_post_hook(self._step))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def finish(self) -> None:
        """Take the hooks away and close what was opened."""
        self._stack.close()

    def keep(self, handle: RemovableHandle) -> None:
        """A hook that goes when it is finished."""
        self.on_finish(handle.remove)

    def on_finish(self, act: Callable[..., object], *args: Any) -> None:
        """What is done when it is finished."""
        self._stack.callback(act, *args)

    def leaves(self) -> list[tuple[str, nn.Module]]:
        """The modules that hold no others, with their paths."""
        return [(path, module) for path, module in self.model.named_modules() if not module._modules]

    def attach(self) -> None:
        """Put the hooks in place."""

    def stepped(self) -> None:
        """The optimiser has made its step."""

    def _step(self, *_: object) -> None:
        self.stepped()
        self.iterations += 1


class WandbWatch(Peer):
    """``run.watch(model, log="all")``: histograms of parameters and gradients, written offline."""

    every = 1

    def attach(self) -> None:
        """Begin a run without network or account."""
        os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DISABLE_GIT="true")
        import wandb

        settings = wandb.Settings(mode="offline", silent=True, console="off", x_disable_stats=True)
        self._run = wandb.init(project="bench", dir=str(self.folder), settings=settings, reinit="create_new")
        self.on_finish(self._run.finish)
        wandb.run = self._run
        self._run.watch(self.model, log="all", log_freq=self.every)

    def __enter__(self) -> "WandbWatch":
        super().__enter__()
        import wandb

        wandb.run = self._run  # which its hooks write to, and of which another peer may have one too
        return self

    def stepped(self) -> None:
        """What ``watch`` gathered goes into the run's file with the next ``log``."""
        self._run.log({"iteration": self.iterations})


class WandbWatchRarely(WandbWatch):
    """The same at every 100th iteration."""

    every = 100


class TensorBoardHistograms(Peer):
    """``SummaryWriter.add_histogram`` of weights, their gradients, activations and theirs, every iteration."""

    def attach(self) -> None:
        """Open the event file."""
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self.folder))  # type: ignore[no-untyped-call]
        self.on_finish(self._writer.close)
        for path, module in self.leaves():
            self.keep(module.register_forward_hook(self._seeing(path)))

    def _seeing(self, path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def see(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self._add(f"activation/{path}", output)
            if output.requires_grad:
                output.register_hook(lambda gradient: self._add(f"gradient/{path}", gradient))  # type: ignore[no-untyped-call]

        return see

    def stepped(self) -> None:
        """Weights and their gradients."""
        for path, parameter in self.model.named_parameters():
            self._add(f"weight/{path}", parameter)
            if parameter.grad is not None:
                self._add(f"weight_gradient/{path}", parameter.grad)

    def _add(self, name: str, values: Tensor) -> None:
        self._writer.add_histogram(name, values.detach(), self.iterations)  # type: ignore[no-untyped-call]


class UnderOverflowCheck(Peer):
    """The idea of Hugging Face's ``DebugUnderflowOverflow``: smallest and largest magnitude of what each module takes,
    holds and gives, kept for the last calls, and a look for NaN and Inf in what it gives."""

    def attach(self) -> None:
        """A hook on every module."""
        self.frames: deque[list[str]] = deque(maxlen=21)
        self.overflowed = False
        for path, module in self.model.named_modules():
            self.keep(module.register_forward_hook(self._seeing(path)))

    def _seeing(self, path: str) -> Callable[[nn.Module, Any, Any], None]:
        def see(module: nn.Module, inputs: Any, output: Any) -> None:
            held = [(f"weight {name}", p) for name, p in module.named_parameters(recurse=False)]
            taken = [(f"input[{i}]", value) for i, value in enumerate(inputs)]
            outputs = output if isinstance(output, tuple) else (output,)
            given = [(f"output[{i}]", value) for i, value in enumerate(outputs)]
            self.frames.append([f"{path} {type(module).__name__}"])
            for name, value in (*held, *taken, *given):
                if isinstance(value, Tensor) and value.is_floating_point() and value.numel():
                    self.frames[-1].append(_extremes(name, value.detach()))
            for _, value in given:
                if isinstance(value, Tensor):
                    self.overflowed |= bool(torch.isnan(value).any()) or bool(torch.isinf(value).any())

        return see


def _extremes(name: str, value: Tensor) -> str:
    magnitude = value.abs()
    return f"{float(magnitude.min()):8.2e} {float(magnitude.max()):8.2e} {name}"


class TorchlensForward(Peer):
    """``torchlens.trace`` of every forward pass, which runs it once more: forward only."""

    def attach(self) -> None:
        """A hook on the model alone, which is not called within its own trace."""
        import torchlens

        self._trace = torchlens.trace
        self._tracing = False
        self.keep(self.model.register_forward_pre_hook(self._see))

    def _see(self, module: nn.Module, inputs: Any) -> None:
        if not self._tracing:
            self._tracing = True
            try:
                self.traced = self._trace(self.model, inputs)
            finally:
                self._tracing = False


PEERS: Mapping[str, Callable[[nn.Module, Optimizer, Path], Peer]] = {
    "wandb.watch, every": WandbWatch,
    "wandb.watch, every 100th": WandbWatchRarely,
    "TensorBoard histograms": TensorBoardHistograms,
    "under/overflow check": UnderOverflowCheck,
    "torchlens, forward": TorchlensForward,
}
_PACKAGES = {
    "wandb.watch, every": "wandb",
    "wandb.watch, every 100th": "wandb",
    "TensorBoard histograms": "tensorboard",
    "torchlens, forward": "torchlens",
}


def absent(name: str) -> str | None:
    """Why a peer can't be measured here; None where it can."""
    package = _PACKAGES.get(name)
    missing = package is not None and importlib.util.find_spec(package) is None
    return f"{package} is not installed: make bench installs it" if missing else None
