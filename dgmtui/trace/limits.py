"""Whether a stored trace can be run without absurd cost: sizes are checked before memory is taken."""

import math
import os
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.graph import Argument, Constant, Graph, Node, Ref, TensorMeta
from dgmtui.trace.operations import decode_constant, is_alias, resolve_op, run_node
from dgmtui.trace.tensors import dtype_named

_SPARE = 1 << 30
_WIDEST = 16
"""Bytes of an element, at most."""
_BEYOND = 1 << 62
"""A size that nothing has."""
_SHAPED_BY_TWO = ("aten.addmm", "aten.baddbmm", "aten.convolution", "aten.native_batch_norm", "aten.native_layer_norm")
"""Of these operations' inputs two make the result's shape, whatever the others are: they must fit it."""
_WITHOUT_DATA = torch.device("meta")


def check_graph(graph: Graph) -> None:
    """Refuse a trace that names unknown or forbidden operations, or whose results would not fit into memory.

    Every operation is first run without data, on the shapes that it would get, so that a size hidden in an argument
    is found too, unless its inputs and arguments are so small that no operation could make much of them.

    Raises:
        ReplayError: one sentence that says which node and why.
    """
    available = available_memory()
    total = sum(_nbytes(outside.meta) for outside in graph.outside.values())
    for node in graph.nodes:
        resolve_op(node.op)
        metas = [meta for meta in node.outs if meta is not None]
        computed = [] if _surely_fits(graph, node, available) else _without_data(graph, node, available)
        sizes = [_nbytes(meta) for meta in (*metas, *computed)]
        largest = max(sizes, default=0)
        total += 0 if is_alias(node.op) or node.mutates else sum(_nbytes(meta) for meta in metas)
        if max(largest, total) > available:
            needed = max(largest, total) / 2**30
            raise ReplayError(
                f"the replay needs {needed:.3g} GiB at node {node.id} ({node.name}), and {available / 2**30:.3g} GiB "
                "are free; replay it on a larger machine"
            )


def available_memory() -> int:
    """Bytes of memory that a replay may take."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 16 << 30
    return max(free, total // 2, _SPARE)


def _nbytes(meta: TensorMeta) -> int:
    return math.prod(meta.shape) * dtype_named(meta.dtype).itemsize


def _surely_fits(graph: Graph, node: Node, available: int) -> bool:
    """Whether all elements of its inputs multiplied with each other and with every number that it is given fit.

    No operation on tensors gives more: products over all pairs of elements are the most that several inputs make, and
    what pads, repeats or enlarges does so by a number. It spares small networks the loading of what PyTorch runs
    operations without data by, which takes longer than replaying them.
    """
    counts = [float(max(1, math.prod(graph.meta(ref).shape))) for ref in node.inputs()]
    if not counts:
        return False
    if node.name in _SHAPED_BY_TWO:
        counts = sorted(counts)[-2:]
    literals = (1 + number for value in (*node.args, *node.kwargs.values()) for number in _numbers(value))
    return math.prod(counts) * math.prod(literals) * _WIDEST <= available


def _numbers(value: Argument) -> Iterator[float]:
    """Magnitudes of all that are given."""
    if isinstance(value, tuple):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(min(abs(value), _BEYOND))  # of an infinite fill too: then it is looked at, which is never wrong


def _without_data(graph: Graph, node: Node, available: int) -> list[TensorMeta]:
    """What the node's results would look like, computed from the recorded shapes of its inputs.

    An operation that can't be run without data gets nothing that says how large its result is but literal sizes;
    these are bounded on their own.
    """

    def lookup(ref: Ref) -> Tensor:
        meta = graph.meta(ref)
        return torch.empty(meta.shape, dtype=dtype_named(meta.dtype), device=_WITHOUT_DATA)

    def constant(value: Constant) -> object:
        return decode_constant(value, _WITHOUT_DATA)

    if any(argument.name == "device" for argument in resolve_op(node.op)._schema.arguments):
        node = replace(node, kwargs={**node.kwargs, "device": Constant("device", "meta")})
    try:
        with torch.no_grad():
            results = run_node(node, lookup, constant=constant)
    except ReplayError:
        _check_literals(node, available)
        return []
    return [
        TensorMeta(str(t.dtype).removeprefix("torch."), tuple(t.shape), (), "meta")
        for t in results
        if isinstance(t, Tensor)
    ]


def _check_literals(node: Node, available: int) -> None:
    for value in (*node.args, *node.kwargs.values()):
        numbers = value if isinstance(value, tuple) else (value,)
        sizes = [abs(n) for n in numbers if isinstance(n, int) and not isinstance(n, bool) and n]
        if sizes and math.prod(sizes) > available:
            size = min(math.prod(sizes), _BEYOND)
            raise ReplayError(f"node {node.id} ({node.name}) names a size of {size:.3g} or more; it is refused")
