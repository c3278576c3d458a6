"""A fused LSTM layer, step by step: gates get nothing (Arras et al. 2017), the rest is products and sums."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dgmtui.credit.rules.agreement import agrees
from dgmtui.credit.rules.linear import local
from dgmtui.credit.rules.passing import Arriving, Setting, Spread, optional, stabilised
from dgmtui.trace.graph import Node, NodeRef, OutsideRef
from dgmtui.trace.operations import named_arguments

_LSTM = 2
"""``mode`` of ``mkldnn_rnn_layer``; it knows no other cell that torch runs."""


@dataclass(frozen=True)
class _Step:
    """One time step: ``a = W x + U h + b``, ``c' = f·c + i·tanh(a)``, ``h' = o·tanh(c')``. All ``[B, H]``."""

    time: int
    hidden: Tensor
    """Before the step."""
    kept: Tensor
    """f·c"""
    new: Tensor
    """i·tanh(a)"""
    before_tanh: Tensor
    """a"""


@dataclass(frozen=True)
class _Layer:
    """What the rule needs of one direction of one layer."""

    x: Tensor
    """``[T, B, F]``"""
    weight: Tensor
    """W, of the cell's candidate alone; ``[H, F]``."""
    recurrent: Tensor
    """U, likewise; ``[H, H]``."""
    biases: tuple[Tensor, ...]
    steps: tuple[_Step, ...]
    """As they ran."""
    outputs: Tensor


def lstm_layer(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``aten.mkldnn_rnn_layer``: relevance of its outputs, last hidden state and last cell goes back through time.

    Another kind of cell, or a kernel whose result this does not give, is linearised locally and marked approximate.
    """
    named = named_arguments(node)
    if named.get("mode") != _LSTM:
        return local(node, arriving, setting)
    layer = _run(named, setting)
    if not agrees(layer.outputs, node, setting):
        return local(node, arriving, setting)
    return _back(layer, arriving, named, setting)


def _run(named: Mapping[str, object], setting: Setting) -> _Layer:
    tensors = [_tensor(named[name], setting) for name in ("input", "weight0", "weight1", "hx_", "cx_")]
    x, w, u, h, c = tensors
    size = int(named["hidden_size"])  # type: ignore[call-overload]
    biases = [_tensor(named[name], setting) for name in ("weight2", "weight3")] if named["has_biases"] else []
    h, c = h.reshape(-1, size), c.reshape(-1, size)
    outputs = torch.empty(x.shape[0], x.shape[1], size, dtype=x.dtype)
    steps = []
    for time in reversed(range(len(x))) if named["reverse"] else range(len(x)):
        gates = F.linear(x[time], w) + F.linear(h, u) + sum(biases)
        in_, forget, candidate, out = gates.chunk(4, -1)
        kept, new = forget.sigmoid() * c, in_.sigmoid() * candidate.tanh()
        steps.append(_Step(time, h, kept, new, candidate))
        c = kept + new
        h = out.sigmoid() * c.tanh()
        outputs[time] = h
    of_candidate = slice(2 * size, 3 * size)
    parts = tuple(bias[of_candidate] for bias in biases)
    return _Layer(x, w[of_candidate], u[of_candidate], parts, tuple(steps), outputs)


def _back(layer: _Layer, arriving: Arriving, named: Mapping[str, object], setting: Setting) -> Spread:
    epsilon = setting.propagation.epsilon
    outputs, last_h, last_c = (None if r is None else r.reshape(-1, *layer.outputs.shape[1:]) for r in arriving[:3])
    to_x = torch.zeros_like(layer.x)
    to_h = torch.zeros_like(layer.outputs[0]) if last_h is None else last_h[0]
    to_c = torch.zeros_like(to_h) if last_c is None else last_c[0]
    to_bias = torch.zeros((), dtype=to_x.dtype)
    for step in reversed(layer.steps):
        to_c = to_c + to_h if outputs is None else to_c + to_h + outputs[step.time]
        per_cell = stabilised(to_c, step.kept + step.new, epsilon)
        per_sum = stabilised(step.new * per_cell, step.before_tanh, epsilon)
        to_c = step.kept * per_cell
        to_x[step.time] = layer.x[step.time] * (per_sum @ layer.weight)
        to_h = step.hidden * (per_sum @ layer.recurrent)
        to_bias = to_bias + sum((per_sum * bias).sum() for bias in layer.biases)
    done = Spread(literal=to_bias)
    for name, part in (("input", to_x), ("hx_", to_h), ("cx_", to_c)):
        ref = named[name]
        assert isinstance(ref, NodeRef | OutsideRef)
        part = part.reshape(setting.value(ref).shape)
        done.parts[ref] = done.parts[ref] + part if ref in done.parts else part
    return done


def _tensor(argument: object, setting: Setting) -> Tensor:
    found = optional(argument, setting)
    assert found is not None, "a layer has its weights and states"
    return found
