"""What an optimiser's step does to the weights."""

import torch
from torch import Tensor

from dgmtui.recorder.capture import add_weights
from dgmtui.recorder.measure import Row
from dgmtui.recorder.naming import Names, weight_of
from dgmtui.recording.model import Quantity


class Updates:
    """Measures weights and their gradients before a step, and after it how far each unit's weights moved."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._before: dict[str, tuple[Tensor, int]] = {}
        self._stepped: set[int] = set()
        """The parameters of the step under way, by their ids."""
        self._gradients_follow = False

    def before(self, row: Row, optimizer: torch.optim.Optimizer, *, backward_was_made: bool) -> None:
        """The step is about to be made; an optimiser with a closure makes its gradients within it."""
        mine = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        self._stepped, self._gradients_follow = mine, not backward_was_made
        add_weights(row, self._names, gradients=backward_was_made, only=mine)
        for path, module in self._names.modules():
            found = weight_of(module)
            wanted = row.selection.wants(path, Quantity.UPDATE)
            if found is not None and wanted and id(found[1]) in mine:
                self._before[path] = (found[1].detach().clone(), found[2])

    def after(self, row: Row) -> None:
        """The step was made."""
        for path, module in self._names.modules() if self._before or self._gradients_follow else ():
            found = weight_of(module)
            if found is None or id(found[1]) not in self._stepped:
                continue
            if path in self._before:
                (before, axis), now = self._before[path], found[1].detach()
                if before.shape == now.shape:
                    row.add_weight(path, Quantity.UPDATE, torch.sub(now, before, out=before), axis)
            if self._gradients_follow and found[1].grad is not None:
                row.add_weight(path, Quantity.WEIGHT_GRADIENT, found[1].grad, found[2])
        self._before = {}
