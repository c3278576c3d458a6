"""``drop sample``: the iteration without one row of its batch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dgmtui.errors import ReplayError, UsageError
from dgmtui.trace.batch import batch_axes
from dgmtui.trace.edits.iteration import Iteration
from dgmtui.trace.edits.shrinking import Made, literal_sizes, shrunk
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef
from dgmtui.trace.replay import Replay
from dgmtui.trace.tensors import contiguous_strides


@dataclass(frozen=True, eq=False)
class DropSample:
    """A row of the batch taken out; where the trace does not allow that, replaced by a copy of another row."""

    text: str
    row: int

    def apply(self, iteration: Iteration) -> Iteration:
        """The iteration without the row.

        Raises:
            UsageError: there is no such row, it is the only one, or what the rows are is not known.
        """
        rows = {ref.name: axis for ref, axis in batch_axes(iteration.graph).items() if isinstance(ref, OutsideRef)}
        if not rows:
            raise UsageError("what the rows of this batch are is not known: none of its tensors comes from outside")
        size = next(iteration.graph.outside[name].meta.shape[axis] for name, axis in rows.items())
        if self.row >= size:
            raise UsageError(f"the batch has rows 0 to {size - 1}; not {self.row}")
        if size == 1:
            raise UsageError("the batch has one row; nothing would be left")
        _refuse_bags(iteration.graph, rows)
        why = ""
        for made in Made:
            try:
                return self._taken_out(iteration, rows, size, made)
            except (ReplayError, RuntimeError) as error:
                why = why or str(error).splitlines()[0]
        return self._copied_over(iteration, rows, size, why)

    def _taken_out(self, iteration: Iteration, rows: Mapping[str, int], size: int, made: Made) -> Iteration:
        _check_known(iteration.graph, rows)
        others = torch.tensor([row for row in range(size) if row != self.row])

        def kept(t: Tensor, axis: int) -> Tensor:
            return t.detach().index_select(axis, others.to(t.device))

        feeds = {name: kept(t, rows[name]) if name in rows else t for name, t in iteration.feeds.items()}
        draws = {
            key: kept(draw, draw.shape[:2].index(size)) if size in draw.shape[:2] else draw
            for key, draw in iteration.draws.items()
        }
        graph = _fed(shrunk(iteration.graph, feeds, size, made), {name: feeds[name] for name in rows})
        Replay(graph, feeds, draws=draws or None, rng_states=iteration.rng_states, device="cpu").forward()
        names = ", ".join(name.removeprefix("input:") for name in rows)
        left = "1 row is left" if size == 2 else f"{size - 1} rows are left"
        said = f"row {self.row} was taken out of {names}; {left}"
        return replace(iteration, graph=graph, feeds=feeds, draws=draws, said=said + literal_sizes(graph, size))

    def _copied_over(self, iteration: Iteration, rows: Mapping[str, int], size: int, why: str) -> Iteration:
        other = (self.row + 1) % size
        feeds = dict(iteration.feeds)
        for name, axis in rows.items():
            feeds[name] = feeds[name].detach().clone()
            feeds[name].select(axis, self.row).copy_(feeds[name].select(axis, other))
        said = f"row {self.row} can't be taken out ({why}); it is a copy of row {other} instead"
        return replace(iteration, feeds=feeds, changed=iteration.changed | set(rows), said=said)


def _check_known(graph: Graph, rows: Mapping[str, int]) -> None:
    """Rows that an index picks out of a data set go with the index; others that are cut out within the trace do not."""
    for ref in batch_axes(graph):
        if isinstance(ref, NodeRef):
            node = graph.nodes[ref.node]
            if not any(isinstance(taken, OutsideRef) and taken.name in rows for taken in node.inputs()):
                raise ReplayError(f"node {node.id} ({node.name}) cuts its rows out of a data set")


def _fed(graph: Graph, feeds: Mapping[str, Tensor]) -> Graph:
    """The graph for other shapes of some outside tensors."""
    outside = dict(graph.outside)
    for name, t in feeds.items():
        shape = tuple(t.shape)
        meta = replace(outside[name].meta, shape=shape, stride=contiguous_strides(shape))
        outside[name] = replace(outside[name], meta=meta)
    return replace(graph, outside=outside, _users={})


def _refuse_bags(graph: Graph, rows: Mapping[str, int]) -> None:
    """Where a row is an index of a bag, or where one begins, to take it out would change the bags of other samples."""
    for node in graph.nodes:
        if node.name.startswith("aten._embedding_bag") and any(
            isinstance(ref, OutsideRef) and ref.name in rows for ref in list(node.inputs())[1:]
        ):
            raise UsageError(f"a sample is a bag of indices at node {node.id} ({node.name}); none can be taken out")
