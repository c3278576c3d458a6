"""Arrays as pictures: what looks like one, in which shape, on which scale."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import UsageError
from dgmtui.session.view import Picture

SMALLEST = 4
"""A flat tensor of fewer numbers is no picture."""
_SHAPE = re.compile(r"(\d+)[x×](\d+)", re.ASCII)


def shape_given(text: str) -> tuple[int, int] | None:
    """``28x28`` as height and width; None where nothing was given.

    Raises:
        UsageError: it is no shape.
    """
    if not text:
        return None
    found = _SHAPE.fullmatch(text)
    if found is None or not int(found[1]) or not int(found[2]):
        raise UsageError(f"--shape takes height and width, as 28x28; not {text!r}")
    return int(found[1]), int(found[2])


def shape_of(count: int, given: tuple[int, int] | None) -> tuple[int, int] | None:
    """Height and width of ``count`` numbers in a row as a picture: as given, else a square; None where it is none.

    Raises:
        UsageError: the given shape does not hold them.
    """
    if given is not None:
        if given[0] * given[1] != count:
            raise UsageError(f"{given[0]}×{given[1]} holds {given[0] * given[1]:,} numbers, and there are {count:,}")
        return given
    side = math.isqrt(count)
    return (side, side) if count >= SMALLEST and side * side == count else None


def as_picture(values: NDArray[np.float32], given: tuple[int, int] | None = None) -> NDArray[np.float32] | None:
    """``[H, W]`` or ``[H, W, 3]`` of one sample's numbers ``[…]``; None where they are no picture.

    ``[C, H, W]`` is one of channels, of which three are colours and others are averaged; a flat square is square.
    """
    if values.ndim == 1:
        size = shape_of(len(values), given)
        return None if size is None else values.reshape(size)
    if values.ndim == 2 and min(values.shape) > 1:
        return values
    if values.ndim != 3:
        return None
    if values.shape[0] == 3:
        return np.ascontiguousarray(np.moveaxis(values, 0, 2))
    found: NDArray[np.float32] = values[0] if values.shape[0] == 1 else values.mean(axis=0)
    return found


def picture(label: str, values: NDArray[np.float32], limits: tuple[float, float] | None = None) -> Picture:
    """On its own scale, or within ``limits``."""
    low, high = limits or limits_of([values])
    if values.ndim == 3:  # red, green and blue are drawn between the least and the greatest of the three
        values, low, high = (values - low) / ((high - low) or 1.0), 0.0, 1.0
    return Picture(label, values, low, high)


def signed_picture(label: str, values: NDArray[np.float32], most: float | None = None) -> Picture:
    """Around zero."""
    finite = values[np.isfinite(values)]
    most = float(np.abs(finite).max(initial=0.0)) if most is None else most
    return Picture(label, values, -most, most, signed=True)


def limits_of(arrays: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """The least and greatest finite value of all; 0 and 0 where there is none."""
    finite = [values[np.isfinite(values)] for values in arrays]
    if not any(len(values) for values in finite):
        return 0.0, 0.0
    return (
        min(float(values.min()) for values in finite if len(values)),
        max(float(values.max()) for values in finite if len(values)),
    )
