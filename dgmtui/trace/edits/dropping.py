"""``drop sample``: the iteration without one row of its batch, or with some only."""

from collections.abc import Mapping, Sequence
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
        rows, size = _rows_of(iteration.graph)
        _check_row(self.row, size)
        if size == 1:
            raise UsageError("the batch has one row; nothing would be left")
        others = tuple(row for row in range(size) if row != self.row)
        left, why = _taken_out(iteration, rows, size, others)
        if left is None:
            other = (self.row + 1) % size
            said = f"row {self.row} can't be taken out ({why}); it is a copy of row {other} instead"
            return replace(_copied_over(iteration, rows, {self.row: other}), said=said)
        names = ", ".join(name.removeprefix("input:") for name in rows)
        count = "1 row is left" if size == 2 else f"{size - 1} rows are left"
        said = f"row {self.row} was taken out of {names}; {count}"
        return replace(left, said=said + literal_sizes(left.graph, size))


@dataclass(frozen=True, eq=False)
class KeepSamples:
    """All rows of the batch taken out but some; where the trace does not allow that, replaced by copies of those."""

    text: str
    rows: tuple[int, ...]

    def apply(self, iteration: Iteration) -> Iteration:
        """The iteration of these rows; ``said`` tells why they could not be taken out, and is empty where they were.

        Raises:
            UsageError: there is no such row, or what the rows are is not known.
        """
        rows, size = _rows_of(iteration.graph)
        for row in self.rows:
            _check_row(row, size)
        if len(self.rows) == size:
            return iteration
        left, why = _taken_out(iteration, rows, size, self.rows)
        if left is not None:
            return left
        others = [row for row in range(size) if row not in self.rows]
        donors = {row: self.rows[place % len(self.rows)] for place, row in enumerate(others)}
        return replace(_copied_over(iteration, rows, donors), said=why)


def _rows_of(graph: Graph) -> tuple[dict[str, int], int]:
    """The axis of the rows by the name of each outside tensor that has any, and how many they are.

    Raises:
        UsageError: that is not known, or a row is no sample of its own.
    """
    rows = {ref.name: axis for ref, axis in batch_axes(graph).items() if isinstance(ref, OutsideRef)}
    if not rows:
        raise UsageError("what the rows of this batch are is not known: none of its tensors comes from outside")
    _refuse_bags(graph, rows)
    return rows, next(graph.outside[name].meta.shape[axis] for name, axis in rows.items())


def _check_row(row: int, size: int) -> None:
    if row >= size:
        raise UsageError(f"the batch has rows 0 to {size - 1}; not {row}")


def _taken_out(
    iteration: Iteration, rows: Mapping[str, int], size: int, kept: Sequence[int]
) -> tuple[Iteration | None, str]:
    """The iteration of the rows that are kept; None where the trace does not allow that, and why."""
    why = ""
    for made in Made:
        try:
            return _reduced(iteration, rows, size, kept, made), ""
        except (ReplayError, RuntimeError) as error:
            why = why or str(error).splitlines()[0]
    return None, why


def _reduced(iteration: Iteration, rows: Mapping[str, int], size: int, kept: Sequence[int], made: Made) -> Iteration:
    _check_known(iteration.graph, rows)
    places = torch.tensor(kept)

    def of_kept(t: Tensor, axis: int) -> Tensor:
        return t.detach().index_select(axis, places.to(t.device))

    feeds = {name: of_kept(t, rows[name]) if name in rows else t for name, t in iteration.feeds.items()}
    draws = {
        key: of_kept(draw, draw.shape[:2].index(size)) if size in draw.shape[:2] else draw
        for key, draw in iteration.draws.items()
    }
    smaller = shrunk(iteration.graph, feeds, (size, len(kept)), made)
    graph = _fed(smaller, {name: feeds[name] for name in rows})
    Replay(graph, feeds, draws=draws or None, rng_states=iteration.rng_states, device="cpu").forward()
    return replace(iteration, graph=graph, feeds=feeds, draws=draws)


def _copied_over(iteration: Iteration, rows: Mapping[str, int], donors: Mapping[int, int]) -> Iteration:
    """Rows that are copies of others, by which each is of."""
    feeds = dict(iteration.feeds)
    for name, axis in rows.items():
        feeds[name] = feeds[name].detach().clone()
        for row, other in donors.items():
            feeds[name].select(axis, row).copy_(iteration.feeds[name].select(axis, other))
    return replace(iteration, feeds=feeds, changed=iteration.changed | set(rows))


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
