"""Tensors as bytes and back, and copies laid out as a traced tensor was."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recording.model import StoredTensor
from dgmtui.trace.graph import TensorMeta

_GAPPY_BYTES = 64 << 20
_CACHE_LINE = 64
"""Bytes; torch's CPU allocations begin at one."""


def dtype_named(name: str) -> torch.dtype:
    """``torch.float32`` for ``float32``.

    Raises:
        ReplayError: torch has no dtype of that name.
    """
    dtype = getattr(torch, name, None) if name.isidentifier() else None
    if not isinstance(dtype, torch.dtype):
        raise ReplayError(
            f"this torch ({torch.__version__}) knows no dtype {name!r}; replay it with the one that recorded it"
        )
    return dtype


def name_of(dtype: torch.dtype) -> str:
    """``float32`` for ``torch.float32``."""
    return str(dtype).removeprefix("torch.")


def meta_of(t: Tensor) -> TensorMeta:
    """What ``t`` looks like now."""
    strides = tuple(t.stride()) if t.layout == torch.strided else contiguous_strides(t.shape)
    return TensorMeta(name_of(t.dtype), tuple(t.shape), strides, str(t.device), bool(t.requires_grad))


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides, in elements, of a tensor of ``shape`` in C order."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def to_stored(t: Tensor) -> StoredTensor:
    """The bytes of ``t`` in C order, copied to the host.

    Raises:
        ReplayError: ``t`` is sparse, quantised or holds no data.
    """
    if t.layout != torch.strided or t.is_quantized or t.device.type == "meta":
        raise ReplayError(f"a {t.layout} tensor on {t.device} can't be stored; only dense tensors with data can")
    dense = t.detach().resolve_conj().resolve_neg().to("cpu", copy=True).contiguous()
    data = dense.reshape(-1).view(torch.uint8).numpy() if dense.numel() else np.empty(0, np.uint8)
    return StoredTensor(name_of(t.dtype), tuple(t.shape), data)


def from_stored(s: StoredTensor) -> Tensor:
    """The tensor that ``s`` holds, on the CPU, contiguous, in memory of its own.

    Raises:
        ReplayError: its dtype is unknown, or its bytes are not those of its shape.
    """
    dtype = dtype_named(s.dtype)
    if math.prod(s.shape) * dtype.itemsize != s.data.nbytes:
        raise ReplayError(
            f"a stored tensor of shape {tuple(s.shape)} and dtype {s.dtype} "
            f"has {s.data.nbytes} bytes; the recording is damaged"
        )
    if not s.data.nbytes:
        return torch.empty(s.shape, dtype=dtype)
    return torch.from_numpy(s.data.copy()).view(dtype).reshape(s.shape)


def laid_out_as(t: Tensor, meta: TensorMeta) -> Tensor:
    """A copy of ``t`` with the strides of ``meta``, in ``t``'s dtype and on its device, detached.

    Gaps are kept too, since an inner stride chooses kernels, unless they would cost much memory.

    Raises:
        ReplayError: the shapes differ.
    """
    t = t.detach()
    if tuple(t.shape) != meta.shape or len(meta.stride) != len(meta.shape):
        raise ReplayError(
            f"a tensor of shape {tuple(t.shape)} was given where the trace has {meta.shape}; "
            f"it belongs to another iteration"
        )
    if t.layout != torch.strided:
        return t.clone()
    squeezed = [1 if step == 0 else size for size, step in zip(meta.shape, meta.stride, strict=True)]
    source = t[tuple(slice(0, size) for size in squeezed)] if 0 not in meta.shape else t
    copy = _empty(squeezed if source is not t else list(meta.shape), meta.stride, t).copy_(source)
    return _as_aligned(copy, t).expand(meta.shape)


def lies_as(t: Tensor, meta: TensorMeta) -> bool:
    """Whether ``t`` has the shape and the strides of ``meta``, so that ``laid_out_as`` would only copy it."""
    strided = t.layout == torch.strided and not t.is_conj() and not t.is_neg()
    return strided and tuple(t.shape) == meta.shape and tuple(t.stride()) == meta.stride


def _as_aligned(copy: Tensor, original: Tensor) -> Tensor:
    """``copy`` as far from the start of a cache line as ``original`` is: matrix products round differently there."""
    if copy.device.type != "cpu" or original.device.type != "cpu" or 0 in copy.shape:
        return copy
    skew = original.data_ptr() % _CACHE_LINE
    offset, rest = divmod(skew, copy.element_size())
    if rest or copy.data_ptr() % _CACHE_LINE == skew:
        return copy
    span = 1 + sum((size - 1) * step for size, step in zip(copy.shape, copy.stride(), strict=True))
    room = torch.empty(offset + span, dtype=copy.dtype)
    return room.as_strided(copy.shape, copy.stride(), offset).copy_(copy)


def _empty(shape: list[int], strides: tuple[int, ...], like: Tensor) -> Tensor:
    span = 1 + sum((size - 1) * step for size, step in zip(shape, strides, strict=True)) if 0 not in shape else 0
    overlapping = span < math.prod(shape)
    wasteful = span * like.element_size() > max(_GAPPY_BYTES, 2 * math.prod(shape) * like.element_size())
    if overlapping or wasteful or min(strides, default=0) < 0:
        order = sorted(range(len(shape)), key=lambda i: -strides[i])
        dense = torch.empty([shape[i] for i in order], dtype=like.dtype, device=like.device)
        return dense.permute([order.index(i) for i in range(len(shape))])
    return torch.empty_strided(shape, strides, dtype=like.dtype, device=like.device)
