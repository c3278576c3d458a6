"""How far a step moved each parameter, and the unit of it that it moved furthest for its weight."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from dgmtui.trace.finite import is_finite, nonfinite_mask
from dgmtui.trace.steps.taking import Taken


@dataclass(frozen=True)
class Moved:
    """What a step did to one parameter."""

    parameter: str
    """Path."""
    module: str
    update: float
    """L2 norm of the change of the whole parameter."""
    weight: float
    """L2 norm of the parameter before."""
    unit: int | None
    """The one with a non-finite value, else that whose slice moved furthest for its norm; None without units."""
    ratio: float | None
    """Of this unit: norm of the change by norm of the weight; None where that is zero."""
    nonfinite: int
    """Elements that are not finite after it."""
    what: str = ""
    """``nan``, ``inf`` or ``-inf``: the first of them."""


def moved(taken: Sequence[Taken], axes: Mapping[str, int]) -> tuple[Moved, ...]:
    """What the steps did, one a parameter: those that are not finite first, then by their largest ratio.

    Args:
        axes: along which a parameter's units lie, where not along the first.
    """
    rows = [
        _moved(path, each.before[path], after, axes.get(path, 0))
        for each in taken
        for path, after in each.after.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-(row.nonfinite > 0), -_size(row.ratio))))


def _size(ratio: float | None) -> float:
    return -1.0 if ratio is None else math.inf if math.isnan(ratio) else ratio


def _moved(path: str, before: Tensor, after: Tensor, axis: int) -> Moved:
    change = (after - before).abs().double()
    weight = before.abs().double()
    unit, ratio = _furthest(change, weight, after, axis)
    bad = None if is_finite(after) else nonfinite_mask(after)
    first = None if bad is None else after[tuple(bad.nonzero()[0])]
    return Moved(
        path,
        path.rpartition(".")[0],
        float(change.norm()),
        float(weight.norm()),
        unit,
        ratio,
        0 if bad is None else int(bad.sum()),
        "" if first is None else _kind(first),
    )


def _furthest(change: Tensor, weight: Tensor, after: Tensor, axis: int) -> tuple[int | None, float | None]:
    if not after.dim() or not after.numel():
        total = float(weight.norm())
        return None, float(change.norm()) / total if total else None
    moved_by, own = (_by_unit(t, axis).norm(dim=1) for t in (change, weight))
    bad = _by_unit(nonfinite_mask(after), axis).any(1)
    ratios = (moved_by / own).masked_fill(own == 0, -1)
    unit = int(bad.int().argmax()) if bool(bad.any()) else int(ratios.argmax())
    return unit, float(ratios[unit]) if float(own[unit]) else None


def _by_unit(t: Tensor, axis: int) -> Tensor:
    """``[units, elements]``."""
    return t.movedim(axis, 0).reshape(t.shape[axis], -1)


def _kind(value: Tensor) -> str:
    number = float(value.real if value.is_complex() else value)
    return "nan" if number != number else "inf" if number > 0 else "-inf"
