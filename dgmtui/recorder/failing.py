"""The first iteration that is not finite: what is measured of it and known of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from dgmtui.recorder.capture import Backward, Captured, Given, add_weights, rows_of, rows_told, transient
from dgmtui.recorder.elements import Elements
from dgmtui.recorder.light import LightRow, joined, whole
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names


def failing_row(
    row: Row | LightRow | None,
    backward: Backward,
    captured: Captured,
    gradients: Mapping[str, Tensor] | None,
    names: Names,
    elements: Elements,
) -> Row:
    """All that its passes measured into ``row``; where that is not everything, what its replay gives besides."""
    seen = backward.window.row
    if row is not None and seen is not None:
        row = joined(row, seen)
        backward.window.row = None
        if row.selection.is_all and isinstance(row, Row):
            add_weights(row, names, gradients=gradients is not None)
            return row
    made = rows_of(captured, names, elements, backward=gradients is not None and not backward.weighted)
    if row is not None:
        made.complete(whole(row))
    return made


def known_of(
    captured: Captured, backward: Backward, gradients: Mapping[str, Tensor] | None, given: Sequence[Given]
) -> dict[str, Any]:
    """What its snapshot tells besides tensors: is it gone the second time, what were its rows of the data set."""
    extra: dict[str, Any] = {}
    if captured.same and gradients is None and transient(captured, backward.loss):
        extra["transient"] = True
    if gradients is not None and backward.averaged_over > 1:
        extra["averaged_over"] = backward.averaged_over
    return extra | rows_told(backward.window, given)
