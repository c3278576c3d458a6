"""What the vertices of a network are called."""

from dgmtui.session.network.flows import QUIET
from dgmtui.session.network.model import Flow, Vertex
from dgmtui.session.network.parts import Part, names_of
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref

SHOWN = 5
"""Operations of one vertex that its label names."""


def module_vertex(graph: Graph, part: Part) -> Vertex:
    """A call of a module, or several that are folded."""
    paths = tuple(dict.fromkeys(call.module for call in part.calls))
    if part.repeats == 1:
        label = paths[0] or "(root)"
    elif len(paths) * part.repeats == len(part.calls) or len(paths) == 1:
        label = ", ".join(paths)
    else:
        each = len(part.calls) // part.repeats
        first, last = (", ".join(call.module for call in calls) for calls in (part.calls[:each], part.calls[-each:]))
        label = f"{first} … {last}"
    types = tuple(dict.fromkeys(call.type for call in part.calls))
    return Vertex(
        "module",
        label,
        ", ".join(types),
        paths,
        part.calls[0].index,
        part.repeats,
        (min(part.nodes), max(part.nodes)),
        len(part.nodes),
        random=part.random or any(graph.nodes[place].random for place in part.nodes),
    )


def function_vertex(graph: Graph, part: Part) -> Vertex:
    """Operations between modules, those that only move data left out where there are others."""
    names = names_of(graph, part)
    telling = [name.strip("_") for name in names if name not in QUIET] or list(names)
    label = " ".join(telling[:SHOWN]) + (f" … {len(part.nodes)} operations" if len(telling) > SHOWN else "")
    held = dict.fromkeys(
        ref.name.removeprefix("param:")
        for place in part.nodes
        for ref in graph.nodes[place].inputs()
        if isinstance(ref, OutsideRef) and graph.outside[ref.name].kind == "parameter"
    )
    source = next((graph.nodes[place].source for place in part.nodes if graph.nodes[place].source), None)
    return Vertex(
        "function",
        label + (f" ({', '.join(list(held)[:2])})" if held else ""),
        nodes=(min(part.nodes), max(part.nodes)),
        node_count=len(part.nodes),
        source=str(source) if source else "",
        random=part.random,
    )


def input_vertex(graph: Graph, ref: OutsideRef) -> Vertex:
    """A tensor from outside the iteration."""
    outside = graph.outside[ref.name]
    meta = outside.meta
    name = ref.name.removeprefix("input:")
    return Vertex("input", name, out=Flow(meta.shape, meta.dtype), source=outside.origin)


def taken_vertex(graph: Graph, ref: Ref) -> Vertex:
    """A tensor from outside the module that is looked into."""
    assert isinstance(ref, NodeRef), "outside tensors are inputs"
    node = graph.nodes[ref.node]
    return Vertex("input", f"{graph.module_of(node) or '(root)'}: {node.name}", nodes=(node.id, node.id))
