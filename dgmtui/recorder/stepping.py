"""Which optimisers step after which backward pass, and the snapshots that wait for these steps."""

import weakref
from collections.abc import Sequence

import torch

from dgmtui.recorder.journal import Journal
from dgmtui.recorder.naming import Names
from dgmtui.recorder.pending import Pending
from dgmtui.recording.model import StepOutcome

STATE_BYTES = 256 << 20
"""State is kept in snapshots of iterations that don't fail until it takes so much."""
_NO_STATE = "it was recorded with --no-optimizer-state"


class Following:
    """Adds optimisers' steps to the snapshots of the iteration under way, and writes these when it ends."""

    def __init__(self, journal: Journal, names: Names, wanted: bool) -> None:
        self._journal = journal
        self._names = names
        self._wanted = wanted
        self._pending: list[Pending] = []
        self._bytes = 0
        self._under_way: weakref.ref[torch.optim.Optimizer] | None = None
        """Its step is being made; where it was given a closure, backward passes come within."""
        self._order: dict[int, list[weakref.ref[torch.optim.Optimizer]]] = {}
        """Of the last iteration: which stepped after so many backward passes."""
        self._now: dict[int, list[weakref.ref[torch.optim.Optimizer]]] = {}

    def add(self, pending: Pending) -> None:
        """A snapshot's backward pass has been made."""
        self._pending.append(pending)
        optimizer = None if self._under_way is None else self._under_way()
        if optimizer is not None and pending.concerns(optimizer):
            pending.begin(optimizer, self._refusal, compared=False)

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimiser is about to move its parameters."""
        self._under_way = weakref.ref(optimizer)
        pending = self._last_of(optimizer)
        if pending is not None:
            pending.begin(optimizer, self._refusal)

    def after_step(self, optimizer: torch.optim.Optimizer, passes: int) -> None:
        """It has moved them, after so many backward passes of the iteration."""
        self._under_way = None
        self._now.setdefault(passes, []).append(weakref.ref(optimizer))
        for pending in self._pending:
            pending.end(optimizer, StepOutcome.MADE)

    def skipped(self, optimizer: torch.optim.Optimizer, passes: int) -> None:
        """A ``GradScaler`` left its step out."""
        self._now.setdefault(passes, []).append(weakref.ref(optimizer))
        pending = self._last_of(optimizer)
        if pending is not None:
            pending.begin(optimizer, self._refusal, compared=False)
            pending.end(optimizer, StepOutcome.SKIPPED)

    def end_iteration(self) -> None:
        """Write the snapshots; nothing is added to them any more."""
        waiting, self._pending = self._pending, []
        writer = self._journal.writer
        for pending in waiting:
            self._bytes += pending.nbytes()
            append = pending.ended()
            self._journal.later(lambda append=append: append(writer))  # type: ignore[misc]
        self._order, self._now = self._now or self._order, {}

    def write_so_far(self, known: Sequence[torch.optim.Optimizer]) -> bool:
        """Write the snapshots of the passes made so far with the steps that are to come; whether there are any."""
        waiting, self._pending = self._pending, []
        for pending in waiting:
            self.expect(pending, known, before_backward=False)
            self._bytes += pending.nbytes()
            pending.ended()(self._journal.writer)
        return bool(waiting)

    def expect(self, pending: Pending, known: Sequence[torch.optim.Optimizer], *, before_backward: bool) -> None:
        """Add the steps that would have come after the failing pass: those of the last iteration, else all it may.

        Args:
            before_backward: the failing pass has made no gradients.
        """
        passes = pending.number + 1
        after = min((count for count in self._order if count >= passes), default=passes)
        expected = [one for ref in self._order.get(after, []) if (one := ref()) is not None]
        current = None if self._under_way is None else self._under_way()
        for optimizer in [current] if current is not None else expected or known:
            if pending.concerns(optimizer):
                pending.expect(optimizer, self._refusal_of_failing, after - passes, before_backward=before_backward)

    def _last_of(self, optimizer: torch.optim.Optimizer) -> Pending | None:
        """The snapshot of the last backward pass that made gradients for it."""
        return next((one for one in reversed(self._pending) if one.concerns(optimizer)), None)

    def _refusal(self, size: int) -> str:
        if not self._wanted:
            return _NO_STATE
        held = self._bytes + sum(pending.nbytes() for pending in self._pending)
        whole = sum(stored.data.size for one in self._pending for stored in one.encoded.tensors.values())
        if size and (held + size > STATE_BYTES or not self._journal.writer.takes_snapshot(whole + size)):
            return f"it takes {size:,} bytes, and there was no room left for it"
        return ""

    def _refusal_of_failing(self, size: int) -> str:
        if not self._wanted:
            return _NO_STATE
        fits = self._journal.writer.takes_snapshot(2 * size, failing=True)  # parameters and gradients take as much
        return "" if fits else f"it takes {size:,} bytes, too many for --max-size"
