"""From all that was seen while tracing to the graph that leads to the loss."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from dgmtui.trace.graph import Call, Graph, Node, NodeRef, Outside, OutsideRef, Ref, Source, map_refs
from dgmtui.trace.tensors import meta_of


@dataclass(frozen=True)
class Unnamed:
    """An outside tensor that nobody could name."""

    name: str
    """Its placeholder in the graph and in ``Traced.outside``."""
    tensor: Tensor
    uses: tuple[str, ...]
    """The operations that took it, in words: ``aten.mul at train.py:31``."""


@dataclass(frozen=True)
class Traced:
    """A finished trace and the tensors that it refers to."""

    graph: Graph
    outside: Mapping[str, Tensor]
    """The very tensors, by name. What the iteration changed in place is changed in them."""
    unnamed: tuple[Unnamed, ...] = ()
    literals: Mapping[str, Tensor] = field(default_factory=dict)
    """Those of ``outside`` that the code spells out (``torch.tensor([1., 2.])``): the same whenever the trace fits."""
    draws: Mapping[tuple[int, int], Tensor] = field(default_factory=dict)
    """What this iteration's random operations drew, by node and result."""
    refused: str = ""
    """Why the graph can't be replayed, in one sentence; empty if it can."""
    resumed: tuple[int, ...] = ()
    """Ids of the first nodes after each pause (``Tracer.resume``), in order."""


class Seen:
    """Everything seen so far: nodes, calls, outside tensors and what each tensor is called."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.calls: list[Call] = []
        self.refs: dict[int, Ref] = {}
        self.outside: list[Tensor] = []
        self.literals: dict[str, tuple[Tensor, Source | None]] = {}
        self.draws: dict[tuple[int, int], Tensor] = {}
        self.resumed: list[int] = []
        """How many nodes there were at the end of each pause."""
        self._metas: dict[str, Outside] = {}
        self._alive: list[Tensor] = []
        self._by_storage: dict[int, list[Tensor]] = {}
        self._storage_of: dict[Ref, int] = {}

    def sharing(self, t: Tensor) -> list[Tensor]:
        """The tensors seen before that share ``t``'s memory, oldest first."""
        return self._by_storage.get(_storage(t), [])

    def add_outside(self, t: Tensor) -> OutsideRef:
        """Meet a tensor that was not made here."""
        ref = OutsideRef(f"#{len(self.outside)}")
        self.outside.append(t)
        self._metas[ref.name] = Outside(ref.name, "input", replace(meta_of(t), requires_grad=t.requires_grad))
        self._know(t, ref)
        return ref

    def add_literal(self, t: Tensor, value: Tensor, source: Source | None) -> None:
        """Meet a tensor that the code spells out; ``value`` is a copy of it."""
        self.literals[self.add_outside(t).name] = (value, source)

    def add_node(self, node: Node, results: tuple[object, ...]) -> None:
        """An operation ran."""
        self.nodes.append(node)
        for out, t in enumerate(results):
            if isinstance(t, Tensor):
                self._know(t, NodeRef(node.id, out))
                if node.random:
                    self.draws[node.id, out] = t.detach().clone()

    def leave(self, call: int, outputs: tuple[Ref, ...]) -> None:
        """A module call gave its outputs."""
        self.calls[call] = replace(self.calls[call], outputs=outputs, end=len(self.nodes))

    def meta(self, ref: OutsideRef) -> Outside:
        """How an outside tensor looked when it was met."""
        return self._metas[ref.name]

    def storage(self, ref: Ref) -> int:
        """Which memory ``ref``'s tensor lies in; 0 if unknown."""
        return self._storage_of.get(ref, 0)

    def _know(self, t: Tensor, ref: Ref) -> None:
        self._alive.append(t)
        self.refs[t._cdata] = ref
        storage = _storage(t)
        if storage:
            self._by_storage.setdefault(storage, []).append(t)
            self._storage_of[ref] = storage


def _storage(t: Tensor) -> int:
    try:
        return int(t.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):  # sparse tensors and wrappers have none
        return 0


def assemble(
    seen: Seen, loss: NodeRef, name: Callable[[Tensor], Outside | None], signature: str, refused: str
) -> Traced:
    """Prune what can't reach ``loss``, name what came from outside, and number what is left."""
    kept = _kept(seen, loss)
    before = _counts_before(kept, len(seen.nodes))
    number = {old: new for new, old in enumerate(kept)}
    used = dict.fromkeys(ref.name for old in kept for ref in seen.nodes[old].inputs() if isinstance(ref, OutsideRef))
    names = _Names(seen, kept)
    outside = {placeholder: names.resolve(placeholder, name) for placeholder in used}

    def renamed(ref: Ref) -> Ref:
        if isinstance(ref, OutsideRef):
            return OutsideRef(outside[ref.name].name)
        return NodeRef(number[ref.node], ref.out)

    calls = _calls(seen, before, number, outside, renamed)
    graph = Graph(
        nodes=tuple(_renumbered(seen.nodes[old], number[old], renamed) for old in kept),
        outside={found.name: found for found in outside.values()},
        calls=calls,
        loss=renamed(loss),
        signature=signature,
        torch_version=torch.__version__,
    )
    draws = {(number[node], out): t for (node, out), t in seen.draws.items() if node in number}
    resumed = tuple(before[at] for at in seen.resumed)
    last = max(seen.resumed, default=-1)
    graph = _without_calls(graph, {c.id for c in calls if seen.calls[c.id].end <= last and _is_empty(c)})
    return Traced(graph, names.tensors, tuple(names.unnamed), names.literals, draws, refused, resumed)


