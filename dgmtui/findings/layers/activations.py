"""Where activation functions are applied: read off a trace, with what feeds each and what it feeds."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from dgmtui.findings.layers.lineage import made_by
from dgmtui.trace.graph import Graph, Node, NodeRef, Ref

FUNCTIONS = {
    "aten.relu": "ReLU",
    "aten.hardtanh": "Hardtanh",
    "aten.threshold": "Threshold",
    "aten.hardswish": "Hardswish",
    "aten.leaky_relu": "LeakyReLU",
    "aten._prelu_kernel": "PReLU",
    "aten.elu": "ELU",
    "aten.gelu": "GELU",
    "aten.silu": "SiLU",
    "aten.mish": "Mish",
    "aten.softplus": "Softplus",
    "aten.sigmoid": "Sigmoid",
    "aten.tanh": "Tanh",
    "aten.hardsigmoid": "Hardsigmoid",
}
"""Operations that let little or nothing through over a half-line or at both ends, and the module that runs each."""
_MODULE_TYPES = frozenset(FUNCTIONS.values()) | {"ReLU6", "SELU", "CELU"}


@dataclass(frozen=True)
class Site:
    """One activation function where it is applied."""

    node: int
    """Id of the operation."""
    module: str
    """Its own path, or that of the module whose ``forward`` calls the function."""
    op: str
    label: str
    """As a table calls it: the module's path, else ``relu at model.py:31``."""
    fed_by: str | None
    """The module whose output it takes; None where an operation of another kind made that."""
    feeds: tuple[str, ...]
    """The next modules that take its output and have parameters or functions of their own."""


def sites(graph: Graph) -> Iterator[Site]:
    """In execution order; a recurrent cell's inner functions are not operations of the trace."""
    for node in graph.nodes:
        name = node.name.rstrip("_")
        if name not in FUNCTIONS or not isinstance(next(node.inputs(), None), NodeRef):
            continue
        call = graph.calls[node.call] if node.call >= 0 else None
        own = call is not None and call.type in _MODULE_TYPES
        module = graph.module_of(node)
        made = made_by(graph, next(node.inputs()))
        yield Site(
            node.id,
            module,
            name,
            module if own else _function(node, name),
            None if made is None else made.module,
            _takers(graph, NodeRef(node.id), module if own else None),
        )


def _function(node: Node, name: str) -> str:
    short = name.removeprefix("aten.")
    return short if node.source is None else f"{short} at {node.source.file.rpartition('/')[2]}:{node.source.line}"


def _takers(graph: Graph, ref: Ref, own: str | None) -> tuple[str, ...]:
    """Innermost modules with parameters whose operations take ``ref``, through operations that have none."""
    found: dict[str, None] = {}
    waiting, seen = deque([ref]), {ref}
    while waiting:
        for user in (graph.nodes[i] for i in graph.users(waiting.popleft())):
            module = graph.module_of(user)
            if module != own and _has_parameters(graph, user):
                found[module] = None
                continue
            for out in range(len(user.outs)):
                if (result := NodeRef(user.id, out)) not in seen:
                    seen.add(result)
                    waiting.append(result)
    return tuple(found)


def _has_parameters(graph: Graph, node: Node) -> bool:
    return any(_from_parameter(graph, ref) for ref in node.inputs())


def _from_parameter(graph: Graph, ref: Ref) -> bool:
    """Whether it is a parameter, as it is or moved about."""
    while isinstance(ref, NodeRef):
        taken = list(graph.nodes[ref.node].inputs())
        if len(taken) != 1:
            return False
        ref = taken[0]
    return graph.outside[ref.name].kind == "parameter"
