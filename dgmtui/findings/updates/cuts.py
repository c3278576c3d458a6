"""Where the way of a gradient from the loss back to a parameter is cut, read off a trace."""

from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

_INTEGER = frozenset({"int64", "int32", "int16", "int8", "uint8", "bool"})
_WITHOUT_GRADIENT = frozenset("detach detach_ argmax argmin one_hot sign round floor ceil heaviside bernoulli".split())
"""Operations whose result has no gradient, or one that is zero everywhere."""


def cuts_of(graph: Graph, parameter: str) -> tuple[Node, ...]:
    """The operations at which everything that is made of a parameter loses its gradient, in order.

    Args:
        parameter: its path.
    """
    start = OutsideRef(f"param:{parameter}")
    if start.name not in graph.outside:
        return ()
    found: dict[int, Node] = {}
    waiting: list[Ref] = [start]
    seen: set[Ref] = set()
    while waiting:
        ref = waiting.pop()
        if ref in seen:
            continue
        seen.add(ref)
        for user in graph.users(ref):
            node = graph.nodes[user]
            if _cuts(node):
                found[node.id] = node
            else:
                waiting += [NodeRef(node.id, i) for i, out in enumerate(node.outs) if out is not None]
    return tuple(found[i] for i in sorted(found))


def is_used(graph: Graph, parameter: str) -> bool:
    """Whether the pass to the loss takes it."""
    return f"param:{parameter}" in graph.outside


def _cuts(node: Node) -> bool:
    first = next((out for out in node.outs if out is not None), None)
    name = node.op.split(".")[1]
    return not node.grad_enabled or name in _WITHOUT_GRADIENT or (first is not None and first.dtype in _INTEGER)


def how(node: Node) -> str:
    """What cuts the gradient there, in words."""
    where = f" (`{node.source.text}`, {node.source})" if node.source else ""
    if not node.grad_enabled:
        return f"{node.name} runs without gradients, as under torch.no_grad(){where}"
    if node.op.split(".")[1].startswith("detach"):
        return f"its output is detached{where}"
    return f"{node.name} of it has no gradient{where}"
