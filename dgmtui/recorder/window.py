"""One forward pass from the first call of a model to the backward pass: what must be kept to run it again."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._ops import OpOverload

from dgmtui.recorder.light import LightRow
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import tensors_in
from dgmtui.trace import one_pass
from dgmtui.trace.tracer import Tracer

BUFFER_LIMIT = 64 << 20
"""Bytes of buffers copied before each forward pass."""


_MANY = 16
"""Calls whose results are all gone."""


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


class Checked(NamedTuple):
    """A module's output as seen in the training, which a replay must give bit for bit."""

    module: str
    seen: int | Tensor | bytes
    """Its checksum, or what the kernel took of it."""
    part: int
    """In which part of the pass."""

    @property
    def bits_sum(self) -> int:
        """Its checksum."""
        return one_pass.bits_sum_in(self.seen) if isinstance(self.seen, bytes) else int(self.seen)


def checksum(tensor: Tensor) -> int | Tensor:
    """The sum of a dense tensor's bits read as integers, modulo 2³² or 2⁶⁴; 0-dim where it lies on a device.

    The same in whatever order it is added up, and unlike the sum of its values it tells two tensors apart that both
    hold a NaN.
    """
    known = one_pass.bits_sum(tensor)
    if known is not None:
        return known
    values = tensor.detach()
    if values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    bits, total = _INTEGERS[values.element_size()]
    summed = values.view(bits).sum(dtype=total)
    return int(summed) % (1 << torch.iinfo(total).bits) if values.is_cpu else summed


_INTEGERS = {
    1: (torch.int8, torch.int32),
    2: (torch.int16, torch.int32),
    4: (torch.int32, torch.int32),
    8: (torch.int64, torch.int64),
}
"""By the bytes of an element: what to read it as and what to add it up in."""


class _Mark:
    """Lives in an autograd node's metadata for as long as the node does."""


@dataclass
class Pass:
    """One outermost call within a window."""

    module: int
    """Its id."""
    path: str
    training: bool
    arguments: int
    """How many the window had before it."""
    checks: int
    results: list[weakref.ref[Any]] = field(default_factory=list)
    """Its outputs, and marks in their autograd nodes."""

    @property
    def lives(self) -> bool:
        """Whether a loss can still be made of what came out."""
        return any(ref() is not None for ref in self.results)

    def gave(self, outputs: Sequence[Tensor]) -> None:
        """The call is over."""
        for output in outputs:
            self.results.append(weakref.ref(output))
            if output.grad_fn is not None:
                mark = output.grad_fn.metadata.setdefault("dgmtui", _Mark())  # type: ignore[attr-defined]
                self.results.append(weakref.ref(mark))


@dataclass
class Part:
    """A stretch of the pass; where an earlier backward pass lies between two, nothing in between is part of it."""

    rng_state: Tensor
    """The CPU generator's state when it began."""
    buffers: dict[str, Tensor]
    """Copies of the buffers as they were, by path."""


