"""One iteration's statistics and series, gathered as its tensors come by."""

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.recorder.elements import NO_ELEMENTS, Elements, Picked
from dgmtui.recorder.ranks import is_sharded, local_part
from dgmtui.recorder.selection import EVERYTHING, Selection
from dgmtui.recording.model import OF_WEIGHTS, STATISTICS, Measure, Quantity
from dgmtui.trace import one_pass
from dgmtui.trace.statistics import merge_statistics, real, statistics_of

Key = tuple[str, Quantity]

_LEAST_SQUARE = 1e-30
"""Sums of squares below it are lost to float32."""
_COUNTS = slice(STATISTICS.index("nan"), len(STATISTICS))
_EXACT = 1 << 24
"""float32 counts that far."""


@dataclass
class Part:
    """What one call of a module contributes."""

    statistics: NDArray[np.float64]
    """``[9]``."""
    size: int
    """Elements."""
    units: dict[Measure, NDArray[np.float32]]
    """``[U]`` each."""

    @property
    def is_nonfinite(self) -> bool:
        """Whether an element is NaN or infinite."""
        return bool(self.statistics[_COUNTS].any())

    @property
    def width(self) -> int:
        """How many units there are; 0 where they have no series."""
        return len(next(iter(self.units.values()), ()))

    @property
    def nbytes(self) -> int:
        """What its arrays take."""
        return self.statistics.nbytes + sum(values.nbytes for values in self.units.values())

    @classmethod
    def read(cls, taken: bytes) -> "Part":
        """What the kernel took."""
        statistics, series, _, size = one_pass.read(taken)
        if len(series) == 1:
            return cls(statistics, size, {Measure.NORM: series[0]})
        return cls(statistics, size, {Measure.MEAN: series[0], Measure.RMS: series[1], Measure.ZEROS: series[2]})


Taken = bytes | Part
"""What the kernel took is read when it is written, if it ever is."""


@dataclass
class Measured:
    """An output that was measured, and under which names: that of a container is that of its last child."""

    tensor: weakref.ref[Tensor]
    version: int
    axis: int | None
    paths: list[str]
    part: Taken | None = None
    """None as long as nobody wants it."""

    @classmethod
    def of(cls, tensor: Tensor, axis: int | None, path: str) -> "Measured":
        """It goes by its first name."""
        return cls(weakref.ref(tensor), _version(tensor), axis, [path])

    def is_of(self, tensor: Tensor, axis: int | None) -> bool:
        """Whether it is this very tensor, and nothing was written to it since."""
        return self.tensor() is tensor and self.axis == axis and self.version == _version(tensor)


@dataclass
class Row:
    """The measurements of one iteration, by module and quantity; several calls of a module are merged."""

    parts: dict[Key, list[Taken]] = field(default_factory=dict)
    selection: Selection = EVERYTHING
    """What else comes by is not measured."""
    elements: Elements = NO_ELEMENTS
    picked: dict[Key, Picked] = field(default_factory=dict)
    """Single elements of weights, their gradients and updates, where they are wanted."""
    overflowed: bool = False
    """A weight's gradient is not finite."""
    _last: Measured | None = None
    _absorbed_by: "Row | None" = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.parts

    def absorb(self, other: "Row") -> None:
        """Add what another pass of the same iteration measured, and gradients that it still will."""
        other._absorbed_by = self
        self.overflowed |= other.overflowed
        self.picked |= other.picked
        for key, parts in other.parts.items():
            if key[1] in OF_WEIGHTS:
                self.parts[key] = parts
            else:
                self.parts.setdefault(key, []).extend(parts)

    def complete(self, other: "Row") -> None:
        """Take from ``other`` what is not measured here."""
        self.overflowed |= other.overflowed
        self.picked = other.picked | self.picked
        for key, parts in other.parts.items():
            self.parts.setdefault(key, parts)

    def add_output(self, module: str, quantity: Quantity, tensor: Tensor, axis: int | None) -> None:
        """Measure an output, or its gradient, with its units along ``axis``."""
        self._add((module,), quantity, take_part(tensor, axis))

    def see_activation(self, module: str, tensor: Tensor, axis: int | None) -> list[str] | None:
        """Measure an output, unless it is the very one just measured under another name.

        Returns:
            The names it goes by, to which others may come; None where it is known already.
        """
        last = self._last
        if last is not None and last.is_of(tensor, axis):
            last.paths.append(module)
            self._add_activation(module, last, tensor)
            return None
        self._last = Measured.of(tensor, axis, module)
        self._add_activation(module, self._last, tensor)
        return self._last.paths

    def taken_of(self, tensor: Tensor) -> bytes | None:
        """What the kernel took of an output, where that was measured last."""
        last = self._last
        known = last is not None and isinstance(last.part, bytes) and last.tensor() is tensor
        return last.part if known else None  # type: ignore[union-attr,return-value]

    def _add_activation(self, module: str, measured: Measured, tensor: Tensor) -> None:
        if not self.selection.wants(module, Quantity.ACTIVATION):
            return
        if measured.part is None:
            measured.part = take_part(tensor, measured.axis)
        self._add((module,), Quantity.ACTIVATION, measured.part)

    def see_gradient(self, modules: list[str], gradient: Tensor, axis: int | None) -> None:
        """Measure the gradient of an output that goes by these names."""
        row = self if self._absorbed_by is None else self._absorbed_by
        wanted = tuple(module for module in modules if self.selection.wants(module, Quantity.GRADIENT))
        if wanted:
            row._add(wanted, Quantity.GRADIENT, take_part(gradient, axis))

    def _add(self, modules: tuple[str, ...], quantity: Quantity, part: Taken) -> None:
        for module in modules:
            self.parts.setdefault((module, quantity), []).append(part)

    def add_weight(
        self,
        module: str,
        quantity: Quantity,
        tensor: Tensor,
        axis: int,
        *,
        before: Tensor | None = None,
        renew: bool = False,
    ) -> int | None:
        """Measure a weight or its gradient, or how far it moved from ``before``: the norm of each unit's slice.

        Returns:
            The sum of the tensor's bits, where that fell out by the way; with ``renew``, ``before`` holds it now.
        """
        if not self.selection.wants(module, quantity):
            return None
        picked = self.elements.of(tensor, before)  # first, as ``before`` may be renewed
        if picked is not None:
            self.picked[module, quantity] = picked
        part = take_weight(tensor, axis, before, renew)
        if quantity is Quantity.WEIGHT_GRADIENT and isinstance(part, Part):
            self.overflowed |= part.is_nonfinite
        self.parts[module, quantity] = [part]
        return one_pass.bits_sum_in(part) if isinstance(part, bytes) and (before is None or renew) else None

    def merged(self) -> Iterator[tuple[Key, NDArray[np.float64], dict[Measure, NDArray[np.float32]], int]]:
        """Each module and quantity, its statistics ``[9]``, series ``{measure: [U]}`` and U as of the first call."""
        for key, taken in self.parts.items():
            parts = [Part.read(one) if isinstance(one, bytes) else one for one in taken]
            first = parts[0]
            if len(parts) == 1:
                yield key, first.statistics, first.units, first.width
            else:
                statistics = merge_statistics([part.statistics for part in parts], [part.size for part in parts])
                yield key, statistics, _merged_units(parts), first.width


