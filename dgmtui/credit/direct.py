"""Vector-Jacobian products of the costliest operations, without running them forward again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from dgmtui.credit.moved import PULLS, Cotangents, Lookup, Pull
from dgmtui.trace.graph import Argument, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments

__all__ = ["DIRECT", "Lookup"]

Direct: TypeAlias = Callable[[Node, Lookup, Sequence[Ref], Tensor], list[Tensor] | None]
"""From the node, its tensors, what is asked for, and the first result's cotangent; None where it does not apply."""


def _convolution(node: Node, value: Lookup, wrt: Sequence[Ref], v: Tensor) -> list[Tensor] | None:
    named = named_arguments(node)
    x, weight, bias = named["input"], named["weight"], named.get("bias")
    if x == weight:
        return None
    settings: list[Any] = [
        named[key] for key in ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
    ]
    pulled = torch.ops.aten.convolution_backward(
        v, _value(x, value), _value(weight, value), None, *settings, [x in wrt, weight in wrt, False]
    )
    # With its bias asked for, the kernel computes the weight's gradient too.
    return [v.movedim(1, 0).flatten(1).sum(1) if ref == bias else pulled[(x, weight).index(ref)] for ref in wrt]


def _max_pool2d(node: Node, value: Lookup, wrt: Sequence[Ref], v: Tensor) -> list[Tensor] | None:
    named = named_arguments(node)
    pulled: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
        v,
        value(wrt[0]),
        named["kernel_size"],
        named.get("stride", ()),
        named.get("padding", (0, 0)),
        named.get("dilation", (1, 1)),
        named.get("ceil_mode", False),
        value(NodeRef(node.id, 1)),
    )
    return [pulled]


def _matrices(first: str, second: str) -> Direct:
    def pull(node: Node, value: Lookup, wrt: Sequence[Ref], v: Tensor) -> list[Tensor] | None:
        named = named_arguments(node)
        a, b, added = named[first], named[second], named.get("self") if first != "self" else None
        if named.get("beta", 1) != 1 or named.get("alpha", 1) != 1 or len({a, b, added}) < 3:
            return None
        pulled = []
        for ref in wrt:
            if ref == a:
                pulled.append(v @ _value(b, value).mT)
            elif ref == b:
                pulled.append(_value(a, value).mT @ v)
            else:
                pulled.append(v.sum_to_size(value(ref).shape))
        return pulled

    return pull


def _value(ref: Argument, value: Lookup) -> Tensor:
    assert isinstance(ref, NodeRef | OutsideRef), "a factor is a tensor"
    return value(ref)


def _layer_norm(node: Node, value: Lookup, wrt: Sequence[Ref], v: Tensor) -> list[Tensor] | None:
    named = named_arguments(node)
    x, weight, bias = named["input"], named.get("weight"), named.get("bias")
    operands = [x, weight, bias]
    if len({ref for ref in operands if ref is not None}) < sum(ref is not None for ref in operands):
        return None
    given = [None if ref is None else _value(ref, value) for ref in operands]
    statistics = [value(NodeRef(node.id, 1)), value(NodeRef(node.id, 2))]
    pulled = torch.ops.aten.native_layer_norm_backward(
        v, given[0], named["normalized_shape"], *statistics, *given[1:], [ref in wrt for ref in operands]
    )
    return [pulled[operands.index(ref)] for ref in wrt]


def _alone(pull: Direct) -> Pull:
    """As a pull that applies where relevance arrived at the first result and no other."""

    def pulled(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
        v = cotangents[0]
        return None if v is None or any(c is not None for c in cotangents[1:]) else pull(node, value, wrt, v)

    return pulled


_DIRECT: Mapping[str, Direct] = {
    "aten.convolution.default": _convolution,
    "aten.max_pool2d_with_indices.default": _max_pool2d,
    "aten.addmm.default": _matrices("mat1", "mat2"),
    "aten.mm.default": _matrices("self", "mat2"),
    "aten.bmm.default": _matrices("self", "mat2"),
    "aten.native_layer_norm.default": _layer_norm,
}

DIRECT: Mapping[str, Pull] = {**PULLS, **{op: _alone(pull) for op, pull in _DIRECT.items()}}
"""By qualified name; the others are differentiated by running them again."""