@dataclass
class Window:
    """Everything known of the pass under way."""

    parts: list[Part]
    """One, or more where the pass uses what was made for an earlier backward pass."""
    row: Row | LightRow | None
    """Where the iteration is to be recorded."""
    tracer: Tracer | None = None
    traced: bool = False
    """The tracer was left."""
    gave_up: bool = False
    """So much was called that the trace was let go."""
    early: bool = False
    """It opened at the end of the step before, not at a model's call."""
    outermost: list[str] = field(default_factory=list)
    """The outermost calls so far, each as path, mode and input shapes: the signature."""
    arguments: list[tuple[str, tuple[object, ...], Tensor]] = field(default_factory=list)
    """Every tensor given to an outermost call: the call, the way into its arguments, the tensor."""
    checks: list[Checked] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    """The outermost calls."""
    paused: bool = False
    """The next call goes on with what was called for the backward pass before."""
    first: str = ""
    """The first of them as it is known when it begins, before its keyword arguments are."""

    def begin_pass(self, path: str, module: torch.nn.Module, inputs: list[tuple[tuple[object, ...], Tensor]]) -> None:
        """An outermost call begins."""
        self.passes.append(Pass(id(module), path, module.training, len(self.arguments), len(self.checks)))
        described = describe_call(path, module.training, inputs)
        self.first = self.first or described
        self.outermost.append(described)
        self.arguments += [(path, way, tensor) for way, tensor in inputs]

    def add_keywords(self, path: str, inputs: list[tuple[tuple[object, ...], Tensor]]) -> None:
        """The tensors that the last outermost call was given by name."""
        self.outermost[-1] += describe_call(path, True, inputs)
        self.arguments += [(path, way, tensor) for way, tensor in inputs]

    def undo_pass(self) -> None:
        """The last outermost call raised: it is as if it had not been."""
        undone = self.passes.pop()
        self.outermost.pop()
        del self.arguments[undone.arguments :]
        del self.checks[undone.checks :]

    def is_stale(self, module: torch.nn.Module) -> bool:
        """Whether what was called so far is no part of the pass that begins with a call of ``module``.

        So it is where the module was evaluated and now trains, and where after many calls nothing lives that came out
        of them, but perhaps of the last. Otherwise evaluating with gradients enabled would gather every batch.
        """
        evaluated = module.training and any(p.module == id(module) and not p.training for p in self.passes)
        return evaluated or (len(self.passes) > _MANY and not any(p.lives for p in self.passes[:-1]))

    def trace(self) -> None:
        """Enter a tracer."""
        self.tracer = EarlyTracer(self._begin_anew) if self.early else Tracer()
        self.tracer.__enter__()

    def end_trace(self) -> None:
        """Leave the tracer; what it saw is still there."""
        if self.tracer is not None and not self.traced:
            self.traced = True
            self.tracer.__exit__(None, None, None)

    @property
    def tracing(self) -> Tracer | None:
        """The tracer, while it is entered."""
        return None if self.traced else self.tracer

    def give_up_trace(self) -> None:
        """Let go what the tracer holds: too much was called, and while it holds all, what lives can't be told."""
        self.end_trace()
        self.tracer, self.traced, self.gave_up = None, False, True

    def followed_by(self, row: Row | LightRow | None) -> "Window":
        """The window of the next backward pass, which uses what was made in this one."""
        return replace(
            self,
            parts=list(self.parts),
            row=row,
            early=False,
            outermost=list(self.outermost),
            arguments=list(self.arguments),
            checks=list(self.checks),
            passes=list(self.passes),
            paused=True,
        )

    def resume(self, buffers: dict[str, Tensor]) -> None:
        """The first call after the backward pass before begins."""
        self.paused = False
        self.parts.append(_part(buffers))
        if self.tracer is not None:
            self.traced = False
            self.tracer.resume()

    def _begin_anew(self) -> None:
        self.parts[0].rng_state = torch.get_rng_state()

    @property
    def signature(self) -> str:
        """Modules, modes and input shapes of the outermost calls."""
        return " ".join(self.outermost)


def open_window(buffers: dict[str, Tensor], row: Row | LightRow | None, *, early: bool = False) -> Window:
    """Save what the pass is about to change."""
    return Window([_part(buffers)], row, early=early)


def _part(buffers: dict[str, Tensor]) -> Part:
    size = sum(buffer.numel() * buffer.element_size() for buffer in buffers.values())
    copies = {path: buffer.detach().clone() for path, buffer in buffers.items()} if size <= BUFFER_LIMIT else {}
    return Part(torch.get_rng_state(), copies)


def describe_call(path: str, training: bool, tensors: list[tuple[tuple[object, ...], Tensor]]) -> str:
    """One outermost call in a signature."""
    shapes = ",".join(f"{str(t.dtype).removeprefix('torch.')}{list(t.shape)}" for _, t in tensors)
    return f"{path or '.'}{'+' if training else '-'}({shapes})".replace(" ", "")
