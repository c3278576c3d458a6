"""The nine statistics of a tensor: the one definition that recording and verification share."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.trace import one_pass

_NAN = float("nan")
_CANCELLATION = 4.0
"""Beyond this ratio of squared mean to variance, the mean of squares less the square of the mean is not trusted."""


def statistics_of(t: Tensor, *, nonzero: int | None = None) -> NDArray[np.float64]:
    """The statistics of ``t``, ``[9]`` in the order of ``STATISTICS``.

    Minimum, maximum, mean, standard deviation (of the population) and absolute maximum are over the finite elements,
    NaN where there are none; the share of zeros is of all elements, 0 for an empty tensor. Complex tensors are
    taken as pairs of reals. One synchronisation where all is finite. ``nonzero``: how many elements are not zero, where
    that was counted already.
    """
    with torch.no_grad():
        values = real(t)
        if not values.numel():
            return np.array([_NAN] * 5 + [0.0] * 4)
        measured = one_pass.measure(values) if nonzero is None else None
        if measured is not None:
            return measured.statistics
        result = _of_finite(values, nonzero)
        if np.isfinite(result[:2]).all():
            return result
        return _of_mixed(values)


def merge_statistics(parts: Sequence[NDArray[np.float64]], sizes: Sequence[int]) -> NDArray[np.float64]:
    """``[9]``, the statistics of the concatenation of tensors with statistics ``parts`` and ``sizes`` elements.

    For a module called several times in one iteration. The variance is combined by Chan, Golub and LeVeque (1979),
    eq. 2.1. A single part is given back as it is.
    """
    if len(parts) == 1:
        return np.array(parts[0], np.float64)
    merged, total = np.array(parts[0], np.float64), sizes[0]
    for part, size in zip(parts[1:], sizes[1:], strict=True):
        merged, total = _merge_two(merged, total, part, size), total + size
    return merged


def real(t: Tensor) -> Tensor:
    """The numbers of ``t``, dense, float32 or float64; complex ones as pairs along a last axis."""
    values = t.detach()
    if values.layout != torch.strided:
        values = values.to_dense()
    if values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    if values.dtype not in (torch.float32, torch.float64):
        values = values.to(torch.float64 if not values.is_floating_point() else torch.float32)
    return values


def _of_finite(values: Tensor, nonzero: int | None = None) -> NDArray[np.float64]:
    flat, size = values.reshape(-1), values.numel()
    low, high = torch.aminmax(flat)
    gathered = [low, high, flat.sum(), torch.dot(flat, flat)]
    if flat.device.type == "cpu":
        low_, high_, total, squares = (t.item() for t in gathered)
        nonzero_ = _count_nonzero(flat) if nonzero is None else nonzero
    else:
        gathered += [torch.count_nonzero(flat)] if nonzero is None else []
        numbers = torch.stack([t.to(torch.float64) for t in gathered]).tolist()
        low_, high_, total, squares, nonzero_ = numbers if nonzero is None else [*numbers, nonzero]
    mean_ = total / size
    variance = squares / size - mean_ * mean_
    if not (math.isfinite(squares) and variance * _CANCELLATION >= mean_ * mean_):
        mean_, variance = _in_two_passes(flat, low_, high_)
    zeros = (size - nonzero_) / size
    return np.array([low_, high_, mean_, math.sqrt(variance), max(abs(low_), abs(high_)), zeros, 0.0, 0.0, 0.0])


def _count_nonzero(flat: Tensor) -> int:
    """NumPy compares and counts bytes several times faster than PyTorch on a CPU."""
    return flat.numel() - int(np.count_nonzero(flat.resolve_neg().numpy() == 0))


def _in_two_passes(flat: Tensor, low: float, high: float) -> tuple[float, float]:
    """Mean and variance where their squares leave float32 or cancel."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return _NAN, _NAN
    wide = flat.double()
    mean = wide.mean()
    centred = wide - mean
    return float(mean), float(torch.dot(centred, centred)) / flat.numel()


def _of_mixed(values: Tensor) -> NDArray[np.float64]:
    finite = values[torch.isfinite(values)]
    result = _of_finite(finite) if finite.numel() else np.array([_NAN] * 5 + [0.0] * 4)
    result[5] *= finite.numel() / values.numel()
    result[6] = int(torch.isnan(values).sum())
    result[7] = int(torch.isposinf(values).sum())
    result[8] = int(torch.isneginf(values).sum())
    return result


def _merge_two(a: NDArray[np.float64], size_a: int, b: NDArray[np.float64], size_b: int) -> NDArray[np.float64]:
    finite_a, finite_b = size_a - a[6:9].sum(), size_b - b[6:9].sum()
    merged = np.empty(9)
    merged[0], merged[1], merged[4] = np.fmin(a[0], b[0]), np.fmax(a[1], b[1]), np.fmax(a[4], b[4])
    if finite_a and finite_b:
        share = finite_b / (finite_a + finite_b)
        delta = b[2] - a[2]
        merged[2] = a[2] + delta * share
        merged[3] = np.sqrt(a[3] ** 2 * (1 - share) + b[3] ** 2 * share + delta**2 * share * (1 - share))
    else:
        merged[2:4] = a[2:4] if finite_a else b[2:4]
    merged[5] = (a[5] * size_a + b[5] * size_b) / max(size_a + size_b, 1)
    merged[6:9] = a[6:9] + b[6:9]
    return merged
