"""Which elements of a tensor a target is: from indices along its axes to the target's words, and to a mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from dgmtui.credit.grouping import Layout
from dgmtui.credit.model import Target
from dgmtui.credit.typed import place_text, run_together
from dgmtui.trace.graph import Ref


@dataclass(frozen=True)
class Named:
    """A tensor that a target is part of, and what it is called."""

    ref: Ref
    module: str
    """As ``Target.module``."""
    base: str
    """As ``Target.base``."""
    label: str
    """In words."""
    of: Literal["value", "gradient"] = "value"


def selected(named: Named, shape: Sequence[int], layout: Layout, chosen: Mapping[int, Sequence[int]]) -> Target:
    """The target that ``chosen`` picks, its value left at zero and its text without it.

    Args:
        chosen: the indices along each axis that are meant, ascending; an axis that is not in it is meant whole.
    """
    units, samples = (_picked(axis, shape, chosen) for axis in (layout.unit_axis, layout.sample_axis))
    others = other_axes(len(shape), layout)
    sizes = [shape[axis] for axis in others]
    position = tuple(_as_range(chosen.get(axis, range(shape[axis]))) for axis in others)
    whole = all(len(chosen.get(axis, range(size))) == 1 for axis, size in enumerate(shape))
    target = Target(
        ref=named.ref,
        module=named.module,
        unit=units[0] if len(units) == 1 else None,
        sample=samples[0] if len(samples) == 1 else None,
        value=0.0,
        text="",
        element=tuple(chosen.get(axis, (0,))[0] for axis in range(len(shape))) if whole and shape else None,
        units=units if len(units) > 1 else (),
        samples=samples if len(samples) > 1 else (),
        position=position,
        base=named.base,
        place=place_text(position, sizes),
        of=named.of,
    )
    return _with_words(target, named.label)


def _with_words(target: Target, label: str) -> Target:
    if target.of == "gradient":
        return replace(target, text=f"∂loss/∂{target.name.removeprefix('grad:')}")
    units = run_together(target.units) if target.units else "" if target.unit is None else str(target.unit)
    rows = target.rows
    sample = f" of sample{'s' * (len(rows) > 1)} {run_together(rows).replace(',', ', ')}" if rows else ""
    at = f" at [{target.place}]" if target.place else ""
    return replace(target, text=f"{label}{f'[{units}]' if units else ''}{sample}{at}")


def mask_of_target(shape: Sequence[int], target: Target, layout: Layout) -> Tensor:
    """Which elements of its tensor the target is: bool, of ``shape``."""
    mask = torch.ones(tuple(shape), dtype=torch.bool)
    picks: dict[int, Sequence[int]] = dict(zip(other_axes(len(shape), layout), target.position, strict=False))
    if target.element is not None:
        picks = {axis: (index,) for axis, index in enumerate(target.element)}
    else:
        for axis, several, one in (
            (layout.unit_axis, target.units, target.unit),
            (layout.sample_axis, target.samples, target.sample),
        ):
            if axis is not None and (several or one is not None):
                picks[axis] = several or (one or 0,)
    for axis, indices in picks.items():
        along = torch.zeros(shape[axis], dtype=torch.bool)
        along[list(indices)] = True
        mask &= along.view([-1 if i == axis else 1 for i in range(len(shape))])
    return mask


def other_axes(dims: int, layout: Layout) -> list[int]:
    """The axes of positions: neither the units' nor the samples'."""
    return [axis for axis in range(dims) if axis not in (layout.unit_axis, layout.sample_axis)]


def _picked(axis: int | None, shape: Sequence[int], chosen: Mapping[int, Sequence[int]]) -> tuple[int, ...]:
    """The indices that are meant; empty where it is all of several."""
    if axis is None or axis not in chosen:
        return ()
    return () if 1 < len(chosen[axis]) == shape[axis] else tuple(chosen[axis])


def _as_range(indices: Sequence[int]) -> range:
    return range(indices[0], indices[-1] + 1) if len(indices) else range(0)
