"""How far apart a dtype's numbers lie."""

import math

MANTISSA = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}
"""Bits after the point."""
_SMALLEST = {"float64": -1022, "float32": -126, "float16": -14, "bfloat16": -126}
"""Exponent of the smallest normal number."""


def spacing_at(value: float, dtype: str) -> float:
    """The distance to the next number of ``dtype``; that of float32 for one that is not known."""
    dtype = dtype if dtype in MANTISSA else "float32"
    exponent = math.frexp(abs(value))[1] - 1 if value else _SMALLEST[dtype]
    return math.ldexp(1.0, max(exponent, _SMALLEST[dtype]) - MANTISSA[dtype])
