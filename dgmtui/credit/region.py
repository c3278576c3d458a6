"""Which part of a sample most of the relevance went to: a rectangle of a picture, a position, features."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.trace.graph import Graph, OutsideRef

MOST = 0.5
"""A region holds at least this share of the sample's absolute relevance."""
_MOST_FEATURES = 4
_AXES = {1: ("features",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}
_PICTURES = ("Flatten", "Conv2d", "Unflatten")


@dataclass(frozen=True)
class Region:
    """A part of one sample."""

    text: str
    """``rows 3–6, columns 8–11``; ``position 7``; ``features 22, 19``."""
    share: float
    """Of the sample's absolute relevance, in [0, 1]."""


def region_of(graph: Graph, ref: OutsideRef, relevance: Tensor) -> Region | None:
    """The least part of one sample that holds most of its ``relevance`` (of its shape, without the batch axis).

    None where nothing arrived or the sample is a single number. A box is grown from the largest element, each time to
    the side that holds most a cell, so it is small, not surely the smallest.
    """
    size = torch.nan_to_num(relevance.double().abs())
    whole = float(size.sum())
    if not whole or size.numel() < 2:
        return None
    if size.dim() == 1:
        return _features(size, whole)
    if size.dim() == 2 and not _is_picture(graph, ref):
        return _position(size, whole)
    plane = size if size.dim() == 2 else size.sum(0)
    box = _box(plane, MOST * whole)
    part = plane[tuple(slice(low, high) for low, high in box)]
    held = float(part.sum()) / whole
    if part.numel() > plane.numel() / 2:
        return Region("all over it", held)
    names = _AXES.get(plane.dim(), tuple(f"axis {i}" for i in range(plane.dim())))
    return Region(", ".join(_range(*pair) for pair in zip(names, box, strict=True)), held)


def _is_picture(graph: Graph, ref: OutsideRef) -> bool:
    return any(ref in call.inputs and call.type in _PICTURES for call in graph.calls)


def _features(size: Tensor, whole: float) -> Region:
    order = size.argsort(descending=True)
    running = size[order].cumsum(0) / whole
    count = min(int((running < MOST).sum()) + 1, _MOST_FEATURES, len(order))
    chosen = ", ".join(str(int(i)) for i in order[:count])
    return Region(f"feature{'s' * (count > 1)} {chosen}", float(running[count - 1]))


def _position(size: Tensor, whole: float) -> Region:
    per_position = size.sum(1)
    box = _box(per_position, MOST * whole)
    low, high = box[0]
    return Region(_range("positions", (low, high)), float(per_position[low:high].sum()) / whole)


def _range(name: str, bounds: tuple[int, int]) -> str:
    low, high = bounds
    return f"{name.removesuffix('s')} {low}" if high - low == 1 else f"{name} {low}–{high - 1}"


def _box(plane: Tensor, enough: float) -> list[tuple[int, int]]:
    """Half-open bounds an axis."""
    start = torch.unravel_index(plane.argmax(), plane.shape)
    box = [(int(i), int(i) + 1) for i in start]
    held = float(plane[tuple(start)])
    while held < enough * (1 - 1e-9):
        grown = [side for axis in range(plane.dim()) for side in _sides(plane, box, axis)]
        if not grown:
            break
        added, axis, bounds, _ = max(grown, key=lambda side: side[3])
        box[axis] = bounds
        held += added
    return box


def _sides(plane: Tensor, box: list[tuple[int, int]], axis: int) -> list[tuple[float, int, tuple[int, int], float]]:
    """What one more row before or after would add: the sum, the axis, its new bounds, and the mean a cell."""
    low, high = box[axis]
    found = []
    for at, bounds in ((low - 1, (low - 1, high)), (high, (low, high + 1))):
        if 0 <= at < plane.shape[axis]:
            index = [slice(*pair) for pair in box]
            index[axis] = slice(at, at + 1)
            cells = plane[tuple(index)]
            added = float(cells.sum())
            found.append((added, axis, bounds, added / max(math.prod(cells.shape), 1)))
    return found
