"""From a tensor of contributions to rows: per unit, per unit and sample, per module, sample or region."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.credit.model import Contribution
from dgmtui.credit.regions import by_region
from dgmtui.trace.batch import batch_size
from dgmtui.trace.graph import Graph, OutsideRef, Ref, Source
from dgmtui.trace.units import unit_axis

By: TypeAlias = Literal["unit", "unit,sample", "module", "sample", "region"]
"""What a row stands for; ``region`` is a part of a picture or a sequence, all its features together."""


@dataclass(frozen=True)
class Layout:
    """Where units and samples lie in one tensor."""

    unit_axis: int | None
    sample_axis: int | None


@dataclass
class Sums:
    """Contributions of one module, summed."""

    total: NDArray[np.float64]
    """``[units, samples]``; 1 where that axis is summed over or absent."""
    value: NDArray[np.float64]
    """Of the same shape: the mean value of the unit itself."""
    has_units: bool
    has_samples: bool
    approximate: bool = False
    times: int = field(default=1)
    """How many calls are summed."""
    regions: tuple[str, ...] = ()
    """What the first axis of ``total`` is, where it is parts of a picture and not units."""

    def add(self, other: "Sums") -> "Sums":
        """The sum over two calls of a module; calls of other shapes are summed over units and samples."""
        if self.total.shape != other.total.shape or self.regions != other.regions:
            return self.collapsed().add(other.collapsed())
        with np.errstate(invalid="ignore", over="ignore"):  # of Inf and −Inf there is no sum: NaN is the answer
            total = self.total + other.total
            value = (self.value * self.times + other.value * other.times) / (self.times + other.times)
        return Sums(
            total,
            value,
            self.has_units,
            self.has_samples,
            self.approximate or other.approximate,
            self.times + other.times,
            self.regions,
        )

    def collapsed(self) -> "Sums":
        """Summed over units and samples."""
        with np.errstate(invalid="ignore", over="ignore"):
            total, value = self.total.sum(keepdims=True), self.value.mean(keepdims=True)
        return Sums(total, value, False, False, self.approximate, self.times)

    def places(self, chosen: Sequence[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Places of the rows in ``total``, as units and samples: all but zeros of samples that are not ``chosen``."""
        worth = (self.total != 0) | (not self.has_samples)
        if self.has_samples:
            worth[:, list(chosen)] = True
        units, samples = np.nonzero(worth)
        return units, samples


def rows_of(
    sums: Mapping[str, Sums], side: Literal["forward", "backward"], chosen: Sequence[int]
) -> tuple[Contribution, ...]:
    """One a unit, sample or region of every module, the largest first and NaN last; equals stay in order.

    Args:
        side: what the totals are. A backward one that is not finite has no value.
        chosen: samples whose rows are there even where they are zero.
    """
    made: list[Contribution] = []
    sizes = [np.empty(0)]
    for module, each in sums.items():
        units, samples = each.places(chosen)
        totals = each.total[units, samples]
        sizes.append(np.abs(totals))
        made += _contributions(module, each, units, samples, side)
    size = np.concatenate(sizes)
    order = np.argsort(np.where(np.isnan(size), 1.0, -size), kind="stable")
    return tuple(made[i] for i in order.tolist())


def _contributions(
    module: str, sums: Sums, units: NDArray[np.intp], samples: NDArray[np.intp], side: Literal["forward", "backward"]
) -> Iterable[Contribution]:
    none = itertools.repeat(None)
    totals = sums.total[units, samples].tolist()
    if side == "backward":
        totals = [total if math.isfinite(total) else None for total in totals]
    return map(
        Contribution,
        itertools.repeat(module),
        units.tolist() if sums.has_units and not sums.regions else none,
        samples.tolist() if sums.has_samples else none,
        sums.value[units, samples].tolist(),
        totals if side == "forward" else none,
        totals if side == "backward" else none,
        itertools.repeat(sums.approximate and side == "forward"),
        [sums.regions[unit] for unit in units.tolist()] if len(sums.regions) > 1 else none,
    )


