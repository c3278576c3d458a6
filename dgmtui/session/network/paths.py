"""The way that led to the first non-finite value."""

import math
from dataclasses import replace

from dgmtui.session.network.model import Edge, Network


def marked(network: Network) -> Network:
    """With the way to the birth marked, back from it along the largest values; as it is where none was born."""
    at = next((place for place, vertex in enumerate(network.vertices) if vertex.born), None)
    if at is None:
        return network
    givers: dict[int, list[Edge]] = {}
    for edge in network.edges:
        givers.setdefault(edge.head, []).append(edge)
    passed, taken = {at}, set()
    while at in givers:
        edge = max(givers[at], key=_largest)
        taken.add((edge.tail, edge.head))
        at = edge.tail
        passed.add(at)
    vertices = tuple(replace(v, on_path=True) if place in passed else v for place, v in enumerate(network.vertices))
    edges = tuple(replace(e, on_path=True) if (e.tail, e.head) in taken else e for e in network.edges)
    return replace(network, vertices=vertices, edges=edges)


def _largest(edge: Edge) -> float:
    """The largest absolute value that goes along it; what was not replayed counts least."""
    flow = edge.flow
    if flow.low is None or flow.high is None:
        return math.inf if flow.nonfinite else -1.0
    return math.inf if flow.nonfinite else max(abs(flow.low), abs(flow.high))
