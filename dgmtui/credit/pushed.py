"""Forward-mode derivatives of the commonest operations, without running them again."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

from dgmtui.credit.moved import Lookup, is_widened
from dgmtui.trace.graph import Argument, Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments, run_node

Tangents: TypeAlias = Mapping[Ref, Tensor]
Push: TypeAlias = Callable[[Node, Lookup, Tangents], Tensor | None]
"""The tangent of the first result from the node, its tensors and their tangents; None where it does not apply."""


def pushed(node: Node, graph: Graph, value: Lookup, tangents: Tangents) -> dict[int, Tensor | None] | None:
    """The tangents of the node's results by number; None where it has to be run again for them.

    Args:
        value: the operands, and the results, as they were when the node ran.
    """
    if is_widened(node, graph):
        return None
    if node.op in _EVERY and not node.mutates:
        return _each(node, value, tangents)
    push = _PUSHES.get(node.op)
    if push is None or any(graph.users(NodeRef(node.id, out)) for out in range(1, len(node.outs))):
        return None
    moving = {ref: tangents[ref] for ref in node.inputs() if ref in tangents}
    dtypes = {t.dtype for t in moving.values()} | {value(ref).dtype for ref in moving}
    if len(dtypes) > 1 or next(iter(dtypes)).is_complex:
        return None
    tangent = push(node, value, moving)
    return None if tangent is None else {0: tangent}


def _each(node: Node, value: Lookup, tangents: Tangents) -> dict[int, Tensor | None] | None:
    """Of an operation that is linear in all its tensors together, what it makes of the tangents."""

    def moved(ref: Ref) -> Tensor:
        return tangents[ref] if ref in tangents else torch.zeros_like(value(ref))

    if any(not value(ref).is_floating_point() for ref in node.inputs()):
        return None
    results = run_node(node, moved)
    return dict(enumerate(results))


def _sum(sign: int) -> Push:
    def push(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
        named: dict[str, Any] = named_arguments(node)
        scale = sign * named.get("alpha", 1)
        terms = [
            moving[ref] if factor == 1 else moving[ref] * factor
            for ref, factor in ((named["self"], 1), (named["other"], scale))
            if isinstance(ref, NodeRef | OutsideRef) and ref in moving
        ]
        total = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        shape = value(NodeRef(node.id)).shape
        return total if total.shape == shape else total.expand(shape)

    return push


def _product(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
    named = named_arguments(node)
    return _bilinear(named["self"], named["other"], value, moving, torch.mul)


def _bilinear(a: Argument, b: Argument, value: Lookup, moving: Tangents, multiply: Callable[..., Tensor]) -> Tensor:
    terms = []
    if isinstance(a, NodeRef | OutsideRef) and a in moving:
        terms.append(multiply(moving[a], value(b) if isinstance(b, NodeRef | OutsideRef) else b))
    if isinstance(b, NodeRef | OutsideRef) and b in moving:
        terms.append(multiply(value(a) if isinstance(a, NodeRef | OutsideRef) else a, moving[b]))
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


def _matrices(first: str, second: str) -> Push:
    def push(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
        named = named_arguments(node)
        added = named.get("self") if first != "self" else None
        if added in moving or named.get("alpha", 1) != 1:
            return None
        return _bilinear(named[first], named[second], value, moving, torch.matmul)

    return push


def _convolution(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
    named: dict[str, Any] = named_arguments(node)
    if named.get("bias") in moving:
        return None
    settings = [named[key] for key in ("stride", "padding", "dilation", "transposed", "output_padding", "groups")]

    def convolve(x: Tensor, weight: Tensor) -> Tensor:
        made: Tensor = torch.ops.aten.convolution(x, weight, None, *settings)
        return made

    return _bilinear(named["input"], named["weight"], value, moving, convolve)


def _max_pool2d(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
    chosen = value(NodeRef(node.id, 1))
    return next(iter(moving.values())).flatten(-2).gather(-1, chosen.flatten(-2)).view(chosen.shape)


def _by_result(slope: Callable[[Tensor, Tensor], Tensor]) -> Push:
    """Of an element-wise function whose slope is known from its result."""

    def push(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
        return slope(next(iter(moving.values())), value(NodeRef(node.id)))

    return push


def _leaky_relu(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
    (ref, tangent), named = next(iter(moving.items())), named_arguments(node)
    made: Tensor = torch.ops.aten.leaky_relu_backward(tangent, value(ref), named.get("negative_slope", 0.01), False)
    return made


def _layer_norm(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
    """A normalisation's Jacobian is symmetric, up to the weight that comes after."""
    named: dict[str, Any] = named_arguments(node)
    x, weight = named["input"], named.get("weight")
    if set(moving) != {x} or x in (weight, named.get("bias")):
        return None
    statistics = [value(NodeRef(node.id, 1)), value(NodeRef(node.id, 2))]
    normalised: Tensor = torch.ops.aten.native_layer_norm_backward(
        moving[x], value(x), named["normalized_shape"], *statistics, None, None, [True, False, False]
    )[0]
    return normalised if weight is None else normalised * value(weight)


