"""Which elements an operation's results depend on, and through these which rows of the batch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.batch import batch_axes, batch_size, with_drawn_batch
from dgmtui.trace.finite import benign
from dgmtui.trace.graph import Graph, Node, OutsideRef, Ref
from dgmtui.trace.operations import resolve_op, run_node
from dgmtui.trace.replay import Replay

_VARIANTS = 6
_NOISE = 3.0
_EXCHANGES = 128
_OTHERS = 8
"""With how many rows the one that stands out is compared."""
_DONORS = ((1, 1), (1, -1), (2, 1), (2, -1))
"""Which other row a row is exchanged for, and with which sign: two rows may both leave a unit dead."""


@dataclass(frozen=True)
class Rows:
    """Rows of the batch that some elements depend on."""

    rows: tuple[int, ...]
    size: int
    """How many rows the batch has; 0 where no batch was found."""

    @property
    def all_matter(self) -> bool:
        """Whether every row of a batch of several matters."""
        return self.size > 1 and len(self.rows) == self.size


def local_sensitivity(replay: Replay, node: Node, out: int, mask: Tensor) -> dict[Ref, Tensor]:
    """For every floating input of ``node``, how the result's elements in ``mask`` change with each of its elements.

    Computed on the operation alone, in float64, non-finite inputs replaced; an infinite derivative counts as 1. Empty
    where the operation has no derivative there.
    """
    refs = [ref for ref in dict.fromkeys(node.inputs()) if _floating(replay, ref)]
    leaves = {ref: benign(replay.value(ref, at=node.id)).double().requires_grad_() for ref in refs}

    def lookup(ref: Ref) -> Tensor:
        if ref in leaves:
            return leaves[ref] * 1 if node.mutates else leaves[ref]
        return replay.value(ref, at=node.id).clone()

    try:
        with torch.enable_grad():
            result = run_node(node, lookup)[out]
            gradients = torch.autograd.grad(result, list(leaves.values()), _uneven(mask, result), allow_unused=True)
    except (ReplayError, RuntimeError):
        return _pointwise_sensitivity(replay, node, mask, refs)
    reach = _pointwise_sensitivity(replay, node, mask, refs)
    found = {
        ref: torch.nan_to_num(gradient, nan=1.0, posinf=1.0, neginf=-1.0) * reach.get(ref, 1.0)
        for ref, gradient in zip(refs, gradients, strict=True)
        if gradient is not None
    }
    return found if any(bool(g.any()) for g in found.values()) else reach


def _uneven(mask: Tensor, like: Tensor) -> Tensor:
    """``mask`` with weights that differ: of what is normalised (a softmax), an even sum would not change at all."""
    if int(mask.sum()) == 1:
        return mask.to(like.dtype)
    weights = 0.5 + torch.rand(mask.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return torch.where(mask.to(like.device), weights.to(like), 0.0)


def _pointwise_sensitivity(replay: Replay, node: Node, mask: Tensor, refs: list[Ref]) -> dict[Ref, Tensor]:
    """1 where an element-wise operation's inputs lie that the result's elements in ``mask`` are computed from."""
    if torch.Tag.pointwise not in resolve_op(node.op).tags:
        return {}
    found = {}
    for ref in refs:
        shape = replay.value(ref, at=node.id).shape
        found[ref] = (mask.double().sum_to_size(shape) > 0).double()
    return found


def _floating(replay: Replay, ref: Ref) -> bool:
    return replay.value(ref).is_floating_point()


def rows_behind(replay: Replay, node: int, weights: Mapping[Ref, Tensor]) -> Rows:
    """The rows of the batch on which the elements with a weight depend; ``weights`` are of inputs of ``node``.

    By one vector-Jacobian product back to the batch; where that shows none (an index brought the row in, a derivative
    is zero, a graph is cut), by exchanging rows and looking whether the elements change.
    """
    replay, weights = _with_drawn_batch(replay, node, weights)
    axes = batch_axes(replay.graph)
    if not axes:
        return Rows((), 0)
    size = batch_size(replay.graph) or 0
    rows = _rows_by_gradient(replay, node, weights, axes, size) or _rows_by_exchange(replay, node, weights, axes, size)
    return Rows(rows, size)


def _with_drawn_batch(replay: Replay, node: int, weights: Mapping[Ref, Tensor]) -> tuple[Replay, Mapping[Ref, Tensor]]:
    """The replay, and weights of what its ``node`` takes, as if a batch drawn within the trace came from outside."""
    graph, drawn = with_drawn_batch(replay.graph, to=node)
    if not drawn:
        return replay, weights
    feeds = {name: replay.value(ref, at=taker).clone() for name, (ref, taker) in drawn.items()}
    names: dict[Ref, Ref] = {ref: OutsideRef(name) for name, (ref, taker) in drawn.items() if taker == node}
    again = replay.again(graph=graph, feeds={**replay.feeds, **feeds})
    return again, {names.get(ref, ref): weight for ref, weight in weights.items()}


def _rows_by_gradient(
    replay: Replay, node: int, weights: Mapping[Ref, Tensor], axes: Mapping[Ref, int], size: int
) -> tuple[int, ...]:
    """Rows that a gradient of the weighted elements reaches, for the batch itself or for one like it.

    At the batch itself a dead ReLU would hide the row behind it; in a negated batch, or in noise, it is alive.
    """
    reached = torch.zeros(size, dtype=torch.bool)
    fed = {ref.name: axis for ref, axis in axes.items() if isinstance(ref, OutsideRef)}
    for variant in range(_VARIANTS):
        feeds = {name: _varied(t, fed[name], variant) if name in fed else t for name, t in replay.feeds.items()}
        for ref, gradient in _gradients_at(replay, node, weights, axes, feeds).items():
            rows = gradient.movedim(axes[ref], 0).reshape(size, -1)
            reached |= ((rows != 0) & ~torch.isnan(rows)).any(1).cpu()
        if bool(reached.all()):
            break
    return tuple(reached.nonzero().flatten().tolist())


def _varied(t: Tensor, axis: int, variant: int) -> Tensor:
    """The batch itself (0), negated (1), or noise of its scale; integers have their rows moved on instead."""
    if variant == 0:
        return t
    if not t.is_floating_point():
        return t.roll(variant, axis)
    if variant == 1:
        return -t
    noise = torch.randn(t.shape, generator=torch.Generator().manual_seed(variant), dtype=torch.float64)
    scale = benign(t.detach()).double().std(correction=0).clamp(min=1e-3)
    return (_NOISE * scale.cpu() * noise).to(t)


def _gradients_at(
    replay: Replay, node: int, weights: Mapping[Ref, Tensor], axes: Mapping[Ref, int], feeds: Mapping[str, Tensor]
) -> dict[Ref, Tensor]:
    """The gradients of the weighted elements by the tensors that bring the batch in, with other feeds."""
    outside = {
        name: replace(found, meta=replace(found.meta, requires_grad=found.kind == "input"))
        for name, found in replay.graph.outside.items()
    }
    for dtype in (torch.float64, None):  # in single precision an outlier's derivatives underflow
        again = replay.again(graph=replace(replay.graph, outside=outside), feeds=feeds, dtype=dtype)
        try:
            again.forward(to=node - 1)
            return _gradients(again, node, weights, axes)
        except (ReplayError, RuntimeError):
            continue
    return {}


def _gradients(replay: Replay, node: int, weights: Mapping[Ref, Tensor], axes: Mapping[Ref, int]) -> dict[Ref, Tensor]:
    ends = {ref: t for ref in weights if (t := replay.live(ref)).requires_grad}
    starts = {ref: t for ref in axes if _has_run(ref, node) and (t := replay.live(ref)).requires_grad}
    if not ends or not starts:
        return {}
    seeds = [(weights[ref] / weights[ref].abs().max().clamp(min=1e-300)).to(t.dtype) for ref, t in ends.items()]
    found = torch.autograd.grad(list(ends.values()), list(starts.values()), seeds, allow_unused=True)
    return {ref: gradient for ref, gradient in zip(starts, found, strict=True) if gradient is not None}


def _has_run(ref: Ref, node: int) -> bool:
    return isinstance(ref, OutsideRef) or ref.node < node


def _rows_by_exchange(
    replay: Replay, node: int, weights: Mapping[Ref, Tensor], axes: Mapping[Ref, int], size: int
) -> tuple[int, ...]:
    """Rows whose exchange for other rows changes the weighted elements, found by halving."""
    fed = {ref.name: axis for ref, axis in axes.items() if isinstance(ref, OutsideRef)}
    fed |= _indices(replay.graph, size)
    before = _weighted(replay, node, weights)
    left = _EXCHANGES

    def matters(rows: list[int]) -> bool:
        nonlocal left
        for shift, sign in _DONORS:
            left -= 1
            feeds = {
                name: _exchanged(t, fed[name], rows, shift, sign) if name in fed else t
                for name, t in replay.feeds.items()
            }
            if _change(replay, node, weights, before, feeds) > 0:
                return True
        return False

    def search(rows: list[int]) -> list[int]:
        if len(rows) == 1 or left <= 0:
            return rows
        half = len(rows) // 2
        parts = [part for part in (rows[:half], rows[half:]) if matters(part)]
        return [row for part in parts for row in search(part)] if parts else rows

    everyone = list(range(size))
    return tuple(search(everyone)) if matters(everyone) else ()


def dominant_row(replay: Replay, node: int, weights: Mapping[Ref, Tensor]) -> int | None:
    """The row of the batch whose exchange for an ordinary one changes the weighted elements most, found by halving.

    None where it makes less than twice the change of each of a few others: then no row stands out.
    Gradients can't tell: where a batch is normalised, an outlier's own derivative vanishes.
    """
    replay, weights = _with_drawn_batch(replay, node, weights)
    axes = {ref.name: axis for ref, axis in batch_axes(replay.graph).items() if isinstance(ref, OutsideRef)}
    if not axes:
        return None
    before = _weighted(replay, node, weights)
    name, axis = next(iter(axes.items()))
    rows = list(range(replay.graph.outside[name].meta.shape[axis]))

    def change(part: list[int]) -> float:
        return _change(replay, node, weights, before, _ordinary(replay, axes, part))

    size = len(rows)
    while len(rows) > 1:
        half = len(rows) // 2
        rows = max((rows[:half], rows[half:]), key=change)
    others = [row for row in range(0, size, -(-size // _OTHERS) or 1) if [row] != rows]
    return rows[0] if rows and change(rows) > 2 * max((change([row]) for row in others), default=0.0) else None


def _ordinary(replay: Replay, axes: Mapping[str, int], rows: list[int]) -> dict[str, Tensor]:
    """The feeds with ``rows`` of the batch set to the median of all rows."""
    feeds = dict(replay.feeds)
    for name, axis in axes.items():
        changed = feeds[name].detach().clone()
        median = (
            changed.median(dim=axis, keepdim=True).values if changed.dtype != torch.bool else changed.narrow(axis, 0, 1)
        )
        feeds[name] = changed.index_copy(axis, torch.tensor(rows), median.expand_as(changed).narrow(axis, 0, len(rows)))
    return feeds


def _change(
    replay: Replay, node: int, weights: Mapping[Ref, Tensor], before: list[Tensor], feeds: Mapping[str, Tensor]
) -> float:
    """By how much the weighted elements change with other feeds; infinite where they can't be computed any more."""
    again = replay.again(feeds=feeds)
    try:
        again.forward(to=node - 1)
    except ReplayError:
        return float("inf")
    after = _weighted(again, node, weights)
    return sum(float((a.double() - b.double()).abs().sum()) for a, b in zip(before, after, strict=True))


def _indices(graph: Graph, size: int) -> dict[str, int]:
    """Index tensors of the batch's size that pick rows out of a data set."""
    return {
        name: 0
        for name, outside in graph.outside.items()
        if outside.kind == "input" and outside.meta.shape[:1] == (size,)
    }


def _weighted(replay: Replay, node: int, weights: Mapping[Ref, Tensor]) -> list[Tensor]:
    return [torch.nan_to_num(replay.value(ref, at=node)[w != 0]) for ref, w in weights.items()]


def _exchanged(t: Tensor, axis: int, rows: list[int], shift: int, sign: int) -> Tensor:
    """``t`` with each of ``rows`` replaced by a row outside them (by another of them where they are all there is)."""
    size = t.shape[axis]
    others = [row for row in range(size) if row not in set(rows)] or list(range(size))
    take = torch.arange(size, device=t.device)
    take[rows] = torch.tensor([others[(i + shift) % len(others)] for i in range(len(rows))], device=t.device)
    donors = t.detach().index_select(axis, take)
    if sign > 0 or not t.is_floating_point():
        return donors
    return donors.index_copy(axis, torch.tensor(rows, device=t.device), -donors.index_select(axis, torch.tensor(rows)))
