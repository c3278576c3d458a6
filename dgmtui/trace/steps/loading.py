"""What a snapshot holds of the optimisers whose steps follow it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.recording.model import OptimizerStep
from dgmtui.trace.steps.classes import refusal
from dgmtui.trace.tensors import from_stored

if TYPE_CHECKING:
    from dgmtui.recording import Recording
    from dgmtui.recording.model import SnapshotInfo


@dataclass(frozen=True, eq=False)
class Held:
    """One optimiser before its step."""

    told: OptimizerStep
    parameters: Mapping[str, Tensor]
    """Those that it moves, by path, as recorded."""
    state: Mapping[str, Tensor]
    """By ``KEY:PATH``."""
    earlier: Mapping[str, Tensor]
    """Gradients that the snapshot's own are added to, by path."""


def load_steps(recording: "Recording", snapshot: "SnapshotInfo") -> tuple[Held, ...]:
    """The optimisers that step after a snapshot's backward pass, in their order.

    Raises:
        ReplayError: none is recorded, its state is not, or it is not one of PyTorch's own.
        RecordingError: the file is damaged.
    """
    place = f"iteration {snapshot.iteration}" + (f", turn {snapshot.turn}" if snapshot.turn else "")
    if not snapshot.optimizers:
        raise ReplayError(
            f"no optimiser's step is recorded for {place}; `dgmtui record` keeps optimiser state unless it is told not "
            "to, so record the training again"
        )
    for told in snapshot.optimizers:
        if why := refusal(told):
            raise ReplayError(f"the optimiser's step of {place} can't be taken: {why}")
    tensors = _Tensors(recording, snapshot)
    return tuple(_held(told, tensors) for told in snapshot.optimizers)


def _held(told: OptimizerStep, tensors: "_Tensors") -> Held:
    mine = {path for group in told.groups for path in group.parameters if path}
    state = {
        name: tensor
        for name, tensor in tensors.beginning("optimizer:", lambda rest: rest.partition(":")[2] in mine).items()
    }
    return Held(
        told,
        tensors.beginning("param:", mine.__contains__),
        state,
        tensors.beginning("earlier:", mine.__contains__),
    )


class _Tensors:
    """A snapshot's tensors, each read once."""

    def __init__(self, recording: "Recording", snapshot: "SnapshotInfo") -> None:
        self._recording = recording
        self._snapshot = snapshot
        self._read: dict[str, Tensor] = {}

    def beginning(self, prefix: str, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
        """Those whose names begin so, by the rest of the name, as far as the rest is wanted."""
        rests = [name.removeprefix(prefix) for name in self._snapshot.tensors if name.startswith(prefix)]
        return {rest: self._tensor(prefix + rest) for rest in rests if wanted(rest)}

    def _tensor(self, name: str) -> Tensor:
        if name not in self._read:
            self._read[name] = from_stored(self._recording.tensor(self._snapshot.tensors[name]))
        return self._read[name]
