"""A series in one line of text."""

import math
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇"
"""Without the full block: in a column of spark lines it would touch the one above."""
NONFINITE = "✗"


def spark(values: Sequence[float], width: int) -> str:
    """At most ``width`` bars from the least to the greatest finite value, ``✗`` where a value is not finite.

    Of values that share a bar the greatest in magnitude counts, and a non-finite one before all, so none is lost.
    """
    count = min(width, len(values))
    shares = [values[i * len(values) // count : (i + 1) * len(values) // count] for i in range(count)]
    tops = [max(share, key=lambda v: math.inf if math.isnan(v) else abs(v)) for share in shares]
    finite = [v for v in tops if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_bar(v, low, high) for v in tops)


def _bar(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return NONFINITE
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.0
    return _BARS[min(len(_BARS) - 1, int(share * len(_BARS)))]
