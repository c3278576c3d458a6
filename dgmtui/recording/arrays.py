"""Stored tensors as NumPy arrays, where torch is not wanted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError
from dgmtui.recording.model import StoredTensor

_PLAIN = frozenset(
    "float64 float32 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool complex64 complex128".split()
)


def as_array(stored: StoredTensor) -> NDArray[Any]:
    """Its values; float16 and bfloat16 widened to float32.

    Raises:
        RecordingError: NumPy has no such dtype, or the bytes are not those of its shape.
    """
    try:
        if stored.dtype == "bfloat16":  # the upper half of a float32
            wide = stored.data.view(np.uint16).astype(np.uint32) << 16
            return wide.view(np.float32).reshape(stored.shape)
        if stored.dtype == "float16":
            return stored.data.view(np.float16).astype(np.float32).reshape(stored.shape)
        if stored.dtype in _PLAIN:
            return stored.data.view(np.dtype(stored.dtype)).reshape(stored.shape)
    except ValueError as error:
        raise RecordingError(f"a stored tensor of shape {stored.shape} is damaged: {error}") from error
    raise RecordingError(f"a tensor of dtype {stored.dtype} can't be read without torch")
