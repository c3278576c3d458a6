"""Whether the first axis of an operation's result lies along the batch, shown by dependence."""

import torch

from dgmtui.trace.batch import batch_size
from dgmtui.trace.dependence import local_sensitivity, rows_behind
from dgmtui.trace.finite import is_finite
from dgmtui.trace.graph import Node, NodeRef
from dgmtui.trace.replay import Replay

_TRIED = 2


def is_its_own_row(replay: Replay, node: Node, element: tuple[int, ...]) -> bool:
    """Whether finite places along the first axis of the result each depend on the row of their number alone.

    Then so does ``element``, which was non-finite whatever numbers went in, so that no dependence of its own shows.
    """
    value = replay.value(NodeRef(node.id, 0))
    if not element or value.shape[0] != batch_size(replay.graph):
        return False
    others = [row for row in range(value.shape[0]) if row != element[0] and is_finite(value[row])][:_TRIED]
    return len(others) == _TRIED and all(_rows(replay, node, (row, *element[1:])) == (row,) for row in others)


def _rows(replay: Replay, node: Node, element: tuple[int, ...]) -> tuple[int, ...]:
    mask = torch.zeros(replay.value(NodeRef(node.id, 0)).shape, dtype=torch.bool)
    mask[element] = True
    return rows_behind(replay, node.id, local_sensitivity(replay, node, 0, mask)).rows
