"""Which iterations are kept as snapshots before any fails; each is the proof that the trace before still stands."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from torch import Tensor

from dgmtui.recorder.capture import Backward, Encoded, Given, capture, encode, rows_told
from dgmtui.recorder.journal import Journal
from dgmtui.recorder.naming import Names
from dgmtui.recorder.onset import Onsets
from dgmtui.recorder.pending import Pending
from dgmtui.recorder.stepping import Following
from dgmtui.recording.model import ONSET, Match

SNAPSHOT_BYTES = 256 << 20
"""Snapshots of iterations that don't fail are kept until they take so much."""
_SHARES = {"scheduled": 3 / 4, ONSET: 1 / 4}
"""What there is of it for each reason: when an onset comes, the scheduled ones must not have taken it all."""


class Keeper:
    """Keeps iterations 0, 1, 2, 4, 8, … and onsets; after a trace went stale the next one too."""

    def __init__(
        self,
        journal: Journal,
        names: Names,
        given: Sequence[Given],
        say: Callable[[str], None],
        *,
        optimizer_state: bool = True,
        asked: Collection[int] = (),
    ) -> None:
        self.always = False
        """A trace went stale: every iteration is to be traced."""
        self._journal = journal
        self._names = names
        self._given = given
        self._say = say
        self._owes = False
        self._onsets = Onsets()
        self._bytes = dict.fromkeys(_SHARES, 0)
        self._left_out = False
        self._asked = frozenset(asked)
        """Iterations that are to be kept in any case."""
        self.following = Following(journal, names, optimizer_state)
        """The optimisers' steps, which are added to what is kept."""

    def due(self, iteration: int, loss: float, number: int) -> str | None:
        """Why the backward pass that begins, the ``number``-th of the iteration, is to be kept; None where it isn't."""
        what = f"loss of turn {number + 1}" if number else "loss"
        told = self._onsets.follow(iteration, what, loss)
        if told is not None:
            self._journal.event(iteration, ONSET, told)
            if self._has_room(ONSET):
                return ONSET
        if iteration in self._asked:
            return "scheduled"
        scheduled = is_power(iteration) or self._owes
        return "scheduled" if scheduled and self._has_room("scheduled") else None

    def traces(self, iteration: int) -> bool:
        """Whether it is traced though a trace of such a pass is there: that one may not be of what happens now."""
        return self.always or iteration in self._asked

    def _has_room(self, reason: str) -> bool:
        return self._bytes[reason] < SNAPSHOT_BYTES * _SHARES[reason]

    def keep(
        self,
        reason: str,
        iteration: int,
        backward: Backward,
        gradients: Mapping[str, Tensor],
        turn: Callable[[], str],
    ) -> None:
        """Replay an iteration, compare and write it; ``turn`` is asked when it is written."""
        captured = capture(backward, self._names, gradients)
        fresh = backward.plan is not None and bool(backward.plan.feeds_now)
        if captured.verdict.forward is Match.DIFFERS and not fresh and not self.always:
            self._trace_always(iteration, captured.verdict.detail)
            return
        self._owes = captured.plan is None
        if captured.plan is not None and self._fits(reason, iteration, captured.nbytes()):
            self._bytes[reason] += captured.nbytes()
            extra = rows_told(backward.window, self._given)
            encoded = encode(captured)
            self.following.add(self.pending(encoded, iteration, reason, backward, turn, extra))

    def pending(
        self,
        encoded: Encoded,
        iteration: int,
        reason: str,
        backward: Backward,
        turn: Callable[[], str],
        extra: Mapping[str, Any],
    ) -> Pending:
        """The snapshot of what was captured, to which steps may be added."""
        paths = self._names.parameters | ({} if encoded.plan is None else encoded.plan.loose_parameters())
        named = {id(parameter): path for path, parameter in paths.items()}
        return Pending(
            encoded,
            iteration,
            reason,
            backward.value,
            turn,
            extra,
            number=backward.number,
            before=backward.before,
            loss_scale=backward.loss_scale,
            names=named,
        )

    def _fits(self, reason: str, iteration: int, size: int) -> bool:
        """Whether --max-size allows it; onsets are never thinned away: all together take no more than one other may."""
        takes = self._journal.writer.takes_snapshot
        if not takes(size):
            self._leave_out(iteration, size)
            return False
        return reason != ONSET or takes(self._bytes[ONSET] + size)

    def _leave_out(self, iteration: int, size: int) -> None:
        if not self._left_out:
            self._left_out = True
            message = f"healthy snapshots are left out: one takes {size:,} bytes, more than an eighth of --max-size"
            self._journal.event(iteration, "warning", message)
            self._say(message)

    def _trace_always(self, iteration: int, detail: str) -> None:
        self.always = self._owes = True
        self._journal.event(
            iteration,
            "trace",
            f"iteration {iteration} differs from the trace taken before ({detail}); "
            "from here on every iteration is traced, which takes longer",
        )
        self._say(
            "the operations or numbers of this loop change from iteration to iteration: every one is traced "
            "from here on, which slows the training"
        )


def is_power(iteration: int) -> bool:
    """0, or a power of two."""
    return iteration & (iteration - 1) == 0