def take_weight(tensor: Tensor, axis: int, before: Tensor | None = None, renew: bool = False) -> Taken:
    """A weight or its gradient, or how far it moved from ``before``, which becomes it with ``renew``."""
    taken = one_pass.take(tensor, axis, less=before, renew=renew, norms=True)
    if taken is not None:
        return taken
    with torch.no_grad():
        tensor = tensor.detach() if before is None else tensor.detach() - before
        whole, tensor = tensor, local_part(tensor)
        if tensor.layout != torch.strided:
            tensor = tensor.to_dense()
        if is_sharded(whole):  # which units these are, other ranks know
            return Part(statistics_of(tensor), tensor.numel(), {})
        flat = tensor.movedim(axis, 0).reshape(tensor.shape[axis], -1)
        norms = torch.linalg.vector_norm(flat.float() if flat.dtype != torch.float64 else flat, dim=1)
        return Part(statistics_of(tensor), tensor.numel(), {Measure.NORM: _host(norms)})


def take_part(tensor: Tensor, axis: int | None) -> Taken:
    """An output or its gradient, with its units along ``axis``."""
    if axis is None or tensor.layout != torch.strided or tensor.dim() <= axis or not tensor.numel():
        return Part(statistics_of(tensor), tensor.numel(), {})
    taken = one_pass.take(tensor, axis)
    if taken is not None:
        return taken
    with torch.no_grad():
        values = real(tensor)
        measured = one_pass.take(values, axis)
        if measured is not None:  # half precision, complex: the bits are not the tensor's
            return replace(Part.read(measured), size=tensor.numel())
        units, nonzero = _moments(values, axis)
        return Part(statistics_of(tensor, nonzero=nonzero), tensor.numel(), units)


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _moments(values: Tensor, axis: int) -> tuple[dict[Measure, NDArray[np.float32]], int | None]:
    """Mean, root mean square and share of zeros of each unit, over all other axes; and how many are not zero in all."""
    others = [d for d in range(values.dim()) if d != axis]
    count = values.numel() // values.shape[axis]
    scratch = torch.empty_like(values)
    squares_ = torch.mul(values, values, out=scratch).sum(others) if others else values * values
    nonzero_ = torch.ne(values, 0, out=scratch).sum(others) if others else torch.ne(values, 0, out=scratch)
    sums = torch.stack([values.sum(others) if others else values, squares_, nonzero_]).cpu().numpy()
    squares, nonzero = sums[1], sums[2]
    if not np.isfinite(squares).all() or ((squares < _LEAST_SQUARE) & (nonzero > 0)).any():
        wide = values.double()
        norms = torch.linalg.vector_norm(wide, dim=others) if others else wide.abs()
        rms = _host(norms / count**0.5)
    else:
        rms = np.sqrt(squares / count).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        units = {Measure.MEAN: (sums[0] / count).astype(np.float32), Measure.RMS: rms,
                 Measure.ZEROS: ((count - nonzero) / count).astype(np.float32)}  # fmt: skip
    return units, int(nonzero.sum(dtype=np.float64)) if count < _EXACT else None


def _host(values: Tensor) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        host: NDArray[np.float32] = values.detach().cpu().numpy().astype(np.float32)
    return host


def _merged_units(parts: list[Part]) -> dict[Measure, NDArray[np.float32]]:
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
