"""``replace``: another operation in the place of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from dgmtui.errors import ReplayError, UsageError
from dgmtui.trace.edits.inserting import Insertion
from dgmtui.trace.edits.iteration import Iteration
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import resolve_op
from dgmtui.trace.unary import ADD, MULTIPLY, UNARY, Unary, operation, short


@dataclass(frozen=True, eq=False)
class ReplaceOperation:
    """Every operation of one name in one place, replaced by another one and a linear function behind it."""

    text: str
    old: str
    """``exp``: in place or not; ``exp_``: in place only."""
    at: str | None
    """A module's path (``.``: the root's own code), ``node:ID``, or None for everywhere."""
    new: Unary
    factor: float = 1.0
    offset: float = 0.0

    def apply(self, iteration: Iteration) -> Iteration:
        """The iteration with other operations, from the last replaced to the first, so that ids hold meanwhile.

        Raises:
            UsageError: there is no such operation or place, or it is not of one floating tensor, element by element.
        """
        found = self.found(iteration.graph)
        for node in reversed(found):
            iteration = self._in_place(iteration, node) if node.mutates else self._functional(iteration, node)
        places = ", ".join(f"{node.id} ({node.name}, {node.source})" for node in found)
        return replace(iteration, said=f"replaced node{'s' * (len(found) > 1)} {places}")

    def _functional(self, iteration: Iteration, node: Node) -> Iteration:
        graph = iteration.graph
        new = replace(node, op=self.new.op, args=(_operand(graph, node), *self.new.args), kwargs={})
        nodes = (*graph.nodes[: node.id], new, *graph.nodes[node.id + 1 :])
        iteration = replace(iteration, graph=replace(graph, nodes=nodes, _users={}))
        behind = self._behind(NodeRef(node.id), node, graph, node.id + 1)
        if not behind:
            return iteration
        instead: dict[Ref, Ref] = {NodeRef(node.id): NodeRef(node.id + len(behind))}
        return iteration.inserted(Insertion(node.id + 1, tuple(behind), instead))

    def _in_place(self, iteration: Iteration, node: Node) -> Iteration:
        """Computed beside the tensor and copied into it: a derivative may need what it held before."""
        graph, at = iteration.graph, node.id
        target = node.mutates[0]
        before = [operation("aten.clone.default", (target,), node, graph, at)]
        before.append(self.new.node(NodeRef(at), node, _with(graph, before), at + 1))
        before += self._behind(NodeRef(at + 1), node, _with(graph, before), at + 2)
        iteration = iteration.inserted(Insertion(at, tuple(before)))
        nodes, there = iteration.graph.nodes, at + len(before)
        new = replace(nodes[there], op="aten.copy_.default", args=(target, NodeRef(there - 1)), kwargs={})
        nodes = (*nodes[:there], new, *nodes[there + 1 :])
        return replace(iteration, graph=replace(iteration.graph, nodes=nodes, _users={}))

    def _behind(self, ref: NodeRef, like: Node, graph: Graph, at: int) -> list[Node]:
        """The linear function, of which what changes nothing is left out."""
        steps = [(MULTIPLY, self.factor)] * (self.factor != 1) + [(ADD, self.offset)] * (self.offset != 0)
        looks = like.mutates[0] if like.mutates else ref
        return [
            operation(op, (ref if place == 0 else NodeRef(at + place - 1), number), like, graph, at + place, looks)
            for place, (op, number) in enumerate(steps)
        ]

    def found(self, graph: Graph) -> list[Node]:
        """The operations of ``graph`` that it replaces.

        Raises:
            UsageError: there is none, or it is not of one floating tensor, element by element.
        """
        there = _nodes_at(graph, self.at, self._is_meant)
        named = [node for node in there if self._is_meant(node)]
        fitting = [node for node in named if _is_unary(graph, node)]
        if fitting:
            return fitting
        where = "" if self.at is None else f" at {self.at}"
        if named:
            raise UsageError(
                f"{named[0].name} at node {named[0].id} is no element-wise operation of one floating tensor; only such "
                "can be replaced"
            )
        others = dict.fromkeys(short(node.op) for node in there if _is_unary(graph, node))
        raise UsageError(f"no {self.old} runs{where}; what can be replaced there: {', '.join(others) or 'nothing'}")

    def _is_meant(self, node: Node) -> bool:
        name, wanted = short(node.op), short(self.old)
        return node.op.startswith("aten.") and wanted in (name, name.removesuffix("_"))


def _nodes_at(graph: Graph, at: str | None, is_meant: Callable[[Node], bool]) -> Sequence[Node]:
    """The nodes of a place. Of a module: its own and those within it, else those that take what it gives out."""
    if at is None:
        return graph.nodes
    if at.startswith("node:"):
        number = at.removeprefix("node:")
        if not number.isdecimal() or int(number) >= len(graph.nodes):
            raise UsageError(f"no node {number!r}; there are 0 to {len(graph.nodes) - 1}, `nodes` lists them")
        return graph.nodes[int(number) : int(number) + 1]
    path = "" if at == "." else at
    if all(call.module != path for call in graph.calls):
        known = ", ".join(dict.fromkeys(call.module for call in graph.calls if call.module))
        raise UsageError(f"no module {at!r} was called in this iteration; there are: {known or 'none'}")
    inside = [node for node in graph.nodes if _is_within(graph.module_of(node), path)]
    given = {ref for call in graph.calls if call.module == path for ref in call.outputs}
    takers = [node for node in graph.nodes if path and not given.isdisjoint(node.inputs())]
    return inside if any(map(is_meant, inside)) else [*inside, *(node for node in takers if node not in inside)]


def _is_within(module: str, path: str) -> bool:
    return module == path or bool(path) and module.startswith(path + ".")


def _is_unary(graph: Graph, node: Node) -> bool:
    refs = list(node.inputs())
    if len(refs) != 1 or node.random or len(node.outs) != 1 or node.outs[0] is None:
        return False
    if node.mutates and node.mutates != (refs[0],):
        return False
    taken, given = graph.meta(refs[0]), node.outs[0]
    if "float" not in taken.dtype or (taken.dtype, taken.shape) != (given.dtype, given.shape):
        return False
    if short(node.op).removesuffix("_") in UNARY:
        return True
    try:
        return torch.Tag.pointwise in resolve_op(node.op).tags
    except ReplayError:
        return False


def _operand(graph: Graph, node: Node) -> Ref:
    ref = next(node.inputs())
    assert isinstance(ref, NodeRef | OutsideRef)
    return ref


def _with(graph: Graph, more: Sequence[Node]) -> Graph:
    """``graph`` up to the first of ``more``, and these, so that what they look like is known."""
    return replace(graph, nodes=(*graph.nodes[: more[0].id], *more), _users={})
