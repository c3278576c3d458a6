"""Normalisation: what it divides by is a constant (the LN-rule of Ali et al. 2022; Achtibat et al. 2024, prop. 3.4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.rules.passing import Arriving, Setting, Spread, optional, stabilised
from dgmtui.credit.rules.weighted import shares_of_terms
from dgmtui.credit.table import LayerRule, layer_rule, packet
from dgmtui.trace.graph import Node, NodeRef, OutsideRef
from dgmtui.trace.operations import named_arguments


def batch_norm(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``y = x·a + (b − m·a)`` with ``a = w / √(v + eps)``; in training, mean m and variance v are the batch's."""
    relevance = arriving[0]
    named = named_arguments(node)
    x_ref = named["input"]
    if relevance is None or not isinstance(x_ref, NodeRef | OutsideRef) or x_ref not in setting.flow.carriers(node):
        return Spread()
    x = setting.value(x_ref)
    mean, scale = _batch_constants(node, setting)
    shape = (1, -1) + (1,) * (x.dim() - 2)
    weight, bias = (optional(named.get(name), setting) for name in ("weight", "bias"))
    slope = scale if weight is None else scale * weight
    shift = -mean * slope if bias is None else bias - mean * slope
    rule = layer_rule(setting.propagation.rule, packet(node.op))
    if rule is not LayerRule.EPSILON:
        terms = [x * slope.view(shape), shift.view(shape).expand_as(x)]
        to_x, to_shift = shares_of_terms(terms, rule, setting.propagation, relevance)
        return Spread({x_ref: to_x}, literal=to_shift.sum())
    s = stabilised(relevance, setting.value(NodeRef(node.id)), setting.propagation.epsilon)
    per_unit = s.sum(dim=[d for d in range(x.dim()) if d != 1])
    return Spread({x_ref: x * s * slope.view(shape)}, literal=(per_unit * shift).sum())


def _batch_constants(node: Node, setting: Setting) -> tuple[Tensor, Tensor]:
    """Mean and 1/√(variance + eps) that normalised, each ``[units]``; in training its second and third results."""
    named = named_arguments(node)
    eps = float(named.get("eps", named.get("epsilon", 1e-5)))  # type: ignore[arg-type]
    training = named.get("training", named.get("train", "no_training" not in node.op and "no_update" not in node.op))
    if training:
        return setting.value(NodeRef(node.id, 1)), setting.value(NodeRef(node.id, 2))
    mean, variance = (optional(named.get(name), setting) for name in ("running_mean", "running_var"))
    assert mean is not None and variance is not None, "batch norm in evaluation form has running statistics"
    return mean, torch.rsqrt(variance + eps)


@dataclass(frozen=True)
class _Form:
    """How one operation normalises: over ``axes`` of x laid out as ``shape``."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    deviation: int
    """Which of its results is 1/σ."""
    centred: bool
    per_channel: bool = False
    """Weight and bias lie along axis 1, not along the last axes."""


def layer_norm(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``y = (x − mean(x))·w/σ + b`` with σ a constant: linear in x, whose own mean is part of it; b takes its share.

    For layer, group and RMS norm (the last without mean). Relevance and x as LRP-ε has it: ``x ⊙ Jᵀ(R / y)``.
    """
    relevance = arriving[0]
    named = named_arguments(node)
    x_ref = named["input"]
    if relevance is None or not isinstance(x_ref, NodeRef | OutsideRef):
        return Spread()
    x, form = setting.value(x_ref), _form(node, setting.value(x_ref))
    weight, bias = (named.get(name) for name in ("weight", "bias"))
    s = stabilised(relevance, setting.value(NodeRef(node.id)), setting.propagation.epsilon)
    scale = setting.value(NodeRef(node.id, form.deviation)).to(x.dtype)
    slope = optional(weight, setting)
    scaled = s if slope is None else s * _along(slope, x, form)
    g = scaled.reshape(form.shape) * scale.reshape([*form.shape[: form.axes[0]], *[1] * len(form.axes)])
    if form.centred:
        g = g - g.mean(form.axes, keepdim=True)
    done = Spread({x_ref: x * g.reshape(x.shape)})
    if isinstance(bias, NodeRef | OutsideRef):
        shift = setting.value(bias)
        share = s * _along(shift, x, form)
        done.parts[bias] = share.sum_to_size(_along(shift, x, form).shape).reshape(shift.shape)
    return done


def _form(node: Node, x: Tensor) -> _Form:
    named = named_arguments(node)
    if packet(node.op) == "native_group_norm":
        batch, groups = x.shape[0], int(named["group"])  # type: ignore[arg-type]
        return _Form((batch, groups, x[0].numel() // groups), (2,), 2, centred=True, per_channel=True)
    normalised = named["normalized_shape"]
    assert isinstance(normalised, tuple)
    axes = tuple(range(x.dim() - len(normalised), x.dim()))
    centred = packet(node.op) == "native_layer_norm"
    return _Form(tuple(x.shape), axes, 2 if centred else 1, centred)


def _along(constant: Tensor, x: Tensor, form: _Form) -> Tensor:
    """A weight or bias in the shape that broadcasts over x."""
    return constant.view(1, -1, *[1] * (x.dim() - 2)) if form.per_channel else constant
