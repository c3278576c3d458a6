"""How much memory a piece of work takes, as torch's allocator tells it."""

from collections.abc import Callable
from typing import Any

from torch.profiler import ProfilerActivity, profile

from dgmtui.trace.graph import Graph
from dgmtui.trace.operations import is_alias
from dgmtui.trace.tensors import dtype_named


def peak_bytes(job: Callable[[], object]) -> int:
    """The most that tensors made by ``job`` take at a time, in bytes; what it leaves counts."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        kept = job()
    del kept
    events: Any = profiled.profiler.kineto_results.events()  # type: ignore[union-attr]
    held = most = 0
    for event in sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def activation_bytes(graph: Graph) -> int:
    """What the results of all nodes take together, views of others and in-place changes not counted."""
    total = 0
    for node in graph.nodes:
        if node.mutates or is_alias(node.op):
            continue
        for meta in node.outs:
            if meta is not None:
                size = 1
                for length in meta.shape:
                    size *= length
                total += size * dtype_named(meta.dtype).itemsize
    return total
