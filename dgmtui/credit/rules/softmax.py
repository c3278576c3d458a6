"""Softmax and its logarithm, by the Taylor expansion at x (Achtibat et al. 2024, prop. 3.1)."""

import torch
from torch import Tensor

from dgmtui.credit.rules.passing import Arriving, Setting, Spread, jointly, times
from dgmtui.trace.graph import Node, NodeRef
from dgmtui.trace.operations import named_arguments


def through_softmax(p: Tensor, relevance: Tensor, dim: int) -> Tensor:
    """``R_i − p_i·Σ_j R_j``: relevance of the scores per unit of score; times x it is the rule."""
    return relevance - p * relevance.sum(dim, keepdim=True)


def softmax(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``R_x = x ⊙ (R − p·ΣR)``; the constant of the expansion takes the rest."""
    relevance = arriving[0]
    if relevance is None:
        return Spread()
    x_ref = setting.flow.carriers(node)[0]
    dim = named_arguments(node)["dim"]
    assert isinstance(dim, int)
    part = times(setting.value(x_ref), through_softmax(setting.value(NodeRef(node.id)), relevance, dim))
    return Spread({x_ref: part}, literal=relevance.sum() - part.sum())


def expanded(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``log_softmax`` is ``x − Σ p·x − H(p)``: linear in x where the probabilities p are constants, and their entropy H
    is a constant that takes its share; ``logsumexp`` is ``Σ p·x + H(p)``."""
    parts = jointly(node, arriving, setting, setting.flow.carriers(node))
    arrived = sum((r.sum() for r in arriving if r is not None), torch.zeros(()))
    return Spread(parts, literal=arrived - sum(part.sum() for part in parts.values()))
