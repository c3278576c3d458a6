"""Which healthy iterations are kept as snapshots; each is the proof that the trace taken before still stands."""

from collections.abc import Callable, Mapping

from torch import Tensor

from dgmtui.recorder.capture import Backward, capture, encode
from dgmtui.recorder.journal import Journal
from dgmtui.recorder.naming import Names
from dgmtui.recording.model import Match

SNAPSHOT_BYTES = 256 << 20
"""Healthy snapshots are kept until they take so much."""


class Keeper:
    """Keeps iterations 0, 1, 2, 4, 8, …; after a trace went stale the next one too."""

    def __init__(self, journal: Journal, names: Names, say: Callable[[str], None]) -> None:
        self.always = False
        """A trace went stale: every iteration is to be traced."""
        self._journal = journal
        self._names = names
        self._say = say
        self._owes = False
        self._bytes = 0
        self._left_out = False

    def due(self, iteration: int) -> bool:
        """Whether this iteration is to be kept."""
        return (is_power(iteration) or self._owes) and self._bytes < SNAPSHOT_BYTES

    def keep(
        self, iteration: int, backward: Backward, gradients: Mapping[str, Tensor], turn: Callable[[], str]
    ) -> None:
        """Replay an iteration, compare and write it; ``turn`` is asked when it is written."""
        captured = capture(backward, self._names, gradients)
        fresh = backward.plan is not None and bool(backward.plan.feeds_now)
        if captured.verdict.forward is Match.DIFFERS and not fresh and not self.always:
            self._trace_always(iteration, captured.verdict.detail)
            return
        self._owes = captured.plan is None
        if captured.plan is not None and not self._journal.writer.takes_snapshot(captured.nbytes()):
            self._leave_out(iteration, captured.nbytes())
        elif captured.plan is not None:
            self._bytes += captured.nbytes()
            encoded, writer, loss = encode(captured), self._journal.writer, backward.value  # and no tensor to wait with
            self._journal.later(lambda: encoded.write(writer, iteration, "scheduled", loss, turn(), {}))

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
