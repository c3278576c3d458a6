"""Recording from within a script."""

import atexit
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import nn

from dgmtui.recorder.engine import Engine, StopTraining
from dgmtui.recorder.hooks import Hooks, refuse_second_thread
from dgmtui.recorder.launch import run_info
from dgmtui.recorder.ranks import path_of_rank, replica
from dgmtui.recorder.ring import LAST
from dgmtui.recorder.saying import teller
from dgmtui.recorder.selection import Selection
from dgmtui.recording.budget import parse_size
from dgmtui.recording.model import End
from dgmtui.recording.writer import RecordingWriter


class Recorder:
    """Records the training loop within a ``with`` block.

        with dgmtui.Recorder("run.h5", model, optimizer) as rec:
            for x, y in loader:
                with rec.iteration(x, y):
                    loss = criterion(model(x), y)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                rec.log(accuracy=accuracy)

    With ``on_nonfinite="stop"`` the block is left at the first non-finite loss or gradient, ``stopped_at`` tells where;
    with ``"continue"`` the training goes on. Statistics and series are kept of each ``every``-th iteration, and of the
    ``last`` ones before a failure (0: of none; fewer where they take more than 64 MB): of these the outputs of modules
    and the gradients of weights, or with ``last_whole`` all, which costs what ``every=1`` does. ``only`` and
    ``without`` select what of, as ``["dec.*", ":gradient"]``: modules, quantities, or both (``dec.*:gradient``).
    ``max_size`` (``"2G"``, or bytes) is the most that the file takes: what is old is thinned. Where several ranks
    train, each records into a file of its own, ``run.rank0.h5`` and so on.
    """

    def __init__(
        self,
        path: str | Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        every: int = 10,
        last: int = LAST,
        last_whole: bool = False,
        on_nonfinite: str = "stop",
        only: Sequence[str] = (),
        without: Sequence[str] = (),
        max_size: str | int | None = None,
    ) -> None:
        self.path = path_of_rank(Path(path))
        refuse_second_thread()
        self._say = teller()
        selection = Selection(only, without)
        info = run_info(sys.argv[0], sys.argv[1:], every, selection)
        writer = RecordingWriter(self.path, info, max_size=None if max_size is None else parse_size(max_size))
        self._engine = Engine(
            writer,
            every=every,
            last=last,
            last_whole=last_whole,
            on_nonfinite=on_nonfinite,
            selection=selection,
            say=self._say,
        )
        self._engine.names.add_root(type(replica(model)).__name__, model)
        if optimizer is not None:
            self._engine.new_optimizer(optimizer)
        self._hooks = Hooks(self._engine, self._say)
        self._closed = False

    @property
    def stopped_at(self) -> int | None:
        """The iteration at which the training was stopped for a non-finite value."""
        return self._engine.stopped_at

    @contextmanager
    def iteration(self, *batch: Any) -> Iterator[None]:
        """One pass over ``batch``; the iteration ends with the optimiser's step, or else with the block."""
        before = self._engine.iteration
        self._engine.in_block = True
        try:
            yield
        finally:
            self._engine.in_block = False
        if self._engine.iteration == before:
            self._hooks.safely(self._engine.end_iteration)

    def add_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Tell of an optimiser that was made before; an iteration ends when each has had its turn."""
        self._engine.new_optimizer(optimizer)

    def close_when_stopped(self) -> None:
        """Close the recording as the run is stopped, for those who can't leave the ``with`` block then."""
        self._hooks.stopped = lambda stop: self.__exit__(type(stop), stop, None)

    def close(self) -> None:
        """End the recording, where it was not entered by ``with``; else the end of the process does."""
        self.__exit__(None, None, None)

    def log(self, **scalars: float) -> None:
        """Record numbers with the iteration under way or just ended."""
        self._hooks.safely(self._engine.log, {name: float(value) for name, value in scalars.items()})

    def __enter__(self) -> "Recorder":
        self._hooks.__enter__()
        atexit.register(self.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._closed:
            return isinstance(error, StopTraining)
        self._closed = True
        atexit.unregister(self.close)
        self._hooks.__exit__(kind, error, trace)
        last = self._engine.stopped_at
        if isinstance(error, StopTraining):
            self._hooks.finish(End("nonfinite", last or 0, str(error)))
            self._say(f"stopped: iteration {last} is not finite; look at it with: dgmtui {self.path}")
            return True
        reason = "finished" if error is None else "interrupted" if isinstance(error, KeyboardInterrupt) else "exception"
        message = "" if error is None else f"{type(error).__name__}: {error}"
        self._hooks.finish(End(reason, self._engine.reached, message))
        return False
