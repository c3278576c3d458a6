"""What is measured of an iteration that ``--every`` leaves out: what a look for non-finite values passes over anyway.

Almost none of it is ever read, so it stays as the kernel gave it: a single object a tensor, that Python's garbage
collector need not look at.
"""

from dataclasses import dataclass, field

from torch import Tensor

from dgmtui.recorder.elements import NO_ELEMENTS, Elements, Picked
from dgmtui.recorder.measure import Measured, Part, Row, Taken, take_part, take_weight
from dgmtui.recorder.selection import EVERYTHING, Selection
from dgmtui.recording.model import Quantity
from dgmtui.trace import one_pass


@dataclass
class LightRow:
    """The outputs of modules and the gradients of weights, as far as the kernel takes them in one pass."""

    selection: Selection = EVERYTHING
    outputs: dict[str, Taken] = field(default_factory=dict)
    """By module path, of its first call."""
    again: list[tuple[str, Taken]] = field(default_factory=list)
    """Of its other calls."""
    gradients: dict[str, Taken] = field(default_factory=dict)
    elements: Elements = NO_ELEMENTS
    picked: dict[str, Picked] = field(default_factory=dict)
    """Single elements of the gradients, where they are wanted."""
    overflowed: bool = False
    """A weight's gradient is not finite."""
    _last: Measured | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured."""
        return not self.outputs and not self.gradients

    def absorb(self, other: "LightRow") -> None:
        """Add what another pass of the same iteration measured."""
        for path, taken in (*other.outputs.items(), *other.again):
            self._add(path, taken)
        self.gradients |= other.gradients
        self.picked |= other.picked
        self.overflowed |= other.overflowed

    def see_activation(self, path: str, output: Tensor, axis: int | None) -> bytes | None:
        """Measure an output, unless it is the very one just measured under another name: that of a container is.

        Returns:
            What the kernel took of it.
        """
        last = self._last
        if last is None or not last.is_of(output, axis):
            last = self._last = Measured.of(output, axis, path)
            last.part = _take(output, axis)
        taken = last.part
        if taken is not None and self.selection.wants(path, Quantity.ACTIVATION):
            self._add(path, taken)
        return taken if isinstance(taken, bytes) else None

    def _add(self, path: str, taken: Taken) -> None:
        if path in self.outputs:
            self.again.append((path, taken))
        else:
            self.outputs[path] = taken

    def add_gradient(self, path: str, gradient: Tensor, axis: int, known: bytes | None = None) -> None:
        """Measure the gradient of a weight, where it is not known already."""
        if not self.selection.wants(path, Quantity.WEIGHT_GRADIENT):
            return
        taken: Taken | None = known or one_pass.take(gradient, axis, norms=True)
        if taken is None and one_pass.is_finite(gradient) is not None:
            taken = take_weight(gradient, axis)
            self.overflowed |= isinstance(taken, Part) and taken.is_nonfinite
        if taken is None:
            return
        self.gradients[path] = taken
        picked = self.elements.of(gradient)
        if picked is not None:
            self.picked[path] = picked

    def whole(self) -> Row:
        """The same as a row that can be written."""
        row = Row(selection=self.selection, overflowed=self.overflowed)
        for path, taken in (*self.outputs.items(), *self.again):
            row.parts.setdefault((path, Quantity.ACTIVATION), []).append(taken)
        for path, taken in self.gradients.items():
            row.parts[path, Quantity.WEIGHT_GRADIENT] = [taken]
        row.picked = {(path, Quantity.WEIGHT_GRADIENT): picked for path, picked in self.picked.items()}
        return row


def _take(output: Tensor, axis: int | None) -> Taken | None:
    """An output, where one pass over it tells all, or why it doesn't."""
    taken = one_pass.take(output, axis) if axis is not None else None
    if taken is None and one_pass.is_finite(output) is not None:
        return take_part(output, axis)
    return taken


def joined(row: Row | LightRow, other: Row | LightRow) -> Row | LightRow:
    """``row`` with what another pass of its iteration measured; light where both are."""
    if isinstance(row, LightRow) and isinstance(other, LightRow):
        row.absorb(other)
        return row
    row, other = whole(row), whole(other)
    row.absorb(other)
    return row


def whole(row: Row | LightRow) -> Row:
    """A row as it can be written."""
    return row if isinstance(row, Row) else row.whole()
