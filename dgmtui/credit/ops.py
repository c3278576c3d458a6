"""One ATen operation on its own: its vector-Jacobian product."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dgmtui.credit.direct import DIRECT, Lookup
from dgmtui.credit.moved import is_widened
from dgmtui.errors import CreditError, ReplayError
from dgmtui.trace.graph import Graph, Node, Ref
from dgmtui.trace.operations import run_node


def vjp(
    node: Node, graph: Graph, value: Lookup, wrt: Sequence[Ref], cotangents: Sequence[Tensor | None]
) -> list[Tensor]:
    """``J_xᵀ v`` for each ``x`` in ``wrt``, where ``v`` is one cotangent per result of ``node``.

    Args:
        value: the operands as they were when the node ran, detached; never changed here.
        wrt: floating operands of the node, each once.
        cotangents: of the results' shapes; None for a result that nothing arrives at.

    Raises:
        CreditError: the operation has no derivative.
    """
    direct = DIRECT.get(node.op)
    if direct is not None and not is_widened(node, graph) and _is_plain(node, value, wrt, cotangents):
        pulled = direct(node, value, wrt, cotangents)
        if pulled is not None:
            return pulled
    return by_autograd(node, graph, value, wrt, cotangents)


def _is_plain(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Sequence[Tensor | None]) -> bool:
    """Whether all is real and of one dtype, and there is something to pull."""
    arrived = {v.dtype for v in cotangents if v is not None}
    dtypes = arrived | {value(ref).dtype for ref in node.inputs() if value(ref).is_floating_point()}
    return bool(arrived and wrt) and len(dtypes) == 1 and not any(value(ref).is_complex() for ref in node.inputs())


def by_autograd(
    node: Node, graph: Graph, value: Lookup, wrt: Sequence[Ref], cotangents: Sequence[Tensor | None]
) -> list[Tensor]:
    """The same for any operation, by running it again.

    Raises:
        CreditError: it has no derivative.
    """
    leaves = {ref: value(ref).detach().requires_grad_() for ref in wrt}

    def lookup(ref: Ref) -> Tensor:
        found = leaves[ref] if ref in leaves else value(ref)
        return found.clone() if ref in node.mutates else found

    try:
        with torch.enable_grad():
            outs = run_node(node, lookup, graph)
        pairs = [(out, v) for out, v in zip(outs, cotangents, strict=False) if v is not None and _has_grad(out)]
        if not pairs:
            return [torch.zeros_like(leaf) for leaf in leaves.values()]
        found = torch.autograd.grad(
            [out for out, _ in pairs],
            list(leaves.values()),
            [v.to(out.dtype) for out, v in pairs],
            allow_unused=True,
        )
    except (RuntimeError, NotImplementedError, ReplayError) as error:
        raise CreditError(
            f"{node.name} (node {node.id}) has no derivative, so no credit passes it: {first_line(error)}"
        ) from error
    return [torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves.values(), found, strict=True)]


def first_line(error: BaseException) -> str:
    """The first line of an error of torch's, which may be followed by a page."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _has_grad(out: Any) -> bool:
    return isinstance(out, Tensor) and out.requires_grad