def _is_empty(call: Call) -> bool:
    return call.begin == call.end and not call.outputs


def _without_calls(graph: Graph, dropped: set[int]) -> Graph:
    """The graph without some calls that no node belongs to."""
    if not dropped:
        return graph
    kept = [call for call in graph.calls if call.id not in dropped]
    number = {-1: -1} | {call.id: new for new, call in enumerate(kept)}
    for call in graph.calls:  # parents come before their children
        number.setdefault(call.id, number[call.parent])
    calls = [replace(call, id=number[call.id], parent=number[call.parent]) for call in kept]
    return replace(graph, calls=tuple(calls), nodes=tuple(replace(n, call=number[n.call]) for n in graph.nodes))


def _kept(seen: Seen, loss: NodeRef) -> list[int]:
    """Ids of the nodes to keep: those the loss needs, draws, and changes to outside tensors or to what is needed.

    Before a pause only what the loss needs and the draws before it: outside tensors come as they were after the pause.
    """
    needed: set[int] = {loss.node}
    memory = {seen.storage(loss)}
    outside = {seen.storage(OutsideRef(f"#{i}")) for i in range(len(seen.outside))} - {0}
    kept = []
    pauses = set(seen.resumed)
    in_last, follows_needed = True, False
    for node in reversed(seen.nodes):
        if node.id + 1 in pauses:
            in_last, follows_needed = False, False
        changed = {seen.storage(ref) for ref in node.mutates}
        held = changed & (memory | outside if in_last else memory - outside)
        follows_needed = follows_needed or node.id in needed
        if not (node.id in needed or held or (node.random and (in_last or follows_needed))):
            continue
        kept.append(node.id)
        for ref in (*node.inputs(), *node.mutates):
            memory.add(seen.storage(ref))
            if isinstance(ref, NodeRef):
                needed.add(ref.node)
    return kept[::-1]


def _renumbered(node: Node, number: int, renamed: Callable[[Ref], Ref]) -> Node:
    return replace(
        node,
        id=number,
        args=_tuples(map_refs(node.args, renamed)),
        kwargs={key: _tuples(map_refs(value, renamed)) for key, value in node.kwargs.items()},
        mutates=tuple(renamed(ref) for ref in node.mutates),
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


def _calls(
    seen: Seen,
    before: list[int],
    number: Mapping[int, int],
    outside: Mapping[str, Outside],
    renamed: Callable[[Ref], Ref],
) -> tuple[Call, ...]:
    def known(ref: Ref) -> bool:
        return ref.name in outside if isinstance(ref, OutsideRef) else ref.node in number

    def shortened(call: Call) -> Call:
        outputs = tuple(renamed(ref) for ref in call.outputs if known(ref))
        return replace(
            call,
            inputs=tuple(renamed(ref) for ref in call.inputs if known(ref)),
            outputs=outputs if call.outputs and known(call.outputs[0]) else (),
            begin=before[call.begin],
            end=max(before[call.end], before[call.begin]),
        )

    return tuple(shortened(call) for call in seen.calls)


def _counts_before(kept: list[int], total: int) -> list[int]:
    """How many kept nodes have an id below each id."""
    is_kept = set(kept)
    counts = [0]
    for i in range(total):
        counts.append(counts[-1] + (i in is_kept))
    return counts


class _Names:
    """Gives outside tensors their names, no name twice."""

    def __init__(self, seen: Seen, kept: list[int]) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.literals: dict[str, Tensor] = {}
        self.unnamed: list[Unnamed] = []
        self._seen = seen
        self._kept = kept

    def resolve(self, placeholder: str, name: Callable[[Tensor], Outside | None]) -> Outside:
        tensor = self._seen.outside[int(placeholder[1:])]
        meta = self._seen.meta(OutsideRef(placeholder)).meta
        if placeholder in self._seen.literals:
            return self._literal(placeholder)
        found = name(tensor)
        if found is None or found.name in self.tensors:
            found = Outside(f"input:unnamed{len(self.unnamed)}", "input", meta, "made before the trace began")
            self.unnamed.append(Unnamed(found.name, tensor, self._uses(placeholder)))
        self.tensors[found.name] = tensor
        return replace(found, meta=meta)

    def _literal(self, placeholder: str) -> Outside:
        value, source = self._seen.literals[placeholder]
        name = f"input:literal{len(self.literals)}"
        self.literals[name] = self.tensors[name] = value
        meta = self._seen.meta(OutsideRef(placeholder)).meta
        return Outside(name, "input", meta, f"spelt out at {source}" if source else "spelt out in the code")

    def _uses(self, placeholder: str) -> tuple[str, ...]:
        nodes = (self._seen.nodes[i] for i in self._kept)
        users = [node for node in nodes if OutsideRef(placeholder) in node.inputs()]
        return tuple(node.name + (f" at {node.source}" if node.source else "") for node in users)
