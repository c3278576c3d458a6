"""Putting stored random draws in the place of random operations, so that gradients still pass through these."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.graph import Node

Draws = Mapping[tuple[int, int], Tensor]
Results = tuple[Tensor | None, ...]
Slope = Callable[[Tensor, Tensor, Tensor], Tensor]


def has_draws(node: Node, draws: Draws) -> bool:
    """Whether a stored result is there for every result of ``node`` that is a tensor."""
    return all((node.id, out) in draws for out, meta in enumerate(node.outs) if meta is not None)


def substitute(node: Node, draws: Draws, args: list[Any], targets: tuple[Tensor, ...]) -> Results:
    """The results of the random operation ``node`` with its stored draws for chance.

    A draw into a tensor is copied into that tensor; dropout applies its stored mask to the replay's own input; a
    reparametrised sample passes gradients by its implicit derivative (Figurnov et al. 2018, eq. 5); through any other
    draw passes a gradient of zero, as in torch.

    Raises:
        ReplayError: the operation is a fused one that mixes its draws with its inputs where we can't reach.
    """
    if node.name.startswith(_FUSED):
        raise ReplayError(
            f"node {node.id} ({node.name}) draws inside a fused kernel, so none are stored; replay it where it trained"
        )
    drawn = tuple(draws.get((node.id, out)) for out in range(len(node.outs)))
    if targets:
        return _drawn_into(targets, drawn)
    special = _SPECIAL.get(node.name, _plain)
    return special(args, drawn)


_FUSED = ("aten._scaled_dot_product", "aten._flash_attention", "aten._efficient_attention", "aten._cudnn", "aten.rrelu")


def _drawn_into(targets: tuple[Tensor, ...], drawn: Results) -> Results:
    with torch.no_grad():
        for target, value in zip(targets, drawn, strict=False):
            if value is not None:
                target.copy_(value)
    return tuple(targets[i] if i < len(targets) else value for i, value in enumerate(drawn))


def _plain(args: list[Any], drawn: Results) -> Results:
    inputs = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
    if not inputs or not torch.is_grad_enabled():
        return drawn
    return tuple(t if t is None or not t.is_floating_point() else _drawn(t, _no_slope, *inputs) for t in drawn)


def _dropout(args: list[Any], drawn: Results) -> Results:
    input_, p, mask = args[0], args[1], drawn[1]
    assert mask is not None
    scale = 0.0 if p == 1 else 1.0 / (1.0 - p)
    return (input_ * mask) * scale, mask


def _gamma(args: list[Any], drawn: Results) -> Results:
    return (_drawn(drawn[0], _gamma_slope, args[0]),)


def _dirichlet(args: list[Any], drawn: Results) -> Results:
    return (_drawn(drawn[0], _dirichlet_slope, args[0]),)


def _no_slope(grad: Tensor, sample: Tensor, input_: Tensor) -> Tensor:
    return torch.zeros_like(input_)


def _gamma_slope(grad: Tensor, sample: Tensor, alpha: Tensor) -> Tensor:
    slope: Tensor = torch.ops.aten._standard_gamma_grad(alpha, sample)
    return grad * slope


def _dirichlet_slope(grad: Tensor, sample: Tensor, alpha: Tensor) -> Tensor:
    slope = torch._dirichlet_grad(sample, alpha, alpha.sum(-1, True).expand_as(alpha))
    return slope * (grad - (sample * grad).sum(-1, True))


def _drawn(sample: Tensor | None, slope: Slope, *inputs: Tensor) -> Tensor:
    connected: Tensor = _Drawn.apply(sample, slope, *inputs)  # type: ignore[no-untyped-call]
    return connected


class _Drawn(torch.autograd.Function):
    """A stored sample whose gradient by its inputs is given by ``slope(grad, sample, input)``."""

    @staticmethod
    def forward(ctx: Any, sample: Tensor, slope: Slope, *inputs: Tensor) -> Tensor:
        ctx.slope = slope
        ctx.save_for_backward(sample, *inputs)
        return sample.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        sample, *inputs = ctx.saved_tensors
        return None, None, *(ctx.slope(grads[0], sample, input_) for input_ in inputs)


_SPECIAL: Mapping[str, Callable[[list[Any], Results], Results]] = {
    "aten.native_dropout": _dropout,
    "aten._standard_gamma": _gamma,
    "aten._sample_dirichlet": _dirichlet,
}
