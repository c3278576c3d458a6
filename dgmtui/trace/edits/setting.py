"""``set``: numbers written into a parameter, a buffer or the batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from dgmtui.errors import UsageError
from dgmtui.trace.edits.iteration import Iteration

WAYS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "=": lambda old, new: new,
    "+=": torch.add,
    "-=": torch.sub,
    "*=": torch.mul,
    "/=": torch.div,
}


@dataclass(frozen=True, eq=False)
class SetTensor:
    """An outside tensor, or the part of it that indices pick, set to a value or changed by one."""

    text: str
    name: str
    """Of the outside tensor: ``param:enc.0.weight``."""
    indices: tuple[Any, ...]
    """Whole numbers, slices and tuples of them, applied one after another."""
    way: str
    """``=``, ``+=``, ``-=``, ``*=`` or ``/=``."""
    value: Tensor | float

    def apply(self, iteration: Iteration) -> Iteration:
        """The iteration with the tensor changed in a copy.

        Raises:
            UsageError: an index or the value does not fit.
        """
        changed = iteration.feeds[self.name].detach().clone()
        part = self._part(changed)
        part.copy_(self._new(part))
        return replace(
            iteration, feeds={**iteration.feeds, self.name: changed}, changed=iteration.changed | {self.name}
        )

    def _part(self, whole: Tensor) -> Tensor:
        part = whole
        for index in self.indices:
            try:
                part = part[index]
            except (IndexError, ValueError, TypeError) as error:
                raise UsageError(f"{self.name} of shape {_shape(whole)} has no such part: {error}") from error
        return part

    def _new(self, part: Tensor) -> Tensor:
        value = self.value
        if not isinstance(value, Tensor):  # a tensor without axes takes the dtype of what it is computed with
            value = torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        value = value.detach().to(part.device)
        self._check_shape(part, value)
        held = str(part.dtype).removeprefix("torch.")
        try:
            new = WAYS[self.way](part, value)
        except RuntimeError as error:
            raise UsageError(f"{self.name} holds {held}, which does not take {self.way}: {error}") from error
        if new.is_complex() and not part.is_complex():
            raise UsageError(f"{self.name} holds real numbers ({held}), the value is complex")
        if not (part.is_floating_point() or part.is_complex()) and not _is_whole(new):
            raise UsageError(f"{self.name} holds whole numbers ({held}), the value does not")
        return new

    def _check_shape(self, part: Tensor, value: Tensor) -> None:
        try:
            fits = torch.broadcast_shapes(part.shape, value.shape) == part.shape  # type: ignore[no-untyped-call]
        except RuntimeError:
            fits = False
        if not fits:
            raise UsageError(
                f"a value of shape {_shape(value)} does not fit into {self.name}, of which {_shape(part)} is set"
            )


def _is_whole(value: Tensor) -> bool:
    return not value.is_floating_point() or bool((torch.isfinite(value) & (value == value.trunc())).all())


def _shape(t: Tensor) -> str:
    return "×".join(map(str, t.shape)) or "one number"
