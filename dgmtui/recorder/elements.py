"""The values of single elements of a weight, of its gradient and of what a step changes in it."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dgmtui.recorder.ranks import local_part
from dgmtui.recording.elements import places_of


class Picked(NamedTuple):
    """Elements of one tensor."""

    values: NDArray[np.float32]
    """``[E]``."""
    shape: tuple[int, ...]
    """The tensor's; of one that ranks share out, of this rank's part."""


class Elements:
    """Picks at most so many of each tensor, evenly over it: the same ones each time."""

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._places: dict[tuple[int, torch.device], Tensor] = {}
        """By how many elements a tensor has."""

    def of(self, tensor: Tensor, before: Tensor | None = None) -> Picked | None:
        """Those of ``tensor``, or how far each moved from ``before``.

        Returns:
            None where none are wanted, and of complex numbers.
        """
        if self._most == 0 or tensor.is_complex():
            return None
        with torch.no_grad():
            part = _part(tensor)
            if part.numel() == 0:
                return None
            values = self._gather(part)
            if before is not None:
                values = values - self._gather(_part(before))
            host = values.to("cpu", torch.float32, copy=True).numpy()
        return Picked(host, tuple(part.shape))

    def _gather(self, part: Tensor) -> Tensor:
        flat, size = part.reshape(-1), part.numel()
        if size <= self._most:
            return flat
        key = size, part.device
        places = self._places.get(key)
        if places is None:
            places = self._places[key] = torch.from_numpy(places_of(self._most, size)).to(part.device)
        return flat[places]


def _part(tensor: Tensor) -> Tensor:
    part = local_part(tensor.detach())
    return part if part.layout == torch.strided else part.to_dense()


NO_ELEMENTS = Elements()
