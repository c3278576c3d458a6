"""What a graph is made of: operations, module calls, and references from one to the other. Plain data, no torch."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class NodeRef:
    """Result ``out`` of node ``node``."""

    node: int
    out: int = 0


@dataclass(frozen=True)
class OutsideRef:
    """A tensor that the trace found and did not make, by its name in ``Graph.outside``."""

    name: str


@dataclass(frozen=True)
class Constant:
    """A torch object that is no tensor: ``dtype``, ``device``, ``layout`` or ``memory_format``, by its name."""

    kind: str
    value: str


Ref: TypeAlias = NodeRef | OutsideRef
Argument: TypeAlias = "Ref | Constant | None | bool | int | float | complex | str | tuple[Argument, ...]"


@dataclass(frozen=True)
class Source:
    """The line of the user's code that ran an operation: the innermost frame outside torch and dgmtui."""

    file: str
    line: int
    function: str
    text: str
    """The line itself, stripped, so that it can be shown where the file is not."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class TensorMeta:
    """What a tensor looked like when it was traced."""

    dtype: str
    """Without the ``torch.`` prefix."""
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """In elements; a replay lays outside tensors out alike, since memory formats choose kernels."""
    device: str
    requires_grad: bool = False
    """Outside tensors only: a leaf that the loss is differentiated by."""


@dataclass(frozen=True)
class Outside:
    """A tensor that comes from outside the trace."""

    name: str
    """Also its name in a snapshot: ``param:PATH``, ``buffer:PATH`` or ``input:NAME``."""
    kind: Literal["parameter", "buffer", "input"]
    meta: TensorMeta
    origin: str = ""
    """Where it was found, in words: ``argument 0 of VAE``, ``variable y of train (train.py)``."""


@dataclass(frozen=True)
class Node:
    """One ATen operation as it ran."""

    id: int
    op: str
    """Qualified overload name: ``aten.addmm.default``."""
    args: tuple[Argument, ...]
    kwargs: Mapping[str, Argument]
    outs: tuple[TensorMeta | None, ...]
    """One per result; None where a result is no tensor."""
    call: int
    """Id of the innermost module call that ran it (``Graph.calls``); -1 outside every module."""
    source: Source | None
    grad_enabled: bool = True
    random: bool = False
    """It drew from a generator (tagged ``nondeterministic_seeded``): a replay elsewhere takes the stored draw."""
    mutates: tuple[Ref, ...] = ()
    """What it changed in place, as referred to before the change. Later references to the mutated tensor name this
    node if the tensor is one of its results, as for ``relu_``."""

    @property
    def name(self) -> str:
        """The operation without its overload, as findings name it: ``aten.addmm``."""
        return ".".join(self.op.split(".")[:2])

    def inputs(self) -> Iterator[Ref]:
        """Every tensor reference among its arguments, in order, lists flattened."""
        return iter(self._inputs)

    @cached_property
    def _inputs(self) -> tuple[Ref, ...]:
        return tuple(ref for value in (*self.args, *self.kwargs.values()) for ref in refs_in(value))


@dataclass(frozen=True)
class Call:
    """One call of one module."""

    id: int
    module: str
    """Its path; ``""`` is the root."""
    type: str
    index: int
    """0 for the module's first call in this trace, and so on."""
    parent: int
    """Id of the call that made it; -1 for an outermost one."""
    inputs: tuple[Ref, ...] = ()
    outputs: tuple[Ref, ...] = ()
    """The tensors that went in and came out, nested containers flattened, those known to the trace. No outputs are
    kept where the first of them can't reach the loss, so that the first kept is the first there was."""
    training: bool = True
    begin: int = 0
    """Id of the first node that ran in it, or would have."""
    end: int = 0
    """Id of the first node that ran after it: its outputs' values are those just before that node."""


def map_refs(value: Argument, change: Callable[[Ref], Any]) -> Any:
    """``value`` with every tensor reference in it replaced by ``change(ref)``; tuples become lists."""
    if isinstance(value, NodeRef | OutsideRef):
        return change(value)
    if isinstance(value, tuple):
        return [map_refs(item, change) for item in value]
    return value


def refs_in(value: Argument) -> Iterator[Ref]:
    """Every tensor reference in an argument, in order, lists flattened."""
    if isinstance(value, NodeRef | OutsideRef):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from refs_in(item)
