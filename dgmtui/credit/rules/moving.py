"""Relevance through operations that move values, or change each of them alone."""

import torch

from dgmtui.credit.ops import vjp
from dgmtui.credit.rules.passing import Arriving, Setting, Spread, floating, total
from dgmtui.trace.graph import Node
from dgmtui.trace.operations import named_arguments


def moving(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``R_x = J_xᵀ R``; what a number that was written in took is counted."""
    wrt = floating(node, setting)
    moved = vjp(node, setting.flow.graph, setting.value, wrt, arriving)
    done = Spread(dict(zip(wrt, moved, strict=True)))
    if "value" in named_arguments(node):
        done.literal = sum(total(r) for r in arriving if r is not None) - sum(total(part) for part in moved)
    return done


def elementwise(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``R_x = R``."""
    carrier = setting.flow.carriers(node)[0]
    relevance = arriving[0]
    if relevance is None:
        return Spread()
    return Spread({carrier: relevance.sum_to_size(setting.value(carrier).shape)})


def gated(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """``glu``: ``a ⊙ σ(b)`` of the two halves of its operand; the gate gets nothing (Arras et al. 2017)."""
    relevance = arriving[0]
    if relevance is None:
        return Spread()
    dim = named_arguments(node).get("dim", -1)
    assert isinstance(dim, int)
    return Spread({setting.flow.carriers(node)[0]: torch.cat([relevance, torch.zeros_like(relevance)], dim)})
