"""What speaks for a cause of a non-finite value: other numbers, another dtype, the gradients that were made."""

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.backward import BackwardStep
from dgmtui.trace.finite import is_finite
from dgmtui.trace.graph import Node, NodeRef, Ref
from dgmtui.trace.operands import named_inputs
from dgmtui.trace.operations import run_node
from dgmtui.trace.replay import Replay
from dgmtui.trace.scan import Origin

_ORDINARY = ((0.1, 0.9), (1.1, 1.9), (-0.9, -0.1))
"""Ranges of numbers, one at least of which lies within the domain of any elementary function."""


def holds_whatever_goes_in(replay: Replay, ref: NodeRef, element: tuple[int, ...]) -> bool:
    """Whether the operation's result is non-finite at ``element`` for ordinary numbers of any of three ranges too.

    Then its shape, an option or an index makes it so: the deviation of a single row, the mean of nothing.
    """
    node = replay.graph.nodes[ref.node]
    if node.random:
        return False
    try:
        results = [_with_numbers(replay, node, low, high)[ref.out] for low, high in _ORDINARY]
    except (ReplayError, RuntimeError):
        return False
    return not any(bool(torch.isfinite(result[element])) for result in results)


@torch.no_grad()
def _with_numbers(replay: Replay, node: Node, low: float, high: float) -> tuple[Tensor, ...]:
    """What the operation gives for numbers between ``low`` and ``high``, indices and masks as they were."""
    generator = torch.Generator().manual_seed(0)

    def numbers(ref: Ref) -> Tensor:
        value = replay.value(ref, at=node.id)
        if not value.is_floating_point():
            return value.clone()
        return (low + (high - low) * torch.rand(value.shape, generator=generator, dtype=torch.float64)).to(value)

    return run_node(node, numbers)


def forward_phrase(
    node: Node, what: str, value: float | None, origin: Origin, masked_by: Node | None, *, regardless: bool
) -> str:
    """What happened, as part of a sentence."""
    if regardless:
        return f"{node.name} is {what} whatever numbers go in"
    if origin is Origin.INTENDED:
        return f"{node.name} puts {what} in, as the code says, and it was not masked out again"
    if origin is Origin.FROM_INTENDED:
        by = "the code" if masked_by is None else f"{masked_by.name} at {masked_by.source}"
        return f"{node.name} is {what} for nothing but the infinity that {by} put in"
    return f"{node.name} is {what}" if value is None else f"{node.name} of {value:.6g} is {what}"


def bad_gradient(replay: Replay, node: Node, step: BackwardStep) -> tuple[Ref | None, Tensor | None]:
    """The input of ``node`` whose gradient the step made non-finite, and that gradient."""
    inputs = named_inputs(replay, node)
    for place, gradient in enumerate(step.gradients):
        if gradient is None or is_finite(gradient):
            continue
        candidates = inputs[place : place + 1] if len(inputs) == len(step.gradients) else inputs
        for ref, _ in candidates:
            if replay.graph.meta(ref).shape == tuple(gradient.shape):
                return ref, gradient
    return None, None


def in_float64(replay: Replay, ref: NodeRef, element: tuple[int, ...]) -> float | None:
    """What the value is at ``element`` where all is computed in float64; None where it can't be."""
    try:
        again = replay.again(dtype=torch.float64)
        again.forward(to=ref.node)
        return float(again.value(ref)[element])
    except ReplayError:
        return None


def gradient_in_float64(replay: Replay, ref: Ref, element: tuple[int, ...]) -> float | None:
    """What the gradient of ``ref`` is at ``element`` likewise; None also where the loss does not depend on it."""
    try:
        again = replay.again(dtype=torch.float64)
        again.backward(steps=False)
    except ReplayError:
        return None
    gradient = again.gradient(ref)
    return None if gradient is None else float(gradient[element])