class Outputs:
    """Which modules' outputs each tensor of a graph is."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._calls: dict[Ref, list[int]] = {}
        for call in graph.calls:
            for ref in call.outputs:
                self._calls.setdefault(ref, []).append(call.id)
        self._batch = batch_size(graph)

    def modules(self, ref: Ref) -> dict[str, str]:
        """Path → class of the modules whose output ``ref`` is, innermost last."""
        calls = [self._graph.calls[i] for i in self._calls.get(ref, ())]
        return {call.module: call.type for call in calls}

    def innermost(self, ref: Ref) -> str | None:
        """Path of the innermost module that made ``ref`` and did not merely pass it on; None if none did."""
        calls = [self._graph.calls[i] for i in self._calls.get(ref, ())]
        making = [call for call in calls if ref not in call.inputs] or calls
        return making[-1].module if making else None

    def label(self, ref: Ref) -> str:
        """Path of that module; ``node:ID`` or an outside tensor's name where it is none's."""
        module = self.innermost(ref)
        if module is not None:
            return module
        return ref.name if isinstance(ref, OutsideRef) else f"node:{ref.node}"

    def made_by(self, ref: Ref) -> tuple[str, Source | None]:
        """The operation that made ``ref`` and its source line; empty and None for what came from outside."""
        if isinstance(ref, OutsideRef):
            return "", None
        node = self._graph.nodes[ref.node]
        return node.name, node.source

    def layout(self, ref: Ref, module_type: str = "") -> Layout:
        """Axes of units and samples; samples lie along the first of two axes that is as long as the batch."""
        shape = self._graph.meta(ref).shape
        if isinstance(ref, OutsideRef) and self._graph.outside[ref.name].kind != "input":
            return Layout(0 if shape else None, None)
        if isinstance(ref, OutsideRef) and not module_type:
            module_type = self._taker(ref)
        units = unit_axis(shape, module_type)
        if len(shape) == 1 and 1 < shape[0] != self._batch:
            units = 0  # what is left of a batch that was reduced
        fits = [axis for axis, size in enumerate(shape[:2]) if size == self._batch and axis != units]
        return Layout(units, fits[0] if fits else None)

    def _taker(self, ref: OutsideRef) -> str:
        """Class of the innermost module that takes an input: it knows where the channels lie."""
        return next((call.type for call in reversed(self._graph.calls) if ref in call.inputs), "")

    def layout_of(self, ref: Ref) -> Layout:
        """The same, as the innermost module that has ``ref`` for output lays it out."""
        types = self.modules(ref)
        module = self.innermost(ref)
        return self.layout(ref, types[module] if module is not None else "")


def summed(amount: Tensor, value: Tensor, layout: Layout, by: By, rows: Sequence[int]) -> Sums:
    """``amount`` summed as ``by`` says; ``value`` averaged likewise, over the batch's ``rows`` alone where some are
    looked at."""
    if rows and layout.sample_axis is not None and "sample" not in by:
        value = value.narrow(layout.sample_axis, rows[0], 1) if len(rows) == 1 else _chosen(value, layout, rows)
    if by == "region":
        return _by_region(amount, value, layout)
    keep_units = "unit" in by and layout.unit_axis is not None
    keep_samples = "sample" in by and layout.sample_axis is not None
    kept = [
        layout.unit_axis if keep_units else None,
        layout.sample_axis if keep_samples else None,
    ]
    return Sums(_reduced(amount, kept, mean=False), _reduced(value, kept, mean=True), keep_units, keep_samples)


def _chosen(value: Tensor, layout: Layout, rows: Sequence[int]) -> Tensor:
    assert layout.sample_axis is not None, "rows are chosen where there are some"
    return value.index_select(layout.sample_axis, torch.tensor(rows, device=value.device))


def _by_region(amount: Tensor, value: Tensor, layout: Layout) -> Sums:
    names, total = by_region(amount, layout.unit_axis, layout.sample_axis, mean=False)
    _, mean = by_region(value, layout.unit_axis, layout.sample_axis, mean=True)
    return Sums(total, mean, has_units=False, has_samples=False, regions=names)


def _reduced(t: Tensor, kept: Sequence[int | None], mean: bool) -> NDArray[np.float64]:
    """``[units, samples]``, float64: every other axis summed or averaged."""
    axes = [axis for axis in kept if axis is not None]
    others = [axis for axis in range(t.dim()) if axis not in axes]
    wide = t.double() if t.dtype in (torch.float16, torch.bfloat16) else t
    if others:
        wide = wide.mean(others) if mean else wide.sum(others)
    if axes == sorted(axes, reverse=True):
        wide = wide.permute(tuple(reversed(range(wide.dim()))))
    shape = [1 if axis is None else t.shape[axis] for axis in kept]
    return wide.double().reshape(shape).cpu().numpy()
