"""The operations of the iteration at the cursor, with what a replay saw at each."""

from typing import TYPE_CHECKING

from dgmtui.errors import RecordingError, UsageError
from dgmtui.session.network.flows import VIEWS, short
from dgmtui.session.view import OperationRow
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref

if TYPE_CHECKING:
    import torch

    from dgmtui.recording.reader import Recording
    from dgmtui.session.replayed import Replayed
    from dgmtui.session.session import Session
    from dgmtui.trace.birth import Birth

Range = tuple[float | None, float | None, int]
"""Least and greatest finite value, and how many are not finite."""

NOT_SEEN: Range = (None, None, 0)


class Operations:
    """Traces as read, and ranges as replayed."""

    def __init__(self, recording: "Recording") -> None:
        self._recording = recording
        self._graphs: dict[int, Graph] = {}
        self._ranges: tuple[Replayed, dict[int, Range]] | None = None
        self._rows: tuple[tuple[object, ...], tuple[OperationRow, ...]] | None = None
        """Those shown last, by what they depend on: a step of the cursor seldom changes them."""
        self._selected: tuple[int, int] | None = None
        """Of which trace which node was selected."""

    def graph(self, trace: int) -> Graph:
        """A trace of the recording, parsed once."""
        if trace not in self._graphs:
            self._graphs[trace] = Graph.from_json(self._recording.trace(trace))
        return self._graphs[trace]

    def rows(self, session: "Session", *, with_users: bool = False) -> tuple[OperationRow, ...]:
        """The nodes that the selected module ran, its submodules included, in execution order.

        Args:
            with_users: also those that take its results, which is where a value of its goes wrong.
        """
        snapshot = session.snapshot
        if snapshot is None or snapshot.trace < 0:
            return ()
        made = session.results.replayed(snapshot)
        births = session.results.births_if_made(snapshot)
        graph = session.results.edited_graph(snapshot) or self.graph(snapshot.trace)
        key = (snapshot.trace, session.module, with_users, made, births, session.results.edits.of(snapshot))
        if self._rows is None or self._rows[0] != key:
            self._rows = (key, self._make(graph, session.module, with_users, made, births))
        return self._rows[1]

    def select(self, session: "Session", node: int) -> None:
        """Look at one node, and at the module that ran it unless it is among what is shown.

        Raises:
            UsageError: there is no such node.
        """
        graph, snapshot = session.graph, session.snapshot
        count = 0 if graph is None else len(graph.nodes)
        if graph is None or snapshot is None or not 0 <= node < count:
            has = f"they are 0 to {count - 1}" if count else "the iteration here was not traced"
            raise UsageError(f"there is no node {node}; {has}")
        if all(row.node != node for row in self.rows(session, with_users=True)):
            module = graph.module_of(graph.nodes[node])
            known = any(module == each.path for each in session.recording.modules)
            session.select_module(module if known else "")
        self._selected = (snapshot.trace, node)

    def row(self, session: "Session", node: int) -> OperationRow:
        """One operation of the iteration here, which has it."""
        graph, snapshot = session.graph, session.snapshot
        assert graph is not None and snapshot is not None, "there is a node of it"
        made = session.results.replayed(snapshot)
        seen = None if made is None else self.ranges_of(made).get(node)
        return _row(graph, graph.nodes[node], seen, self.born(session, node))

    def looked_at(self, session: "Session") -> int | None:
        """The node that was selected, else the one where the first non-finite value was born; None where neither is,
        or the trace can't be read."""
        snapshot = session.snapshot
        try:
            graph = session.graph
        except RecordingError:
            return None
        if snapshot is None or graph is None:
            return None
        if self._selected is not None and self._selected[0] == snapshot.trace and self._selected[1] < len(graph.nodes):
            return self._selected[1]
        return birthplace(graph, session.results.births_if_made(snapshot))

    def born(self, session: "Session", node: int) -> bool:
        """Whether a non-finite value was born there, as far as was replayed."""
        snapshot = session.snapshot
        return snapshot is not None and any(b.node == node for b in session.results.births_if_made(snapshot))

    def range_here(self, session: "Session", ref: Ref) -> Range | None:
        """Of a tensor of the iteration here; None where it was not replayed."""
        made = None if session.snapshot is None else session.results.replayed(session.snapshot)
        return None if made is None else self.range_of_ref(made, ref)

    def shown(self, session: "Session") -> tuple[OperationRow, ...]:
        """``rows`` of the selected module and what takes its results; none where the trace can't be read: what needs
        it says why, and the rest of the recording is still looked at."""
        try:
            return self.rows(session, with_users=True)
        except RecordingError:
            return ()

    def _make(
        self, graph: Graph, module: str, with_users: bool, made: "Replayed | None", births: "tuple[Birth, ...]"
    ) -> tuple[OperationRow, ...]:
        ranges = self.ranges_of(made) if made is not None else {}
        born = {birth.node for birth in births if birth.node is not None}
        shown = {node.id for node in graph.nodes if within(graph.module_of(node), module)}
        if with_users:
            shown |= {node.id for node in graph.nodes if _takes_from(node, shown)}
        return tuple(_row(graph, graph.nodes[i], ranges.get(i), i in born) for i in sorted(shown))

    def ranges_of(self, made: "Replayed") -> dict[int, Range]:
        """Of each node, the range of its first tensor."""
        if self._ranges is None or self._ranges[0] is not made:
            nodes = made.replay.graph.nodes
            self._ranges = (made, {node.id: _node_range(made, node) for node in nodes})
        return self._ranges[1]

    def range_of_ref(self, made: "Replayed", ref: Ref) -> Range:
        """Of any tensor of a replay; None's where it has none of that name."""
        if isinstance(ref, NodeRef) and ref.out == _first_tensor(made.replay.graph.nodes[ref.node]):
            return self.ranges_of(made)[ref.node]
        return range_of(made.replay.value(ref))


