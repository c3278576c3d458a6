"""What is measured of the modules' outputs, and of the gradients that come back to them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dgmtui.recorder.journal import Journal
from dgmtui.recorder.light import LightRow
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names
from dgmtui.recorder.window import Checked, Window, checksum
from dgmtui.trace.units import unit_axis


class Outputs:
    """Each is measured as the iteration's row asks, and a leaf's is kept as a number that a replay must give too."""

    def __init__(self, names: Names, journal: Journal, warn: Callable[[str], None]) -> None:
        self._names = names
        self._journal = journal
        self._warn = warn

    def see(self, window: Window, module: nn.Module, output: Tensor) -> None:
        """A module within the pass gave an output."""
        row = window.row
        if isinstance(row, LightRow):
            self._see_light(window, row, module, output)
            return
        leaf = _is_leaf(module, output)
        if row is None and not leaf and self._journal.begun:
            return
        path = self._names.path(module)
        axis = self._axis(path, module, output) if row is not None or path not in self._journal.shapes else None
        names = None if row is None else row.see_activation(path, output, axis)
        if leaf:
            known = None if row is None else row.taken_of(output)
            window.checks.append(Checked(path, checksum(output) if known is None else known, len(window.parts)))
        if row is not None and names is not None and output.requires_grad:
            output.register_hook(lambda gradient: self._see_gradient(row, names, gradient, axis))  # type: ignore[no-untyped-call]

    def _see_light(self, window: Window, row: LightRow, module: nn.Module, output: Tensor) -> None:
        path = self._names.path(module)
        taken = row.see_activation(path, output, self._axis(path, module, output))
        if not module._modules and (taken is not None or _is_leaf(module, output)):
            window.checks.append(Checked(path, checksum(output) if taken is None else taken, len(window.parts)))

    def _axis(self, path: str, module: nn.Module, output: Tensor) -> int | None:
        """The units' axis of an output; the first of each module is noted."""
        known = self._journal.shapes.get(path)
        if known is not None and known[0] == output.shape:
            return known[1]
        axis = unit_axis(output.shape, type(module).__name__)
        self._journal.shapes.setdefault(path, (tuple(output.shape), axis))
        return axis

    def _see_gradient(self, row: Row, paths: list[str], gradient: Tensor, axis: int | None) -> None:
        try:
            row.see_gradient(paths, gradient, axis)
        except Exception as error:  # autograd would raise it in the user's backward pass
            self._warn(f"a gradient of {paths[0]} was not recorded: {error}")


def _is_leaf(module: nn.Module, output: Tensor) -> bool:
    """Whether it is an operation's output, which a replay is compared by, and not just a container's."""
    return not module._modules and output.is_floating_point() and output.layout == torch.strided
