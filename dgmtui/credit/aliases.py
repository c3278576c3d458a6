"""In-place changes through views: whose relevance it is.

``x[:, 0].mul_(2)`` changes ``x`` though ``x``'s own name stays what it was. What readers of that name after the change
send back belongs, in the changed part, to the operation that changed it.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dgmtui.trace.graph import Graph, Node, NodeRef, Ref
from dgmtui.trace.operations import is_alias, run_node


class Aliases:
    """Which names of ``graph`` share memory, and what changes it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._parent: dict[Ref, Ref] = {}
        self._changes: dict[Ref, list[Node]] = {}
        self._names: dict[Ref, list[Ref]] = {}
        for node in graph.nodes:
            self._note(node)
        for root, changes in self._changes.items():
            self._changes[root] = [change for change in changes if self._outlived(root, change)]
        self._outlived_changes = {change.id for changes in self._changes.values() for change in changes}

    def split(self, change: Node, waiting: dict[Ref, Tensor], value: Callable[[Ref], Tensor]) -> None:
        """Before relevance passes the node ``change``: what later readers sent to other names of the memory it changed.

        In the part that it changed this relevance is its result's; elsewhere it stays.
        """
        if change.id not in self._outlived_changes:
            return
        root = self._root(NodeRef(change.id))
        stale = [
            ref for ref in waiting if ref != NodeRef(change.id) and self._root(ref) == root and _made(ref) < change.id
        ]
        if not stale:
            return
        whole = torch.zeros_like(value(root))
        for ref in stale:
            self._view(ref, whole).add_(waiting.pop(ref).to(whole.dtype))
        part = self._view(change.mutates[0], whole)
        result = NodeRef(change.id)
        taken = part.clone()
        part.zero_()
        waiting[result] = taken if result not in waiting else waiting[result] + taken
        waiting[root] = whole

    def older_names(self, change: Node) -> list[Ref]:
        """What else names the memory that ``change`` overwrote, where something reads it so afterwards."""
        if change.id not in self._outlived_changes:
            return []
        root = self._root(NodeRef(change.id))
        return [ref for ref in self._names.get(root, ()) if _made(ref) < change.id]

    def move(
        self, change: Node, tangent: Tensor | None, tangents: dict[Ref, Tensor], value: Callable[[Ref], Tensor]
    ) -> None:
        """After ``change``, whose result moves by ``tangent``: the tangents of the memory's other names."""
        names = self.older_names(change)
        if tangent is None and not any(ref in tangents for ref in names):
            return
        if not names:
            return
        root = self._root(NodeRef(change.id))
        whole = torch.zeros_like(value(root))
        for ref in (name for name in names if name in tangents):
            self._view(ref, whole).copy_(tangents[ref])
        part = self._view(change.mutates[0], whole)
        part.zero_() if tangent is None else part.copy_(tangent)
        tangents.update({ref: self._view(ref, whole) for ref in names})

    def _note(self, node: Node) -> None:
        if node.mutates:
            if len(node.mutates) == 1 and node.outs and node.outs[0] is not None:
                self._parent[NodeRef(node.id)] = node.mutates[0]
                self._changes.setdefault(self._root(node.mutates[0]), []).append(node)
                self._name(NodeRef(node.id))
            return
        base = next(node.inputs(), None)
        if base is not None and is_alias(node.op):
            for out in range(len(node.outs)):
                self._parent[NodeRef(node.id, out)] = base
                self._name(NodeRef(node.id, out))

    def _outlived(self, root: Ref, change: Node) -> bool:
        """Whether an older name of what ``change`` overwrote is read after it."""
        older = (ref for ref in self._names[root] if _made(ref) < change.id)
        return any(user > change.id for ref in older for user in self._graph.users(ref))

    def _name(self, ref: Ref) -> None:
        root = self._root(ref)
        self._names.setdefault(root, [root]).append(ref)

    def _root(self, ref: Ref) -> Ref:
        while ref in self._parent:
            ref = self._parent[ref]
        return ref

    def _view(self, ref: Ref, memory: Tensor) -> Tensor:
        """The part of the root's ``memory`` that ``ref`` names."""
        if ref not in self._parent:
            return memory
        assert isinstance(ref, NodeRef)
        node = self._graph.nodes[ref.node]
        parent = self._view(self._parent[ref], memory)
        if node.mutates:
            return parent
        viewed: Tensor = run_node(node, lambda _: parent, self._graph)[ref.out]
        return viewed


def _made(ref: Ref) -> int:
    return ref.node if isinstance(ref, NodeRef) else -1
