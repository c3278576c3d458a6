"""A graph for a batch of fewer rows: sizes that were baked into it as numbers are made smaller."""

import math
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import partial

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.graph import Argument, Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import decode_constant, run_node
from dgmtui.trace.tensors import meta_of
from dgmtui.trace.unary import short

Sizes = tuple[int, ...]

_RESHAPES = frozenset({"view", "_unsafe_view", "reshape", "_reshape_alias"})
_MAKES = frozenset(
    {"zeros", "ones", "full", "empty", "rand", "randn", "randint", "new_zeros", "new_ones", "new_full", "new_empty",
     "repeat", "arange"}
)  # fmt: skip


class Made(Enum):
    """Which sizes of tensors that are made from nothing have the batch's rows in them."""

    EXACT = "those equal to the batch's"
    MERGED = "its multiples too"
    NONE = "none"


def shrunk(graph: Graph, feeds: Mapping[str, Tensor], sizes: tuple[int, int], made: Made) -> Graph:
    """``graph`` for ``feeds`` whose batch has fewer rows, its results as they look then.

    It is run, operation by operation, so that what each gets is known when its sizes are made smaller.

    Args:
        sizes: how many rows the batch had, and has now.

    Raises:
        ReplayError: an operation fails on what it gets.
    """
    values: dict[Ref, Tensor] = {OutsideRef(name): feeds[name].detach().clone() for name in graph.outside}
    constant = partial(decode_constant, device=torch.device("cpu"))
    nodes = []
    with torch.no_grad(), torch.random.fork_rng():
        for node in graph.nodes:
            node = _smaller(node, graph, values, sizes, made)
            results = run_node(node, values.__getitem__, constant=constant)
            if len(results) != len(node.outs):
                raise ReplayError(f"node {node.id} ({node.name}) gives {len(results)} results, not {len(node.outs)}")
            found: dict[Ref, Tensor] = {
                NodeRef(node.id, out): t for out, t in enumerate(results) if isinstance(t, Tensor)
            }
            values.update(found)
            metas = (found.get(NodeRef(node.id, out)) for out in range(len(node.outs)))
            nodes.append(replace(node, outs=tuple(None if t is None else meta_of(t) for t in metas)))
    return replace(graph, nodes=tuple(nodes), _users={})


def literal_sizes(graph: Graph, size: int) -> str:
    """Says which arithmetic takes the size as a plain number, which is left as it was: a mean, perhaps."""
    named = [
        node for node in graph.nodes if short(node.op) in ("div", "mul", "div_", "mul_") and size in _numbers(node)
    ]
    if not named:
        return ""
    return f"; the number {size} that {named[0].name} takes at {named[0].source} was left as it is"


def _smaller(node: Node, graph: Graph, values: Mapping[Ref, Tensor], rows: tuple[int, int], made: Made) -> Node:
    name = short(node.op)
    place = next((i for i, value in enumerate(node.args) if _is_sizes(value)), None)
    if name == "arange":
        numbers = (rows[1] if type(value) is int and value == rows[0] else value for value in node.args)
        return node if made is Made.NONE else replace(node, args=tuple(numbers))
    if place is None:
        return node
    sizes = node.args[place]
    assert isinstance(sizes, tuple)
    new: tuple[Argument, ...] = sizes
    if name in _RESHAPES:
        new = _reshaped(sizes, *_shapes(node, graph, values), rows)  # type: ignore[arg-type]
    elif name in ("expand", "broadcast_to"):
        new = _expanded(sizes, *_shapes(node, graph, values), rows)  # type: ignore[arg-type]
    elif name in _MAKES and made is not Made.NONE:
        new = _made(sizes, rows, merged=made is Made.MERGED)  # type: ignore[arg-type]
    return replace(node, args=(*node.args[:place], new, *node.args[place + 1 :]))


def _reshaped(sizes: Sizes, old: Sizes, new: Sizes, rows: tuple[int, int]) -> Sizes:
    """The axis that the rows go to is one that holds a part of the axis they come from, in the order of memory."""
    axis = next((i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b), None)
    if axis is None:
        return sizes
    inner, (size, left) = math.prod(old[axis + 1 :]), rows
    for place, number in enumerate(sizes):
        begin = math.prod(sizes[place + 1 :])
        if number > 0 and number % size == 0 and begin < inner * old[axis] and begin * number > inner:
            return _with(sizes, place, number // size * left)
    return sizes


def _expanded(sizes: Sizes, old: Sizes, new: Sizes, rows: tuple[int, int]) -> Sizes:
    """The axis that has become shorter, else the first of the batch's size that is expanded."""
    lead = len(sizes) - len(old)
    for place, (a, b) in enumerate(zip(old, new, strict=True)):
        if a != b and sizes[lead + place] == a:
            return _with(sizes, lead + place, b)
    widened = [place for place in range(len(sizes)) if place < lead or old[place - lead] == 1]
    expanded = [place for place in widened if sizes[place] == rows[0]]
    return _with(sizes, expanded[0], rows[1]) if expanded and old == new else sizes


def _made(sizes: Sizes, rows: tuple[int, int], *, merged: bool) -> Sizes:
    size, left = rows
    places = [place for place, number in enumerate(sizes) if number == size]
    places += [place for place, number in enumerate(sizes) if merged and number > 0 and number % size == 0]
    return _with(sizes, places[0], sizes[places[0]] // size * left) if places else sizes


def _with(sizes: Sizes, place: int, number: int) -> Sizes:
    return (*sizes[:place], number, *sizes[place + 1 :])


def _shapes(node: Node, graph: Graph, values: Mapping[Ref, Tensor]) -> tuple[Sizes, Sizes]:
    """Of what it takes first: as traced and as it is now."""
    ref = next(node.inputs())
    return graph.meta(ref).shape, tuple(values[ref].shape)


def _is_sizes(value: Argument) -> bool:
    return isinstance(value, tuple) and bool(value) and all(type(number) is int for number in value)


def _numbers(node: Node) -> list[float]:
    return [value for value in node.args if isinstance(value, int | float) and not isinstance(value, bool)]
