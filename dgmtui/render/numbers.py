"""Numbers as a person reads them: four digits that mean something, and non-finite values in letters."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def human(value: Any, digits: int = 4) -> str:
    """One cell as text: ``12,288``, ``0.04213``, ``1.2e-09``, ``inf``, ``yes``; an absent value is ``–``."""
    if value is None:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        return _real(float(value), digits)
    return str(value)


def signed(value: float | None, digits: int = 3) -> str:
    """With its sign, for what adds up: ``+0.02``."""
    if value is None:
        return "–"
    return human(float(value), digits) if value < 0 or math.isnan(value) else "+" + human(float(value), digits)


def shape(sizes: tuple[int, ...]) -> str:
    """``64×1×28×28``; a scalar is ``scalar``."""
    return "×".join(map(str, sizes)) or "scalar"


def finite_share(bad: int, sizes: Sequence[int]) -> str:
    """``100 %`` only where all are finite."""
    count = 1
    for size in sizes:
        count *= size
    if not bad or not count:
        return "100 %"
    return f"{min(99.9, 100 * (1 - bad / count)):.3g} %"


def _real(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    if value == int(value) and abs(value) < 10**digits:
        return str(int(value))
    rounded = float(f"{value:.{digits - 1}e}")
    if 1e-4 <= abs(rounded) < 10 ** (digits + 2):
        places = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
        text = f"{rounded:,.{places}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent):+03d}"