def birthplace(graph: Graph, births: "tuple[Birth, ...]") -> int | None:
    """The node that the first non-finite value that matters came from: of one that a tensor from outside held, the
    first that computes with it."""
    blamed = next((birth for birth in births if not birth.harmless), births[0] if births else None)
    if blamed is None or blamed.node is not None:
        return None if blamed is None else blamed.node
    held: set[Ref] = {OutsideRef(blamed.outside or "")}
    for node in graph.nodes:
        if not held.isdisjoint(node.inputs()):
            if short(node) not in VIEWS:
                return node.id
            held.update(NodeRef(node.id, out) for out in range(len(node.outs)))
    return None


def _takes_from(node: Node, made: set[int]) -> bool:
    return any(isinstance(ref, NodeRef) and ref.node in made for ref in node.inputs())


def within(module: str, outer: str) -> bool:
    """Whether ``module`` is ``outer`` or inside of it."""
    return not outer or module == outer or module.startswith(outer + ".")


def range_of(tensor: "torch.Tensor") -> Range:
    """Least and greatest finite value and the count of non-finite ones, of any dtype."""
    import torch

    if tensor.numel() == 0:
        return NOT_SEEN
    if tensor.is_complex():
        tensor = tensor.abs()
    if not tensor.is_floating_point():
        low, high = torch.aminmax(tensor.to(torch.int64))
        return float(low), float(high), 0
    low, high = torch.aminmax(tensor)
    if torch.isfinite(low) and torch.isfinite(high):
        return float(low), float(high), 0
    finite = tensor[torch.isfinite(tensor)]
    bad = tensor.numel() - finite.numel()
    return (float(finite.min()), float(finite.max()), bad) if finite.numel() else (None, None, bad)


def _first_tensor(node: Node) -> int | None:
    return next((i for i, meta in enumerate(node.outs) if meta is not None), None)


def _node_range(made: "Replayed", node: Node) -> Range:
    place = _first_tensor(node)
    return NOT_SEEN if place is None else range_of(made.replay.value(NodeRef(node.id, place)))


def _taken(graph: Graph, node: Node) -> tuple[str, ...]:
    """What it takes, in short: ``enc.0.bias``, ``argument0``, ``#3``."""
    refs = dict.fromkeys(node.inputs())
    return tuple(f"#{ref.node}" if isinstance(ref, NodeRef) else ref.name.partition(":")[2] for ref in refs)


def _row(graph: Graph, node: Node, seen: Range | None, born: bool) -> OperationRow:
    low, high, bad = seen or NOT_SEEN
    meta = next((meta for meta in node.outs if meta is not None), None)
    return OperationRow(
        node=node.id,
        op=node.name,
        module=graph.module_of(node),
        shape=meta.shape if meta is not None else (),
        low=low,
        high=high,
        nonfinite=bad,
        source=str(node.source) if node.source else "",
        born=born,
        dtype=meta.dtype if meta is not None else "",
        takes=_taken(graph, node),
        replayed=seen is not None,
        random=node.random,
    )
