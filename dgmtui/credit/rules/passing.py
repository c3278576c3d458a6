"""What every rule is told and gives back, and the arithmetic they share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from dgmtui.credit.direct import Lookup
from dgmtui.credit.flow import Flow, is_float
from dgmtui.credit.ops import vjp
from dgmtui.credit.propagation import Propagation
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments


@dataclass(frozen=True)
class Setting:
    """What every rule is told."""

    flow: Flow
    value: Lookup
    """A tensor as it was when it was read, half precision widened to float32."""
    propagation: Propagation


@dataclass
class Spread:
    """Where the relevance of one operation's results went."""

    parts: dict[Ref, Tensor] = field(default_factory=dict)
    """To its operands, of their shapes; parameters that are added and random draws among them."""
    literal: float | Tensor = 0.0
    """To numbers written in the operation itself, and to the constant of its linearisation where its rule has one."""
    approximate: bool = False


Arriving: TypeAlias = Sequence[Tensor | None]
"""Relevance per result of a node, None where nothing arrived."""


def stabilised(relevance: Tensor, z: Tensor, epsilon: float) -> Tensor:
    """``R / (z + ε·sign z)`` with sign(0) = +1; zero wherever no relevance arrived, whatever z is.

    Of complex numbers the two parts are divided each by itself.
    """
    if z.is_complex():
        return torch.view_as_complex(stabilised(_pairs(relevance), _pairs(z), epsilon))
    stable = z + 0.0  # of −0 this makes 0, whose sign is +1
    torch.copysign(torch.tensor(epsilon, dtype=z.dtype, device=z.device), stable, out=stable).add_(z)
    quotient = torch.div(relevance, stable, out=stable)
    if not math.isfinite(quotient.sum().item()):
        quotient = torch.where(relevance == 0, 0.0, quotient)
    return quotient


def jointly(node: Node, arriving: Arriving, setting: Setting, wrt: tuple[Ref, ...]) -> dict[Ref, Tensor]:
    """``x ⊙ J_xᵀ(R / (z + ε·sign z))`` for every x in ``wrt``."""
    s = [
        None if r is None else stabilised(r, setting.value(NodeRef(node.id, out)), setting.propagation.epsilon)
        for out, r in enumerate(arriving)
    ]
    pulled = vjp(node, setting.flow.graph, setting.value, wrt, s)
    return {ref: times(setting.value(ref), g) for ref, g in zip(wrt, pulled, strict=True)}


def times(x: Tensor, g: Tensor) -> Tensor:
    """x ⊙ g, where a non-finite x that nothing depends on (g = 0) gets nothing; of complex numbers, part by part."""
    if x.is_complex():
        return torch.view_as_complex(times(_pairs(x), _pairs(g)))
    part = x * g
    return part if math.isfinite(part.sum().item()) else torch.where(g == 0, 0.0, part)


def total(relevance: Tensor) -> float:
    """All of it; of complex numbers, of both parts."""
    return float(_pairs(relevance).sum() if relevance.is_complex() else relevance.sum())


def _pairs(t: Tensor) -> Tensor:
    """Complex numbers as ``[..., 2]`` real ones."""
    return torch.view_as_real(t.resolve_conj().resolve_neg())


def floating(node: Node, setting: Setting) -> tuple[Ref, ...]:
    """The floating operands, each once."""
    graph = setting.flow.graph
    return tuple(ref for ref in dict.fromkeys(node.inputs()) if is_float(graph.meta(ref).dtype))


def added(node: Node, setting: Setting, excluded: tuple[str, ...]) -> tuple[Ref, ...]:
    """The floating operands that are added, which is all but those named."""
    named = named_arguments(node)
    multiplied = {named.get(name) for name in excluded if isinstance(named.get(name), NodeRef | OutsideRef)}
    return tuple(ref for ref in floating(node, setting) if ref not in multiplied)


def optional(argument: object, setting: Setting) -> Tensor | None:
    """The tensor that an argument names; None where it is left out."""
    return setting.value(argument) if isinstance(argument, NodeRef | OutsideRef) else None
