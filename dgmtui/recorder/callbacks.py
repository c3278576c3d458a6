"""Recording from within a trainer that owns the loop: Lightning's and Hugging Face's."""

import atexit
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

import torch
from torch import nn

from dgmtui.recorder.api import Recorder
from dgmtui.recorder.options import Options, Settings


class TrainerRecorder:
    """What the callbacks of both share: a recorder from the first iteration of a training to its end."""

    def __init__(self, path: str | Path, **settings: Unpack[Settings]) -> None:
        Options(**settings)  # what can't be is said now, and not when the training begins
        self._path = Path(path)
        self._settings = settings
        self._recorder: Recorder | None = None
        self._told_before = sys.excepthook

    def begin(self, model: nn.Module, optimizers: Iterable[torch.optim.Optimizer]) -> None:
        """The training begins; one that is under way ends."""
        self.end()
        recorder = Recorder(self._path, model, **self._settings)
        for optimizer in optimizers:
            recorder.add_optimizer(optimizer)
        recorder.close_when_stopped()
        self._recorder = recorder.__enter__()
        atexit.register(self.end)

    def hear_uncaught(self) -> None:
        """The trainer tells its callbacks of no exception: the one that ends the script is heard as it is shown."""
        if sys.excepthook != self._end_and_tell:
            self._told_before, sys.excepthook = sys.excepthook, self._end_and_tell

    def _end_and_tell(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.end(error)
        self._told_before(kind, error, trace)

    def end(self, error: BaseException | None = None) -> None:
        """The training is over, by ``error`` where it was one."""
        recorder, self._recorder = self._recorder, None
        if sys.excepthook == self._end_and_tell:
            sys.excepthook = self._told_before
        if recorder is not None:
            recorder.__exit__(None if error is None else type(error), error, None)
            atexit.unregister(self.end)

    def log(self, scalars: dict[str, Any]) -> None:
        """Record the numbers among ``scalars`` with the iteration just ended."""
        numbers = {name: float(value) for name, value in scalars.items() if _is_number(value)}
        if self._recorder is not None and numbers:
            self._recorder.log(**numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, torch.Tensor) and value.numel() == 1)
