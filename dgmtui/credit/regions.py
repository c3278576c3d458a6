"""Contributions by place: a grid over a picture, the positions of a sequence."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MOST_ALONG_PICTURE = 8
"""Parts along each axis of a picture (or a volume)."""
MOST_ALONG_SEQUENCE = 512
"""Parts of a sequence; a shorter one has a part each position."""


def by_region(
    amount: Tensor, unit_axis: int | None, sample_axis: int | None, *, mean: bool
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """The names of the regions and ``[regions, 1]``: ``amount`` summed, or averaged, over each, its units and samples.

    A region is named by its rows and columns, ``[8:16,0:8]``, a position of a sequence by its number, ``[5]``. A tensor
    without positions has one for each of its features, or a single one, ``[]``, where it has none of those either.
    """
    places = [axis for axis in range(amount.dim()) if axis not in (unit_axis, sample_axis)]
    if not places and unit_axis is not None:
        places = [unit_axis]
    others = [axis for axis in range(amount.dim()) if axis not in places]
    wide = amount.double()
    if others:
        wide = wide.mean(others) if mean else wide.sum(others)
    counts = []
    cuts = [_parts(size, len(places), is_feature=places == [unit_axis]) for size in wide.shape]
    for axis, parts in enumerate(cuts):
        wide = torch.stack([wide.narrow(axis, p.start, len(p)).sum(axis) for p in parts], axis)
        counts.append(torch.tensor([len(p) for p in parts], dtype=torch.float64))
    if mean:
        for axis, count in enumerate(counts):
            wide = wide / count.view([-1 if i == axis else 1 for i in range(wide.dim())])
    names = tuple(f"[{','.join(map(_name, parts))}]" for parts in itertools.product(*cuts))
    return names, wide.reshape(-1, 1).cpu().numpy()


def _parts(size: int, axes: int, *, is_feature: bool) -> Sequence[range]:
    most = size if is_feature else MOST_ALONG_SEQUENCE if axes == 1 else MOST_ALONG_PICTURE
    step = max(1, math.ceil(size / max(most, 1)))
    return [range(start, min(start + step, size)) for start in range(0, size, step)]


def _name(part: range) -> str:
    return str(part.start) if len(part) == 1 else f"{part.start}:{part.stop}"
