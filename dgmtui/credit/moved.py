"""Vector-Jacobian products of what moves, adds and averages values: no kernel runs, or one."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from dgmtui.trace.graph import Argument, Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments, run_node

Lookup: TypeAlias = Callable[[Ref], Tensor]
Cotangents: TypeAlias = Sequence[Tensor | None]
Pull: TypeAlias = Callable[[Node, Lookup, Sequence[Ref], Cotangents], list[Tensor] | None]
"""From the node, its tensors, what is asked for, and a cotangent a result; None where it does not apply."""


def is_widened(node: Node, graph: Graph) -> bool:
    """Whether its operands are of half precision and so widened when read: what it saved belongs to the narrow ones."""
    return any(graph.meta(ref).dtype in ("float16", "bfloat16") for ref in node.inputs())


def first(pull: Callable[[Node, Tensor, Tensor], Tensor]) -> Pull:
    """For operations with one result that take one tensor, from the node, that tensor and the cotangent."""

    def pulled(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
        v = cotangents[0]
        if v is None or len(cotangents) > 1 or list(node.inputs()) != list(wrt) or wrt[0] != node.args[0]:
            return None
        return [pull(node, value(wrt[0]), v)]

    return pulled


def _reshaped(node: Node, x: Tensor, v: Tensor) -> Tensor:
    return v.reshape(x.shape)


def _same(node: Node, x: Tensor, v: Tensor) -> Tensor:
    return v


def _transposed(node: Node, x: Tensor, v: Tensor) -> Tensor:
    moved: Tensor = run_node(node, lambda _: v)[0]  # its own inverse
    return moved


def _permuted(node: Node, x: Tensor, v: Tensor) -> Tensor:
    dims: Any = node.args[1]
    places = [d % x.dim() for d in dims]
    return v.permute([places.index(d) for d in range(x.dim())])


def _expanded(node: Node, x: Tensor, v: Tensor) -> Tensor:
    return v.sum_to_size(x.shape)


def _in_place(node: Node, x: Tensor, v: Tensor) -> Tensor:
    whole = v.new_zeros(x.shape)
    run_node(node, lambda _: whole)[0].copy_(v)
    return whole


def _spread(node: Node, x: Tensor, v: Tensor) -> Tensor:
    named: dict[str, Any] = named_arguments(node)
    dims = named.get("dim")
    places = sorted({d % max(x.dim(), 1) for d in ([dims] if isinstance(dims, int) else dims or range(x.dim()))})
    if not named.get("keepdim", False):
        for place in places:
            v = v.unsqueeze(place)
    if "mean" in node.op:
        v = v / math.prod(x.shape[place] for place in places)
    return v.expand(x.shape)


def _pieces(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
    """Of ``split`` and its like: the pieces' cotangents side by side."""
    if list(node.inputs()) != list(wrt):
        return None
    some = next(v for v in cotangents if v is not None)
    shapes = [meta.shape for meta in node.outs if meta is not None]
    parts = [some.new_zeros(shape) if v is None else v for shape, v in zip(shapes, cotangents, strict=True)]
    dim: Any = named_arguments(node).get("dim", 0)
    return [torch.stack(parts, dim) if "unbind" in node.op else torch.cat(parts, dim)]


def _put_together(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
    v, refs = cotangents[0], list(node.inputs())
    if v is None or len(set(refs)) < len(refs) or any(value(ref).shape == (0,) for ref in refs):
        return None
    dim: Any = named_arguments(node).get("dim", 0)
    parts = dict(zip(refs, torch.split(v, [value(ref).shape[dim] for ref in refs], dim), strict=True))
    return [parts[ref] for ref in wrt]


def _sum(sign: int) -> Pull:
    def pulled(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
        named: dict[str, Any] = named_arguments(node)
        v, a, b = cotangents[0], named["self"], named["other"]
        if v is None or a == b:
            return None
        scale = sign * named.get("alpha", 1)
        return [_fitted(v if ref == a or scale == 1 else v * scale, value(ref)) for ref in wrt]

    return pulled


def _product(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
    named = named_arguments(node)
    v, a, b = cotangents[0], named["self"], named["other"]
    if v is None or a == b:
        return None
    return [_fitted(v * _number(b if ref == a else a, value), value(ref)) for ref in wrt]


def _quotient(node: Node, value: Lookup, wrt: Sequence[Ref], cotangents: Cotangents) -> list[Tensor] | None:
    named = named_arguments(node)
    v, a, b = cotangents[0], named["self"], named["other"]
    if v is None or list(wrt) != [a] or a == b:
        return None
    return [_fitted(v / _number(b, value), value(wrt[0]))]


def _number(argument: Argument, value: Lookup) -> Any:
    return value(argument) if isinstance(argument, NodeRef | OutsideRef) else argument


def _fitted(v: Tensor, x: Tensor) -> Tensor:
    return v.sum_to_size(x.shape).to(x.dtype)


PULLS: Mapping[str, Pull] = {
    **dict.fromkeys(
        ("aten.view.default", "aten._unsafe_view.default", "aten.unsqueeze.default", "aten.squeeze.default",
         "aten.squeeze.dim", "aten.squeeze.dims", "aten.reshape.default", "aten._reshape_alias.default"),
        first(_reshaped),
    ),
    **dict.fromkeys(("aten.alias.default", "aten.clone.default"), first(_same)),
    **dict.fromkeys(("aten.t.default", "aten.transpose.int"), first(_transposed)),
    "aten.permute.default": first(_permuted),
    "aten.expand.default": first(_expanded),
    **dict.fromkeys(("aten.slice.Tensor", "aten.select.int"), first(_in_place)),
    **dict.fromkeys(
        ("aten.mean.default", "aten.mean.dim", "aten.sum.default", "aten.sum.dim_IntList"), first(_spread)
    ),
    **dict.fromkeys(
        ("aten.split.Tensor", "aten.unsafe_split.Tensor", "aten.split_with_sizes.default", "aten.unbind.int",
         "aten.unsafe_split_with_sizes.default"),
        _pieces,
    ),
    "aten.cat.default": _put_together,
    **dict.fromkeys(("aten.add.Tensor", "aten.add_.Tensor"), _sum(1)),
    **dict.fromkeys(("aten.sub.Tensor", "aten.sub_.Tensor"), _sum(-1)),
    **dict.fromkeys(("aten.mul.Tensor", "aten.mul_.Tensor"), _product),
    **dict.fromkeys(("aten.div.Tensor", "aten.div_.Tensor"), _quotient),
}  # fmt: skip
"""By qualified name."""
