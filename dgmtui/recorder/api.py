"""Recording from within a script."""

import atexit
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

import torch
from torch import nn

from dgmtui.recorder.engine import StopTraining
from dgmtui.recorder.finishing import compacted, stopped_words
from dgmtui.recorder.hooks import Hooks, refuse_second_thread
from dgmtui.recorder.options import Options, Settings
from dgmtui.recorder.ranks import path_of_rank, replica
from dgmtui.recorder.saying import teller
from dgmtui.recorder.starting import start
from dgmtui.recording.model import End


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

    Where several ranks train, each records into a file of its own, ``run.rank0.h5`` and so on.

    Args:
        path: the recording's file; an older one there is replaced.
        every: statistics and series are kept of each ``every``-th iteration (default 10); the loss and the check for
            non-finite values are of every one.
        last: where something fails, also of so many iterations before it (default 32) that ``every`` leaves out, though
            only of the outputs of modules and the gradients of weights. 0: of none; of fewer where these take over
            64 MB.
        last_whole: of these iterations too all is measured, which costs what ``every=1`` does.
        on_nonfinite: at the first loss or gradient that is not finite ``"stop"`` (default) leaves the block, and
            ``stopped_at`` tells where; with ``"continue"`` the training goes on; ``"debug"`` opens the screen in the
            terminal there and then, and whoever leaves it says whether the training stops or goes on.
        on_exception: where an exception leaves the block ``"debug"`` opens the screen on the iteration that raised it;
            when it is left, the exception goes on as it does at once with ``"stop"`` (default).
        only: patterns of what statistics and series are kept of, as ``["dec.*", ":gradient", "enc:update"]``: modules
            with what is within them, quantities, or both. Nothing: of everything.
        without: patterns of what is left out of that.
        elements: of each weight, its gradient and what the step changes in it also the values of at most so many single
            elements, evenly over it (default 0). Not of activations, whose elements are of another sample each
            iteration.
        optimizer_state: snapshots hold the optimisers' state too (default True), so that the step that followed, or
            was to follow, can be taken again; Adam's is as large as parameters and gradients together. In snapshots of
            iterations that don't fail it takes at most 256 MB.
        snapshots: iterations that are kept as snapshots whatever the schedule, and traced anew, as those before a
            failure that is known to come: ``range(1310, 1317)``.
        max_size: the most that the file takes, as ``"2G"`` or in bytes: what is old is thinned. None: no limit.
        compress: compact the file once it is closed, as ``dgmtui compact`` does. What came of it is said; where it
            fails, the file stays as it is.
        watcher: ``dgmtui.Watcher()`` looks at losses and statistics every few seconds, for at most a hundredth of the
            time, and says a line where something goes wrong. None: nobody does.

    Raises:
        UsageError: one of these has a value that it can't have.
        RecordingError: the recording can't be made there.
    """

    def __init__(
        self,
        path: str | Path,
        model: nn.Module,
        optimizer: torch.optim.Optimizer | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        options = Options(**settings)
        self.path = path_of_rank(Path(path))
        refuse_second_thread()
        self._say = teller()
        self._writer, self._engine = start(self.path, sys.argv[0], sys.argv[1:], options, self._say)
        self._compress = options.compress
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
        stopped = isinstance(error, StopTraining)
        if isinstance(error, Exception):
            with suppress(KeyboardInterrupt):  # the training ends by this exception
                self._hooks.safely(self._engine.raised, error)
        whole = self._hooks.finish(self._end(error))
        if whole and self._compress and self._writer.begun:
            self._say(compacted(self._writer.path))
        if stopped and self.stopped_at is not None:
            self._say(stopped_words(self.path, self._engine.stopped_at or 0))
        return stopped

    def _end(self, error: BaseException | None) -> End:
        if error is None:
            return End("finished", self._engine.reached, "")
        if isinstance(error, StopTraining):
            return End(error.reason, self._engine.reached, str(error))
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else "exception"
        return End(reason, self._engine.reached, f"{type(error).__name__}: {error}")
