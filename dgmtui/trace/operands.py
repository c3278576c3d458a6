"""What went into an operation at one element of its result."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments
from dgmtui.trace.replay import Replay

_SINGULAR_AT_ZERO = frozenset(
    {"div", "log", "log2", "log10", "reciprocal", "rsqrt", "pow", "sqrt", "div_", "log_", "sqrt_"}
)


@dataclass(frozen=True)
class Operand:
    """What one input of the operation held at the element that was born first."""

    ref: Ref
    name: str
    """As the operation calls it: ``input``, ``other``, ``weight``."""
    value: float
    """For sums and products of many elements, that of the one that put most into the result."""
    index: tuple[int, ...]
    shape: tuple[int, ...]
    module: str
    """Path of the module that made it, or that holds the parameter; ``""`` for the root and for the batch."""


def named_inputs(replay: Replay, node: Node) -> list[tuple[Ref, str]]:
    """The floating tensor inputs with the names that the operation gives them."""
    named: dict[Ref, str] = {}
    for name, value in named_arguments(node).items():
        for ref in value if isinstance(value, tuple) else (value,):
            if isinstance(ref, NodeRef | OutsideRef) and replay.value(ref).is_floating_point():
                named.setdefault(ref, "input" if name == "self" else name)
    return list(named.items())


def operands_of(replay: Replay, node: Node, sensitivity: dict[Ref, Tensor]) -> tuple[Operand, ...]:
    """What each floating input held where it put most into the result, by |sensitivity · value|."""
    found = []
    for ref, name in named_inputs(replay, node):
        slope = sensitivity.get(ref)
        if slope is None or not bool(slope.any()):
            continue
        value = replay.value(ref, at=node.id).double()
        share = torch.nan_to_num(slope * value, posinf=torch.finfo(torch.float64).max).abs()
        chosen = share if bool(share.any()) else slope.abs()
        index = tuple(int(i) for i in torch.unravel_index(chosen.argmax(), chosen.shape))
        found.append(operand_at(replay, node, ref, name, index))
    return tuple(found)


def operand_at(replay: Replay, node: Node, ref: Ref, name: str, index: tuple[int, ...]) -> Operand:
    """The operand that ``ref`` is, at one of its elements, as it was when ``node`` ran."""
    graph = replay.graph
    value = replay.value(ref, at=node.id)
    if isinstance(ref, NodeRef):
        module = graph.module_of(graph.nodes[ref.node])
    else:
        module = "" if graph.outside[ref.name].kind == "input" else ref.name.partition(":")[2].rpartition(".")[0]
    return Operand(ref, name, float(value[index]), index, tuple(value.shape), module)


def broadcasts(t: Tensor, mask: Tensor) -> bool:
    """Whether ``t`` is expanded to the shape of ``mask`` without changing that."""
    own = tuple(t.shape)
    return t.dim() <= mask.dim() and all(a in (1, b) for a, b in zip(reversed(own), reversed(mask.shape), strict=False))


def broadcast_index(t: Tensor, index: tuple[int, ...]) -> tuple[int, ...]:
    """Where in ``t`` the element is that broadcasting puts at ``index``."""
    own = index[len(index) - t.dim() :] if t.dim() else ()
    return tuple(0 if size == 1 else i for i, size in zip(own, t.shape, strict=True))


def value_that_left(node: Node, operands: tuple[Operand, ...]) -> float | None:
    """The number that explains the result: a zero where the operation is singular there, else the largest operand."""
    finite = [operand.value for operand in operands if math.isfinite(operand.value)]
    if not finite:
        return None
    if node.op.split(".")[1] in _SINGULAR_AT_ZERO and 0.0 in finite:
        return 0.0
    return max(finite, key=abs)


def zero_divisor(node: Node, operands: tuple[Operand, ...]) -> Ref | None:
    """What a quotient was divided by, where that is zero."""
    if node.op.split(".")[1] not in ("div", "div_"):
        return None
    return next((operand.ref for operand in operands if operand.name == "other" and operand.value == 0.0), None)
