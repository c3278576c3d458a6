"""The iterations after a step, run again with the weights and the optimiser state that came of it."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dgmtui.errors import ReplayError, UsageError
from dgmtui.recording.model import SnapshotInfo

if TYPE_CHECKING:
    from torch import Tensor

    from dgmtui.recording.reader import Recording
    from dgmtui.session.edits import Standing
    from dgmtui.session.results import Results
    from dgmtui.session.stepping import Stepping
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.replay import Replay


@dataclass(frozen=True, eq=False)
class Followed:
    """One following iteration, or turn of one, run with stepped weights."""

    snapshot: SnapshotInfo
    skipped: int
    """How many iterations lie between it and the one run before, of which there is no snapshot."""
    loss: float
    births: "tuple[Birth, ...]"
    edits: "Standing"
    """Its own, and those of the code that stand at the iteration that was started from."""
    note: str = ""
    """What makes it another thing than the training would have done; empty where nothing is known to."""
    stop: str = ""
    """Why its own step can't be taken, so that nothing comes after it."""

    @property
    def held(self) -> bool:
        """Whether nothing that matters is non-finite in it."""
        return math.isfinite(self.loss) and all(birth.harmless for birth in self.births)


@dataclass
class _Carried:
    """What one iteration hands on to the next."""

    feeds: "dict[str, Tensor]" = field(default_factory=dict)
    """Parameters and buffers by the names of outside tensors."""
    state: "dict[str, Tensor]" = field(default_factory=dict)
    """Of optimisers, by ``KEY:PATH``."""


def follow(
    recording: "Recording", results: "Results", stepping: "Stepping", snapshot: SnapshotInfo, count: int
) -> Iterator[Followed]:
    """Run the recorded iterations after a snapshot one by one, until one does not hold; as ``Stepping.follow``."""
    following = _after(recording, snapshot, count)
    hand_on = _HandingOn(recording, stepping)
    made = results.replay(snapshot)
    hand_on.step(made.replay, snapshot, made.no_gradients)
    code, before, progress = _of_code(made.edits), snapshot, results.progress()
    for number, each in enumerate(following):
        progress.update(number / len(following), f"running iteration {each.iteration:,}")
        edits = (*code, *results.edits.of(each))
        replay = _run(recording, each, hand_on.carried, edits)
        note, births = _note(recording, before, each), _births(replay)
        refused = _go_back(replay)
        found = Followed(each, _gap(before, each), float(replay.loss), births, edits, note)
        if found.held and number + 1 < len(following):
            try:
                hand_on.step(replay, each, refused)
            except ReplayError as error:
                found = Followed(each, found.skipped, found.loss, births, edits, note, str(error))
        yield found
        if not found.held or found.stop:
            return
        before = each


class _HandingOn:
    """Takes the steps of each iteration and keeps what the next one begins with."""

    def __init__(self, recording: "Recording", stepping: "Stepping") -> None:
        self._recording = recording
        self._stepping = stepping
        self.carried = _Carried()

    def step(self, replay: "Replay", snapshot: SnapshotInfo, no_gradients: str) -> None:
        """Take the steps after a replay that went back.

        Raises:
            ReplayError: one can't be taken.
        """
        from dgmtui.trace.steps import load_steps

        if no_gradients:
            raise ReplayError(f"there are no gradients to take a step with: {no_gradients}")
        carried = self.carried
        known = {name.removeprefix("param:"): t for name, t in carried.feeds.items() if name.startswith("param:")}
        held = load_steps(self._recording, snapshot)
        for taken in self._stepping.taken(replay, held, known, carried.state):
            carried.feeds |= {f"param:{path}": tensor for path, tensor in taken.after.items()}
            carried.state |= taken.state
        carried.feeds |= _changed_buffers(replay)


def _after(recording: "Recording", snapshot: SnapshotInfo, count: int) -> list[SnapshotInfo]:
    """The snapshots of the next ``count`` iterations that have any, every turn of them."""
    later = [each for each in recording.snapshots if each.iteration > snapshot.iteration]
    wanted = sorted({each.iteration for each in later})[:count]
    if not wanted:
        kept = ", ".join(str(each.iteration) for each in recording.snapshots)
        raise UsageError(f"no iteration after {snapshot.iteration:,} has a snapshot; there are: {kept}")
    return [each for each in later if each.iteration in wanted]


def _run(recording: "Recording", snapshot: SnapshotInfo, carried: _Carried, edits: "Standing") -> "Replay":
    from dgmtui.trace.edits import edited
    from dgmtui.trace.replay import load_replay

    recorded = load_replay(recording, snapshot)
    feeds = dict(recorded.feeds)
    for name, tensor in carried.feeds.items():
        if name in feeds and feeds[name].shape != tensor.shape:
            raise ReplayError(f"{name} has another shape at iteration {snapshot.iteration}: the network was changed")
        if name in feeds:
            feeds[name] = tensor
    replay = recorded.again(feeds=feeds)
    replay = edited(replay, edits)[0] if edits else replay
    replay.forward()
    return replay


def _go_back(replay: "Replay") -> str:
    """Why there are no gradients; empty where there are."""
    try:
        replay.backward()
    except ReplayError as error:
        return str(error)
    return ""


def _births(replay: "Replay") -> "tuple[Birth, ...]":
    from dgmtui.trace.birth import all_births

    _go_back(replay)
    return all_births(replay)


def _changed_buffers(replay: "Replay") -> "dict[str, Tensor]":
    """Buffers that the pass left otherwise than it found them, as batch norm's running statistics."""
    from dgmtui.trace.graph import OutsideRef
    from dgmtui.trace.verify import same_bits

    buffers = [outside.name for outside in replay.graph.outside.values() if outside.kind == "buffer"]
    left = {name: replay.live(OutsideRef(name)).detach().clone() for name in buffers}
    return {name: tensor for name, tensor in left.items() if not same_bits(tensor, replay.feeds[name])}


def _of_code(edits: "Standing") -> "Standing":
    """Those that would be made in the code, and so in every iteration; a batch or a weight is of one."""
    from dgmtui.trace.edits import ChangeOutput, ReplaceOperation

    return tuple(edit for edit in edits if isinstance(edit, ChangeOutput | ReplaceOperation))


def _gap(before: SnapshotInfo, after: SnapshotInfo) -> int:
    return max(0, after.iteration - before.iteration - 1)


def _note(recording: "Recording", before: SnapshotInfo, after: SnapshotInfo) -> str:
    """What else happened between two turns than the steps, as far as snapshots tell."""
    if gap := _gap(before, after):
        between = f"{before.iteration:,} and {after.iteration:,}"
        return f"{gap:,} update{'s' * (gap > 1)} between {between} left out (`dgmtui record --snapshot N` keeps N)"
    if after.turn.isdecimal() and int(after.turn) > 1 and before.iteration != after.iteration:
        return f"turn {int(after.turn) - 1} of iteration {after.iteration:,} has no snapshot, its step is left out"
    for told in before.optimizers:
        for path, checksum in told.checksums.items():
            spec = after.tensors.get(f"param:{path}")
            if spec is not None and zlib.crc32(recording.tensor(spec).data.tobytes()) != checksum:
                return f"the training changed {path} after this step too, which is left out"
    return ""
