"""A trace of 10,000 nodes: the network, its rows and what feeds the loss, each in a moment."""

import gc
import time
from collections.abc import Callable

import pytest

from dgmtui.render.graph_rows import graph_rows
from dgmtui.session.dataflow import all_the_way, direct
from dgmtui.session.network.making import Seen, network_of
from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Outside, OutsideRef, Source, TensorMeta

BLOCKS, NODES = 500, 20
META = TensorMeta("float32", (4, 8), (8, 1), "cpu")
SECONDS = 20.0
"""Of the processor: generous for a slow one, and less than going through all nodes for each node takes."""


def long_trace() -> Graph:
    """Blocks one after another, each with its skip; every third with another width in it, so that they don't fold."""
    nodes: list[Node] = []
    calls = [Call(0, "", "Net", 0, -1, begin=0, end=BLOCKS * NODES)]
    given: NodeRef | OutsideRef = OutsideRef("input:x")
    for block in range(BLOCKS):
        begin, first = block * NODES, given
        calls.append(Call(block + 1, f"blocks.{block}", "Block", 0, 0, begin=begin, end=begin + NODES))
        for step in range(NODES):
            wide = TensorMeta("float32", (4, 8 + (block % 3 == 0)), (8, 1), "cpu")
            args = (given, first) if step == NODES - 1 else (given,)
            op = "aten.add.Tensor" if step == NODES - 1 else "aten.tanh.default"
            line = Source("net.py", 10 + step, "forward", "x = x")
            nodes.append(Node(begin + step, op, args, {}, (wide if step == 3 else META,), block + 1, line))
            given = NodeRef(begin + step)
    x = Outside("input:x", "input", META)
    return Graph(tuple(nodes), {x.name: x}, tuple(calls), NodeRef(len(nodes) - 1))


@pytest.mark.parametrize(
    "look",
    [
        lambda graph: graph_rows(network_of(graph, Seen()), 80),
        lambda graph: graph_rows(network_of(graph, Seen(), depth=9, fold=False), 80),
        lambda graph: all_the_way(graph, len(graph.nodes) - 1, "inputs"),
        lambda graph: all_the_way(graph, 0, "outputs"),
        lambda graph: direct(graph, 5000, "inputs"),
    ],
    ids=["graph", "graph --all", "inputs -r", "outputs -r", "inputs"],
)
def test_a_long_trace_is_looked_at_in_a_moment(look: Callable[[Graph], object]) -> None:
    graph = long_trace()
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        look(graph)
        assert time.process_time() - begun < SECONDS
    finally:
        gc.enable()
