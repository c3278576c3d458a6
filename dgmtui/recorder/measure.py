"""One iteration's statistics and series, gathered as its tensors come by."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.recording.model import Measure, Quantity
from dgmtui.trace.statistics import merge_statistics, statistics_of

Key = tuple[str, Quantity]


@dataclass
class Part:
    """What one call of a module contributes."""

    statistics: NDArray[np.float64]
    """``[9]``."""
    size: int
    """Elements."""
    units: dict[Measure, NDArray[np.float32]]
    """``[U]`` each."""


@dataclass
class Row:
    """The measurements of one iteration, by module and quantity; several calls of a module are merged."""

    parts: dict[Key, list[Part]] = field(default_factory=dict)

    def absorb(self, other: "Row") -> None:
        """Add what another pass of the same iteration measured."""
        for key, parts in other.parts.items():
            if Measure.NORM in parts[0].units:
                self.parts[key] = parts
            else:
                self.parts.setdefault(key, []).extend(parts)

    def add_output(self, module: str, quantity: Quantity, tensor: Tensor, axis: int | None) -> None:
        """Measure an output, or its gradient, with its units along ``axis``."""
        with torch.no_grad():
            tensor = tensor.detach()
            units = {} if axis is None or tensor.dim() <= axis else _moments(tensor, axis)
            part = Part(statistics_of(tensor), tensor.numel(), units)
        self.parts.setdefault((module, quantity), []).append(part)

    def add_weight(self, module: str, quantity: Quantity, tensor: Tensor, axis: int) -> None:
        """Measure a weight, its gradient or its update: the norm of each unit's slice."""
        with torch.no_grad():
            tensor = tensor.detach()
            if tensor.layout != torch.strided:
                tensor = tensor.to_dense()
            flat = tensor.movedim(axis, 0).reshape(tensor.shape[axis], -1)
            norms = torch.linalg.vector_norm(flat.float() if flat.dtype != torch.float64 else flat, dim=1)
            part = Part(statistics_of(tensor), tensor.numel(), {Measure.NORM: _host(norms)})
        self.parts[module, quantity] = [part]

    def merged(self) -> Iterator[tuple[Key, NDArray[np.float64], dict[Measure, NDArray[np.float32]]]]:
        """Statistics ``[9]`` and series ``{measure: [U]}`` of each module and quantity."""
        for key, parts in self.parts.items():
            sizes = [part.size for part in parts]
            yield key, merge_statistics([part.statistics for part in parts], sizes), _merged_units(parts)


def _moments(tensor: Tensor, axis: int) -> dict[Measure, NDArray[np.float32]]:
    """Mean, root mean square and share of zeros of each unit, over all other axes."""
    values = torch.view_as_real(tensor).flatten(-2) if tensor.is_complex() else tensor
    if not values.is_floating_point() or values.dtype in (torch.float16, torch.bfloat16):
        values = values.float()
    others = [d for d in range(values.dim()) if d != axis]
    count = max(1, values.numel() // max(1, values.shape[axis]))
    mean = values.mean(others) if others else values
    rms = torch.linalg.vector_norm(values, dim=others) / count**0.5 if others else values.abs()
    zeros = (values == 0).sum(others).to(mean.dtype) / count if others else (values == 0).to(mean.dtype)
    mean_, rms_, zeros_ = torch.stack([mean, rms, zeros]).unbind()
    return {Measure.MEAN: _host(mean_), Measure.RMS: _host(rms_), Measure.ZEROS: _host(zeros_)}


def _host(values: Tensor) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        host: NDArray[np.float32] = values.detach().cpu().numpy().astype(np.float32)
    return host


def _merged_units(parts: list[Part]) -> dict[Measure, NDArray[np.float32]]:
    if len(parts) == 1:
        return parts[0].units
    lengths = {len(values) for part in parts for values in part.units.values()}
    if len(lengths) != 1 or any(not part.units for part in parts):
        return {}
    shares = np.array([part.size for part in parts], np.float64)[:, None]
    shares /= max(1.0, shares.sum())
    merged = {}
    with np.errstate(invalid="ignore", over="ignore"):
        for measure in parts[0].units:
            values = np.stack([part.units[measure] for part in parts]).astype(np.float64)
            if measure is Measure.RMS:
                values = np.sqrt((shares * values**2).sum(axis=0))
            else:
                values = (shares * values).sum(axis=0)
            merged[measure] = values.astype(np.float32)
    return merged