def _batch_norm(node: Node, value: Lookup, moving: Tangents) -> Tensor | None:
    """As layer norm, with the batch's statistics."""
    named: dict[str, Any] = named_arguments(node)
    x, weight = named["input"], named.get("weight")
    if set(moving) != {x} or not named.get("training"):
        return None
    statistics = [value(NodeRef(node.id, 1)), value(NodeRef(node.id, 2))]
    normalised: Tensor = torch.ops.aten.native_batch_norm_backward(
        moving[x], value(x), None, None, None, *statistics, True, named["eps"], [True, False, False]
    )[0]
    return normalised if weight is None else normalised * value(weight).view(1, -1, *[1] * (normalised.dim() - 2))


_EVERY = frozenset({
    "aten.view.default", "aten._unsafe_view.default", "aten.reshape.default", "aten.unsqueeze.default",
    "aten.squeeze.default", "aten.squeeze.dim", "aten.squeeze.dims", "aten.t.default", "aten.transpose.int",
    "aten.permute.default", "aten.expand.default", "aten.alias.default", "aten.clone.default", "aten.slice.Tensor",
    "aten.select.int", "aten.split.Tensor", "aten.unsafe_split.Tensor", "aten.split_with_sizes.default",
    "aten.unsafe_split_with_sizes.default", "aten.unbind.int", "aten.cat.default", "aten.stack.default",
    "aten.mean.default", "aten.mean.dim", "aten.sum.default", "aten.sum.dim_IntList", "aten.avg_pool2d.default",
    "aten._adaptive_avg_pool2d.default", "aten.upsample_nearest2d.vec", "aten.upsample_nearest2d.default",
})  # fmt: skip
"""Linear in all their tensors together."""

_PUSHES: Mapping[str, Push] = {
    **dict.fromkeys(("aten.add.Tensor", "aten.add_.Tensor"), _sum(1)),
    **dict.fromkeys(("aten.sub.Tensor", "aten.sub_.Tensor"), _sum(-1)),
    "aten.mul.Tensor": _product,
    "aten.addmm.default": _matrices("mat1", "mat2"),
    "aten.mm.default": _matrices("self", "mat2"),
    "aten.bmm.default": _matrices("self", "mat2"),
    "aten.convolution.default": _convolution,
    "aten.max_pool2d_with_indices.default": _max_pool2d,
    **dict.fromkeys(
        ("aten.relu.default", "aten.relu_.default"), _by_result(lambda t, y: torch.ops.aten.threshold_backward(t, y, 0))
    ),
    **dict.fromkeys(
        ("aten.sigmoid.default", "aten.sigmoid_.default"),
        _by_result(lambda t, y: torch.ops.aten.sigmoid_backward(t, y)),
    ),
    **dict.fromkeys(
        ("aten.tanh.default", "aten.tanh_.default"), _by_result(lambda t, y: torch.ops.aten.tanh_backward(t, y))
    ),
    "aten.leaky_relu.default": _leaky_relu,
    "aten.native_layer_norm.default": _layer_norm,
    "aten.native_batch_norm.default": _batch_norm,
}
"""By qualified name; the others are run again with dual numbers."""
