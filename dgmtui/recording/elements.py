"""Which single elements of a tensor are followed, and what their series are called."""

import math

import numpy as np
from numpy.typing import NDArray

from dgmtui.recording.model import Channel, Measure

MOST_AXES = 64
"""PyTorch's tensors have no more."""


def places_of(count: int, size: int) -> NDArray[np.int64]:
    """``[count]``: of a tensor of ``size`` elements in C order those that are followed, evenly over it.

    The j-th is at ``j * size // count``, worked out so that no product leaves int64.
    """
    each, rest = divmod(size, count)
    numbers = np.arange(count, dtype=np.int64)
    return numbers * each + numbers * rest // count


def index_of(series: int, channel: Channel) -> tuple[int, ...]:
    """Where in its tensor the element lies whose series is the ``series``-th of the channel's."""
    place = series * math.prod(channel.shape) // channel.elements
    index = []
    for length in reversed(channel.shape):
        place, at = divmod(place, length)
        index.append(at)
    return tuple(reversed(index))


def series_label(channel: Channel, measure: Measure | str, series: int) -> str:
    """What the ``series``-th of a channel's is called: ``[212]`` a unit's, ``[17,203]`` an element's."""
    if measure != Measure.ELEMENT:
        return f"[{series}]"
    return f"[{','.join(map(str, index_of(series, channel)))}]"


def has_elements_within(channel: Channel) -> bool:
    """Whether a tensor of the shape that the channel tells has as many elements as it claims to follow."""
    if channel.elements == 0:
        return True
    return (
        0 < len(channel.shape) <= MOST_AXES
        and min(channel.shape) > 0
        and 0 < channel.elements <= math.prod(channel.shape)
    )
