"""A graph for a batch of one row less: sizes that were baked into it as numbers are made smaller."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from dgmtui.trace.edits.unary import short
from dgmtui.trace.graph import Argument, Graph, Node, NodeRef, OutsideRef, Ref

_RESHAPES = frozenset({"view", "_unsafe_view", "reshape", "_reshape_alias"})
_MAKES = frozenset(
    {"zeros", "ones", "full", "empty", "rand", "randn", "randint", "new_zeros", "new_ones", "new_full", "new_empty",
     "expand", "repeat", "arange", "broadcast_to"}
)  # fmt: skip


def shrunk(graph: Graph, rows: AbstractSet[str], size: int, *, merged: bool = False) -> Graph:
    """``graph`` with ``size``, and its multiples where rows are merged with other axes, made smaller by one row.

    Only the sizes that operations take are changed, and of those that reshape only such as come from the batch.

    Args:
        rows: names of the outside tensors that bring the batch in.
        merged: tensors made from nothing may have rows merged with other axes too.
    """
    reached: set[Ref] = {OutsideRef(name) for name in rows}
    nodes = []
    for node in graph.nodes:
        new = _smaller(node, size, from_batch=not reached.isdisjoint(node.inputs()), merged=merged)
        if new is not node or not reached.isdisjoint(node.inputs()):
            reached |= {NodeRef(node.id, out) for out in range(len(node.outs))} | set(node.mutates)
        nodes.append(new)
    return replace(graph, nodes=tuple(nodes), _users={})


def literal_sizes(graph: Graph, size: int) -> str:
    """Says which arithmetic takes the size as a plain number, which is left as it was: a mean, perhaps."""
    named = [
        node for node in graph.nodes if short(node.op) in ("div", "mul", "div_", "mul_") and size in _numbers(node)
    ]
    if not named:
        return ""
    return f"; the number {size} that {named[0].name} takes at {named[0].source} was left as it is"


def _smaller(node: Node, size: int, *, from_batch: bool, merged: bool) -> Node:
    name = short(node.op)
    if name not in _MAKES and not (name in _RESHAPES and from_batch):
        return node
    changed = False
    args: list[Argument] = []
    for value in node.args:
        new = value
        if not changed and isinstance(value, tuple):
            new = _sizes(value, size, merged=merged or name in _RESHAPES)
        elif not changed and name == "arange" and type(value) is int and value == size:
            new = size - 1
        changed |= new != value
        args.append(new)
    return replace(node, args=tuple(args)) if changed else node


def _sizes(sizes: tuple[Argument, ...], size: int, *, merged: bool) -> tuple[Argument, ...]:
    """With the first that is the batch's made smaller; if none is, the first that is a multiple of it."""
    numbers = [number if type(number) is int else 0 for number in sizes]
    places = [i for i, number in enumerate(numbers) if number == size]
    if merged:
        places += [i for i, number in enumerate(numbers) if number > 0 and number % size == 0]
    if not places:
        return sizes
    smaller = numbers[places[0]] // size * (size - 1)
    return (*sizes[: places[0]], smaller, *sizes[places[0] + 1 :])


def _numbers(node: Node) -> list[float]:
    return [value for value in node.args if isinstance(value, int | float) and not isinstance(value, bool)]
