"""From a tensor of contributions to rows: per unit, per unit and sample, or per module."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.trace.batch import batch_size
from dgmtui.trace.graph import Graph, OutsideRef, Ref, Source
from dgmtui.trace.units import unit_axis

By: TypeAlias = Literal["unit", "unit,sample", "module"]
"""What a row stands for."""


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

    def add(self, other: "Sums") -> "Sums":
        """The sum over two calls of a module; calls of other shapes are summed over units and samples."""
        if self.total.shape != other.total.shape:
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
        )

    def collapsed(self) -> "Sums":
        """Summed over units and samples."""
        with np.errstate(invalid="ignore", over="ignore"):
            total, value = self.total.sum(keepdims=True), self.value.mean(keepdims=True)
        return Sums(total, value, False, False, self.approximate, self.times)

    def columns(self, keep_sample: int | None) -> tuple[NDArray[np.intp], ...]:
        """Places of the rows in ``total``, as units and samples: all but those of samples that have nothing.

        Args:
            keep_sample: a sample whose rows are kept, even where they are zero.
        """
        worth = (self.total != 0) | (not self.has_samples)
        if self.has_samples and keep_sample is not None:
            worth[:, keep_sample] = True
        return np.nonzero(worth)


Made: TypeAlias = tuple[str, int | None, int | None, float, float, None, bool]
"""Module, unit, sample, value, total, nothing and whether it is approximate: the fields of a ``Contribution``."""


def largest_first(sums: Mapping[str, Sums], keep_sample: int | None) -> list[Made]:
    """Every row of every module, the largest total first and NaN last; equals stay in order."""
    made: list[Made] = []
    sizes = [np.empty(0)]
    for module, each in sums.items():
        units, samples = each.columns(keep_sample)
        totals = each.total[units, samples]
        sizes.append(np.abs(totals))
        made += zip(
            itertools.repeat(module),
            units.tolist() if each.has_units else itertools.repeat(None),
            samples.tolist() if each.has_samples else itertools.repeat(None),
            each.value[units, samples].tolist(),
            totals.tolist(),
            itertools.repeat(None),
            itertools.repeat(each.approximate),
        )
    size = np.concatenate(sizes)
    order = np.argsort(np.where(np.isnan(size), 1.0, -size), kind="stable")
    return [made[i] for i in order.tolist()]


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
        units = unit_axis(shape, module_type)
        if len(shape) == 1 and 1 < shape[0] != self._batch:
            units = 0  # what is left of a batch that was reduced
        fits = [axis for axis, size in enumerate(shape[:2]) if size == self._batch and axis != units]
        return Layout(units, fits[0] if fits else None)

    def layout_of(self, ref: Ref) -> Layout:
        """The same, as the innermost module that has ``ref`` for output lays it out."""
        types = self.modules(ref)
        module = self.innermost(ref)
        return self.layout(ref, types[module] if module is not None else "")


def summed(amount: Tensor, value: Tensor, layout: Layout, by: By, sample: int | None) -> Sums:
    """``amount`` summed as ``by`` says; ``value`` averaged likewise, over ``sample`` alone where one is looked at."""
    if sample is not None and layout.sample_axis is not None and by != "unit,sample":
        value = value.select(layout.sample_axis, sample).unsqueeze(layout.sample_axis)
    keep_units = by != "module" and layout.unit_axis is not None
    keep_samples = by == "unit,sample" and layout.sample_axis is not None
    kept = [
        layout.unit_axis if keep_units else None,
        layout.sample_axis if keep_samples else None,
    ]
    return Sums(_reduced(amount, kept, mean=False), _reduced(value, kept, mean=True), keep_units, keep_samples)


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
