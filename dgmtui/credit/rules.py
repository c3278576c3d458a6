"""How relevance passes one operation: LRP-ε, after Bach et al. 2015. Which rule is in ``table``."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from dgmtui.credit.direct import Lookup
from dgmtui.credit.flow import Flow, Kind, is_float
from dgmtui.credit.ops import vjp
from dgmtui.credit.propagation import Propagation
from dgmtui.credit.table import FACTORS, Rule, packet, rule_of
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
    """To numbers written in the operation itself."""
    approximate: bool = False


Arriving: TypeAlias = Sequence[Tensor | None]
"""Relevance per result of a node, None where nothing arrived."""


def spread(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """Hand the relevance that arrived at the results of ``node`` on to its operands.

    Raises:
        CreditError: the operation is needed and has no derivative.
    """
    return _APPLY[rule_of(node.op)](node, arriving, setting)


def stabilised(relevance: Tensor, z: Tensor, epsilon: float) -> Tensor:
    """``R / (z + ε·sign z)`` with sign(0) = +1; zero wherever no relevance arrived, whatever z is."""
    stable = z + 0.0  # of −0 this makes 0, whose sign is +1
    torch.copysign(torch.tensor(epsilon, dtype=z.dtype, device=z.device), stable, out=stable).add_(z)
    quotient = torch.div(relevance, stable, out=stable)
    if not math.isfinite(quotient.sum().item()):
        quotient = torch.where(relevance == 0, 0.0, quotient)
    return quotient


def _linear(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    carriers = setting.flow.carriers(node)
    added = tuple(ref for ref in _added(node, setting, excluded=("weight",)) if ref not in carriers)
    done = Spread(_jointly(node, arriving, setting, carriers + added))
    if packet(node.op) in ("add", "sub", "rsub"):
        done.literal = _literal_share(node, arriving, setting)
    return done


def _bilinear(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    named = named_arguments(node)
    factors = [named[name] for name in FACTORS[packet(node.op)]]
    refs = [ref for ref in factors if isinstance(ref, NodeRef | OutsideRef)]
    open_ = [ref for ref in refs if not setting.flow.is_gate(ref)]
    if not open_:
        open_ = [ref for ref in refs if setting.flow.kind(ref) is Kind.ACTIVATION]
    added = _added(node, setting, excluded=FACTORS[packet(node.op)])
    parts = _jointly(node, arriving, setting, tuple(dict.fromkeys((*open_, *added))))
    if len(open_) == 2:
        for ref in set(open_) - set(added):
            parts[ref] = parts[ref] / 2
    return Spread(parts)


def _ratio(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    numerator = named_arguments(node)["self"]
    carriers = setting.flow.carriers(node)
    if numerator in carriers:
        return Spread(_jointly(node, arriving, setting, (numerator,)))
    return _elementwise(node, arriving, setting)


def _moving(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    wrt = _floating(node, setting)
    moved = vjp(node, setting.flow.graph, setting.value, wrt, arriving)
    done = Spread(dict(zip(wrt, moved, strict=True)))
    if "value" in named_arguments(node):
        arrived = sum(r.sum() for r in arriving if r is not None)
        done.literal = arrived - sum(part.sum() for part in moved)
    return done


def _elementwise(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    carrier = setting.flow.carriers(node)[0]
    relevance = arriving[0]
    if relevance is None:
        return Spread()
    return Spread({carrier: relevance.sum_to_size(setting.value(carrier).shape)})


def _batch_norm(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``y = x·a + (b − m·a)`` with ``a = w / √(v + eps)``; in training, mean m and variance v are the batch's."""
    relevance = arriving[0]
    named = named_arguments(node)
    x_ref = named["input"]
    if relevance is None or x_ref not in setting.flow.carriers(node):
        return Spread()
    x = setting.value(x_ref)
    mean, scale = _batch_norm_constants(node, setting)
    shape = (1, -1) + (1,) * (x.dim() - 2)
    weight, bias = (_optional(named.get(name), setting) for name in ("weight", "bias"))
    slope = scale if weight is None else scale * weight
    shift = -mean * slope if bias is None else bias - mean * slope
    s = stabilised(relevance, setting.value(NodeRef(node.id)), setting.propagation.epsilon)
    per_unit = s.sum(dim=[d for d in range(x.dim()) if d != 1])
    return Spread({x_ref: x * s * slope.view(shape)}, literal=(per_unit * shift).sum())


