"""The look at every gradient after each backward pass, and what is measured of the weights' by the way."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from torch import Tensor

from dgmtui.recorder.finite import any_nonfinite
from dgmtui.recorder.naming import Names
from dgmtui.recorder.selection import Selection
from dgmtui.recorder.weights import Weight, weights_in
from dgmtui.recording.model import Quantity
from dgmtui.trace import one_pass


class _Seen(NamedTuple):
    """A gradient as a backward pass left it."""

    gradient: Tensor
    version: int
    address: int
    axis: int
    taken: bytes

    def still(self, gradient: Tensor, axis: int) -> bool:
        """Whether it is this tensor and nothing that PyTorch counts has changed it."""
        return (
            gradient is self.gradient
            and axis == self.axis
            and gradient._version == self.version
            and gradient.data_ptr() == self.address
        )


class Gradients:
    """A gradient is read once where nothing changes it between the backward pass and the step.

    What is done through ``.data``, as ``p.grad.data.clamp_(-1, 1)``, PyTorch doesn't count. Where a row is written each
    gradient is therefore measured at the step in any case, and compared with what the backward pass left: from the
    first that was changed unnoticed on, all are measured at the step.
    """

    def __init__(self, names: Names, selection: Selection) -> None:
        self._names = names
        self._selection = selection
        self._weights: dict[int, Weight] = {}
        """By the parameter's id."""
        self._generation = -1
        self._seen: dict[int, _Seen] = {}
        """By the parameter's id; they are held until the step, or until the next pass begins."""
        self._changed_unnoticed = False

    def any_nonfinite(self, parameters: Mapping[str, Tensor], *, measure: bool) -> bool:
        """Whether a gradient holds NaN or Inf; ``measure``: those of weights are measured by the way."""
        if not measure or self._changed_unnoticed:
            self._seen = {}
            return any_nonfinite(p.grad for p in parameters.values() if p.grad is not None)
        if self._generation != self._names.generation:
            self._find_weights()
        return any_nonfinite(self._not_taken(parameters.values()))

    def _not_taken(self, parameters: Iterable[Tensor]) -> Iterable[Tensor]:
        self._seen = {}
        for parameter in parameters:
            gradient = parameter.grad
            if gradient is None:
                continue
            weight, taken = self._weights.get(id(parameter)), None
            if weight is not None and weight.parameter() is parameter:
                taken = one_pass.take(gradient, weight.axis, norms=True)
            if weight is None or taken is None:
                yield gradient
            else:
                seen = _Seen(gradient, gradient._version, gradient.data_ptr(), weight.axis, taken)
                self._seen[id(parameter)] = seen

    def _find_weights(self) -> None:
        self._generation, self._weights = self._names.generation, {}
        for weight, tensor in weights_in(self._names):
            if self._selection.wants(weight.path, Quantity.WEIGHT_GRADIENT):
                self._weights.setdefault(id(tensor), weight)

    def taken(self, parameter: Tensor, gradient: Tensor, axis: int) -> bytes | None:
        """What was measured of a gradient after the last backward pass, where it is still the same."""
        seen = self._seen.get(id(parameter))
        return seen.taken if seen is not None and seen.still(gradient, axis) else None

    def compare(self, parameter: Tensor, gradient: Tensor, axis: int, bits_sum: int | None) -> None:
        """A gradient was measured at the step, and its bits sum up to ``bits_sum``: had it changed unnoticed?"""
        known = self.taken(parameter, gradient, axis)
        self._changed_unnoticed |= known is not None and one_pass.bits_sum_in(known) != bits_sum

    def forget(self) -> None:
        """The step was made, or a pass begins: nothing is held any longer."""
        self._seen = {}
