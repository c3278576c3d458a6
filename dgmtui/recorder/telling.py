"""Facts of parameters, optimisers and modes, told as events where they are other than before."""

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from dgmtui.recorder.facts import Facts
from dgmtui.recorder.journal import Journal
from dgmtui.recorder.keeping import is_power
from dgmtui.recorder.modes import Modes, told
from dgmtui.recorder.naming import Names
from dgmtui.recorder.window import Window
from dgmtui.recording.model import MODE, PARAMETERS, SETTINGS


class Telling:
    """Looks at iterations 0, 1, 2, 4, 8, … and at the end; only the mode is followed through every iteration."""

    def __init__(self, journal: Journal, names: Names) -> None:
        self._journal = journal
        self._names = names
        self._facts = Facts(names)
        self._modes = Modes()
        self._last: dict[str, str] = {}
        """Kind of event → what was told last."""
        self.refused = False
        """Parameters are shared out over the ranks: none is looked at."""

    def add_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser was made."""
        self._facts.add_optimizer(optimizer)

    def before_backward(self, iteration: int, window: Window, parameters: Mapping[str, Tensor]) -> None:
        """A backward pass begins."""
        self._modes.see(window.passes)
        if self._looks(iteration):
            self._facts.before_backward(parameters)

    def after_backward(self, iteration: int) -> None:
        """It has made gradients."""
        if self._looks(iteration):
            self._facts.after_backward()

    def before_step(self, iteration: int, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser is about to move its parameters."""
        if self._looks(iteration):
            self._facts.before_step(optimizer)

    def end_iteration(self, iteration: int, *, last: bool = False) -> None:
        """Tell what is other than before; ``last``: the run is over."""
        changed = self._modes.end_iteration()
        if changed:
            message, data = told(changed)
            self._journal.event(iteration, MODE, message, data)
        if self._looks(iteration) or (last and self._facts.whole):
            self._tell(iteration)

    def _looks(self, iteration: int) -> bool:
        return is_power(iteration) and not self.refused

    def _tell(self, iteration: int) -> None:
        if self.refused:
            return
        known = self._facts.parameters()
        moved, count = sum(one["moved"] for one in known["parameters"]), len(known["parameters"])
        self._tell_if_new(iteration, PARAMETERS, f"{moved} of {count} parameters have moved so far", known)
        settings = self._facts.settings()
        rates = [group.get("lr") for one in settings["optimizers"] for group in one["groups"]]
        self._tell_if_new(iteration, SETTINGS, f"learning rates: {', '.join(map(str, rates)) or 'none'}", settings)

    def _tell_if_new(self, iteration: int, kind: str, message: str, data: dict[str, Any]) -> None:
        as_text = json.dumps(data, sort_keys=True)
        if self._last.get(kind) != as_text:
            self._last[kind] = as_text
            self._journal.event(iteration, kind, message, data)