def _batch_norm_constants(node: Node, setting: Setting) -> tuple[Tensor, Tensor]:
    """Mean and 1/√(variance + eps) that normalised, each ``[units]``; in training its second and third results."""
    named = named_arguments(node)
    eps = float(named.get("eps", named.get("epsilon", 1e-5)))  # type: ignore[arg-type]
    training = named.get("training", named.get("train", "no_training" not in node.op and "no_update" not in node.op))
    if training:
        return setting.value(NodeRef(node.id, 1)), setting.value(NodeRef(node.id, 2))
    mean, variance = (_optional(named.get(name), setting) for name in ("running_mean", "running_var"))
    assert mean is not None and variance is not None, "batch norm in evaluation form has running statistics"
    return mean, torch.rsqrt(variance + eps)


def _local(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    return Spread(_jointly(node, arriving, setting, setting.flow.carriers(node)), approximate=True)


_APPLY: dict[Rule, Callable[[Node, Arriving, Setting], Spread]] = {
    Rule.LINEAR: _linear,
    Rule.BILINEAR: _bilinear,
    Rule.RATIO: _ratio,
    Rule.MOVING: _moving,
    Rule.ELEMENTWISE: _elementwise,
    Rule.BATCH_NORM: _batch_norm,
    Rule.LOCAL: _local,
}


def _jointly(node: Node, arriving: Arriving, setting: Setting, wrt: tuple[Ref, ...]) -> dict[Ref, Tensor]:
    """``x ⊙ J_xᵀ(R / (z + ε·sign z))`` for every x in ``wrt``."""
    s = [
        None if r is None else stabilised(r, setting.value(NodeRef(node.id, out)), setting.propagation.epsilon)
        for out, r in enumerate(arriving)
    ]
    pulled = vjp(node, setting.flow.graph, setting.value, wrt, s)
    return {ref: _times(setting.value(ref), g) for ref, g in zip(wrt, pulled, strict=True)}


def _times(x: Tensor, g: Tensor) -> Tensor:
    """x ⊙ g, where a non-finite x that nothing depends on (g = 0) gets nothing."""
    part = x * g
    return part if math.isfinite(part.sum().item()) else torch.where(g == 0, 0.0, part)


def _literal_share(node: Node, arriving: Arriving, setting: Setting) -> float | Tensor:
    """What a number that is added takes: ``x + 1``."""
    named = named_arguments(node)
    number = named.get("self") if isinstance(named.get("self"), int | float) else named.get("other")
    if isinstance(number, bool) or not isinstance(number, int | float) or arriving[0] is None:
        return 0.0
    alpha = named.get("alpha", 1)
    sign = -1 if packet(node.op) == "sub" else 1
    share = sign * number * (alpha if isinstance(alpha, int | float) and packet(node.op) != "rsub" else 1)
    return share * stabilised(arriving[0], setting.value(NodeRef(node.id)), setting.propagation.epsilon).sum()


def _floating(node: Node, setting: Setting) -> tuple[Ref, ...]:
    graph = setting.flow.graph
    return tuple(ref for ref in dict.fromkeys(node.inputs()) if is_float(graph.meta(ref).dtype))


def _added(node: Node, setting: Setting, excluded: tuple[str, ...]) -> tuple[Ref, ...]:
    """The floating operands that are added, which is all but those named."""
    floating = _floating(node, setting)
    named = named_arguments(node)
    multiplied = {named.get(name) for name in excluded if isinstance(named.get(name), NodeRef | OutsideRef)}
    return tuple(ref for ref in floating if ref not in multiplied)


def _optional(argument: object, setting: Setting) -> Tensor | None:
    return setting.value(argument) if isinstance(argument, NodeRef | OutsideRef) else None
