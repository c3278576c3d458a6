"""One forward pass from the first call of a model to the backward pass: what must be kept to run it again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import tensors_in
from dgmtui.trace.tracer import Tracer

BUFFER_LIMIT = 64 << 20
"""Bytes of buffers copied before each forward pass."""


class EarlyTracer(Tracer):  # type: ignore[no-untyped-call]
    """A tracer that was entered before the iteration's forward pass is known to have begun.

    A parameter changed in place is the end of the update before: the pass begins after it.
    """

    def __init__(self, begun_anew: Callable[[], None]) -> None:
        super().__init__()
        self._begun_anew = begun_anew

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = super().__torch_dispatch__(func, types, args, kwargs)
        if func._schema.is_mutable and any(t.requires_grad and t.is_leaf for _, t in tensors_in(list(args[:1]))):
            self.forget()
            self._begun_anew()
        return result


@dataclass
class Checked:
    """A module's output as seen in the training: its sum, which a replay must give bit for bit."""

    module: str
    sum: Tensor
    """0-dim, on the output's device."""


@dataclass
class Window:
    """Everything known of the pass under way."""

    rng_state: Tensor
    """The CPU generator's state when it opened."""
    buffers: dict[str, Tensor]
    """Copies of the buffers as they were, by path."""
    row: Row | None
    """Where the iteration is to be recorded."""
    tracer: Tracer | None = None
    early: bool = False
    """It opened at the end of the step before, not at a model's call."""
    outermost: list[str] = field(default_factory=list)
    """The outermost calls so far, each as path, mode and input shapes: the signature."""
    arguments: list[tuple[str, tuple[object, ...], Tensor]] = field(default_factory=list)
    """Every tensor given to an outermost call: the call, the way into its arguments, the tensor."""
    checks: list[Checked] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    """How often each module was called."""

    def trace(self) -> None:
        """Enter a tracer."""
        self.tracer = EarlyTracer(self._begin_anew) if self.early else Tracer()
        self.tracer.__enter__()  # type: ignore[no-untyped-call]

    def end_trace(self) -> None:
        """Leave the tracer; what it saw is still there."""
        if self.tracer is not None:
            self.tracer.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def _begin_anew(self) -> None:
        self.rng_state = torch.get_rng_state()

    @property
    def signature(self) -> str:
        """Modules, modes and input shapes of the outermost calls."""
        return " ".join(self.outermost)


def open_window(buffers: dict[str, Tensor], row: Row | None, *, early: bool = False) -> Window:
    """Save what the pass is about to change."""
    size = sum(buffer.numel() * buffer.element_size() for buffer in buffers.values())
    copies = {path: buffer.detach().clone() for path, buffer in buffers.items()} if size <= BUFFER_LIMIT else {}
    return Window(torch.get_rng_state(), copies, row, early=early)


def describe_call(path: str, training: bool, tensors: list[tuple[tuple[object, ...], Tensor]]) -> str:
    """One outermost call in a signature."""
    shapes = ",".join(f"{str(t.dtype).removeprefix('torch.')}{list(t.shape)}" for _, t in tensors)
    return f"{path or '.'}{'+' if training else '-'}({shapes})".replace(" ", "")
