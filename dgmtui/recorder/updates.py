"""What an optimiser's step does to the weights."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.recorder.gradients import Gradients
from dgmtui.recorder.light import LightRow
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names
from dgmtui.recorder.weights import Weight, Weights
from dgmtui.recording.model import Quantity


@dataclass
class _Copy:
    """A weight as it was."""

    numbers: Tensor
    bits_sum: int | None = None
    """Of the weight's bits as the copy was made; None where nothing tells whether it is still the same."""


class Updates:
    """Measures weights and their gradients before a step, and after it how far each unit's weights moved."""

    def __init__(self, names: Names, gradients: Gradients) -> None:
        self._weights = Weights(names)
        self._gradients = gradients
        self._stepped: list[tuple[Weight, Tensor]] = []
        """The weights of the step under way."""
        self._copies: dict[str, _Copy] = {}
        """By module path; those of the step before where the next one is measured too."""
        self._gradients_follow = False

    def before(self, row: Row | LightRow, optimizer: torch.optim.Optimizer, *, backward_was_made: bool) -> None:
        """The step is about to be made; an optimiser with a closure makes its gradients within it."""
        self._stepped, self._gradients_follow = self._weights.of(optimizer), not backward_was_made
        if backward_was_made:
            self._measure_gradients(row)
        if isinstance(row, Row):
            for weight, tensor in self._stepped:
                bits_sum = row.add_weight(weight.path, Quantity.WEIGHT, tensor, weight.axis)
                if row.selection.wants(weight.path, Quantity.UPDATE):
                    self._copy(weight.path, tensor, bits_sum)

    def _measure_gradients(self, row: Row | LightRow) -> None:
        for weight, tensor in self._stepped:
            gradient = tensor.grad
            if gradient is None:
                continue
            if isinstance(row, LightRow):
                known = self._gradients.taken(tensor, gradient, weight.axis)
                row.add_gradient(weight.path, gradient, weight.axis, known)
            else:
                bits_sum = row.add_weight(weight.path, Quantity.WEIGHT_GRADIENT, gradient, weight.axis)
                self._gradients.compare(tensor, gradient, weight.axis, bits_sum)

    def _copy(self, path: str, tensor: Tensor, bits_sum: int | None) -> None:
        known = self._copies.get(path)
        if known is None or known.numbers.shape != tensor.shape or known.numbers.dtype != tensor.dtype:
            self._copies[path] = _Copy(tensor.detach().clone())
        elif known.bits_sum is None or known.bits_sum != bits_sum:
            known.numbers.copy_(tensor.detach())

    def after(self, row: Row | LightRow, *, next_too: bool) -> None:
        """The step was made; ``next_too``: what it came to is where the next one, measured too, begins."""
        if self._gradients_follow:
            self._measure_gradients(row)
        if isinstance(row, Row):
            self._measure_updates(row, renew=next_too)
        self._stepped = []
        if not next_too:
            self._copies = {}

    def _measure_updates(self, row: Row, *, renew: bool) -> None:
        for weight, tensor in self._stepped:
            copy = self._copies.get(weight.path)
            if copy is not None and copy.numbers.shape == tensor.shape:
                copy.bits_sum = row.add_weight(
                    weight.path, Quantity.UPDATE, tensor, weight.axis, before=copy.numbers, renew=renew
                )
