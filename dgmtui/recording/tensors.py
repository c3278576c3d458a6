"""Whether a stored tensor can be what it says: type known, bytes enough for the shape, place within the data."""

import math

from dgmtui.errors import RecordingError
from dgmtui.recording.model import TensorSpec

ITEM_BYTES = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "float8_e4m3fn": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2": 1,
    "float8_e5m2fnuz": 1,
    "float8_e8m0fnu": 1,
    "uint16": 2,
    "int16": 2,
    "float16": 2,
    "bfloat16": 2,
    "uint32": 4,
    "int32": 4,
    "float32": 4,
    "complex32": 4,
    "uint64": 8,
    "int64": 8,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
"""Bytes of one element, by torch's name of the type."""


def check_spec(spec: TensorSpec, stored: int) -> None:
    """``RecordingError`` unless the tensor lies within the first ``stored`` bytes and fills its shape."""
    size = ITEM_BYTES.get(spec.dtype)
    if size is None:
        raise RecordingError(f"a stored tensor has the unknown type {spec.dtype!r}: upgrade dgmtui, or record again.")
    if any(n < 0 for n in spec.shape) or math.prod(spec.shape) * size != spec.nbytes:
        raise RecordingError(
            f"a stored tensor of {spec.nbytes} bytes can't have the shape {spec.shape}: it is damaged."
        )
    if spec.offset < 0 or spec.offset + spec.nbytes > stored:
        raise RecordingError(
            f"a stored tensor ends at byte {spec.offset + spec.nbytes} of {stored}: the file is truncated or damaged."
        )
