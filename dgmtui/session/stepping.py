"""Optimisers' steps taken again: what the training did with the gradients of an iteration, as it is or edited."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import ReplayError
from dgmtui.recording.model import Match, SnapshotInfo, Verdict
from dgmtui.session.edits import RECORDED
from dgmtui.session.following import Followed, follow

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.recording.reader import Recording
    from dgmtui.session.edits import Standing
    from dgmtui.session.results import Results
    from dgmtui.trace.replay import Replay
    from dgmtui.trace.steps import Held, Moved, Taken

_TRANSPOSED = "ConvTranspose"
_WORST = (Match.DIFFERS, Match.NOT_MADE, Match.AGREES, Match.MATCHES)


@dataclass(frozen=True, eq=False)
class Stepped:
    """One iteration's backward pass and the optimisers' steps after it."""

    snapshot: SnapshotInfo
    edits: "Standing"
    taken: "tuple[Taken, ...]"
    loss: float
    """Before the steps."""
    loss_after: float | None
    """Of the same batch after them; None where no step was taken."""
    moved: "tuple[Moved, ...]"
    """What they did to each parameter: non-finite ones first, then those that moved furthest for their norm."""
    verdict: Verdict
    """In ``gradient``: whether the steps of the iteration as recorded are those of the training."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not known of the gradients that they took, and what would have come before them."""
        left = max((each.told.passes_left for each in self.taken), default=0)
        more = [f"{left} more backward pass{'es' * (left > 1)} would have come before the step"] if left else []
        return tuple(dict.fromkeys([each.note for each in self.taken if each.note] + more))


class Stepping:
    """Steps, and the iterations after them, made when asked for; torch is imported then."""

    def __init__(self, recording: "Recording", results: "Results") -> None:
        self._recording = recording
        self._results = results

    def step(self, snapshot: SnapshotInfo) -> Stepped:
        """Take the steps that follow a snapshot's backward pass, and run its batch again with what comes of them.

        Raises:
            ReplayError: it can't be run again, or no optimiser state that can be used is recorded.
        """
        from dgmtui.trace.steps import load_steps

        held = load_steps(self._recording, snapshot)
        edits = self._results.edits.of(snapshot)
        recorded = self._recorded(snapshot, held)
        made = self._results.replay(snapshot)
        if made.no_gradients:
            raise ReplayError(f"there are no gradients to take a step with: {made.no_gradients}")
        taken = self.taken(made.replay, held) if edits else recorded
        self._results.progress().update(0.9, "running the same batch with the new weights")
        stood_still = all(each.skipped for each in taken)
        after = None if stood_still else _loss_with(made.replay, taken)
        return Stepped(
            snapshot, edits, taken, float(made.replay.loss), after, self._moved(taken), self._verdict(recorded)
        )

    def follow(self, snapshot: SnapshotInfo, count: int) -> Iterator[Followed]:
        """Take a snapshot's steps and run the ``count`` recorded iterations after it with what comes of them.

        Raises:
            UsageError: no snapshot comes after it.
            ReplayError: the steps of the first can't be taken.
        """
        return follow(self._recording, self._results, self, snapshot, count)

    def taken(
        self,
        replay: "Replay",
        held: "Sequence[Held]",
        parameters: "Mapping[str, Tensor] | None" = None,
        state: "Mapping[str, Tensor] | None" = None,
    ) -> "tuple[Taken, ...]":
        """Each optimiser's step with the gradients of a replay that went back.

        Args:
            parameters: by path, in the place of recorded ones that the replay knows nothing of.
            state: by ``KEY:PATH``, in the place of what was recorded.

        Raises:
            ReplayError: a step can't be taken.
        """
        from dgmtui.trace.steps import clipping_of, take

        known: dict[str, Tensor] = dict(parameters or {}) | fed_parameters(replay)
        own = {name.partition(":")[2]: gradient for name, gradient in replay.gradients.items()}
        made: list[Taken] = []
        for each in held:
            clipping = clipping_of(self._recording.snapshots, each.told.type)
            before = {path: known.get(path, tensor) for path, tensor in each.parameters.items()}
            made.append(take(each, before, own, clipping, state))
            known |= made[-1].after
        return tuple(made)

    def _recorded(self, snapshot: SnapshotInfo, held: "Sequence[Held]") -> "tuple[Taken, ...]":
        """The steps of the iteration as recorded; empty where edits stand and it has no gradients without them."""
        made = self._results.replay(snapshot, edits=RECORDED)
        return () if made.no_gradients else self.taken(made.replay, held)

    def _verdict(self, recorded: "Sequence[Taken]") -> Verdict:
        from dgmtui.trace.steps import judge

        judged = [judge(each) for each in recorded]
        if not judged:
            return Verdict(Match.NOT_MADE, Match.NOT_MADE, "the iteration as recorded has no gradients")
        return min(judged, key=lambda verdict: _WORST.index(verdict.gradient))

    def _moved(self, taken: "Sequence[Taken]") -> "tuple[Moved, ...]":
        from dgmtui.trace.steps import moved

        transposed = [m.path for m in self._recording.modules if m.type.startswith(_TRANSPOSED)]
        return moved(taken, {f"{path}.weight".lstrip("."): 1 for path in transposed})


def fed_parameters(replay: "Replay") -> "dict[str, Tensor]":
    """The parameters that a replay runs with, by path, laid out as in the training."""
    from dgmtui.trace.graph import OutsideRef

    return {
        name.removeprefix("param:"): replay.value(OutsideRef(name))
        for name, outside in replay.graph.outside.items()
        if outside.kind == "parameter"
    }


def _loss_with(replay: "Replay", taken: "Sequence[Taken]") -> float:
    """The loss of the same batch with the parameters after the steps."""
    new = {f"param:{path}": tensor for each in taken for path, tensor in each.after.items()}
    again = replay.again(feeds={**replay.feeds, **{name: new[name] for name in new if name in replay.graph.outside}})
    again.forward()
    return float(again.loss)
