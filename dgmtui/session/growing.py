"""A slow blow-up: whose growth leads over the recorded rows, and through whom it reaches a target over snapshots."""

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dgmtui.errors import CreditError, ReplayError, UsageError

if TYPE_CHECKING:
    from dgmtui.credit import Contribution, Target
    from dgmtui.findings.layers.growth import Growth
    from dgmtui.recording.model import SnapshotInfo
    from dgmtui.session.session import Session
    from dgmtui.trace.replay import Replay

SNAPSHOTS = 12
"""At most so many are replayed, evenly over those up to the cursor, the first and the last among them."""
_SAMPLE = re.compile(r"@\d+$")


@dataclass(frozen=True)
class AtSnapshot:
    """The target at one snapshot."""

    iteration: int
    value: float
    """The largest magnitude of the target's elements."""
    contributions: "tuple[Contribution, ...]"
    """What units put into it, largest first."""


@dataclass(frozen=True)
class Through:
    """The unit through which the target grew."""

    module: str
    unit: int
    first: float
    """Its part of what all units of its module put into the target, in [0, 1], before the growth."""
    last: float


@dataclass(frozen=True)
class Grown:
    """What growth there is."""

    target: str
    """Without a sample: batches differ from snapshot to snapshot."""
    series: "Growth"
    snapshots: tuple[AtSnapshot, ...]
    of: int
    """How many snapshots there are up to the cursor."""
    refused: tuple[str, ...] = ()
    """Why a snapshot could not be used, each once."""

    containers: frozenset[str] = frozenset()
    """Modules that contain others: what comes through them is told of those."""

    @property
    def before(self) -> AtSnapshot | None:
        """The last snapshot before the leader left its past, else the first."""
        onset = self.series.growing[0].onset if self.series.growing else 0
        earlier = [each for each in self.snapshots if each.iteration < onset]
        return earlier[-1] if earlier else self.snapshots[0] if self.snapshots else None

    @property
    def through(self) -> Through | None:
        """The contributor whose part in its module's contributions grew most; None where the target did not grow."""
        if self.before is None or self.snapshots[-1].value <= self.before.value:
            return None
        first, last = (self._shares(each) for each in (self.before, self.snapshots[-1]))
        growing = {place: last[place] - first[place] for place in last if place in first}
        place = max(growing, key=lambda key: growing[key], default=None)
        if place is None or growing[place] <= 0:
            return None
        return Through(*place, first[place], last[place])

    def _shares(self, at: AtSnapshot) -> dict[tuple[str, int], float]:
        """Each unit's part of what all units of its module put in, by magnitude."""
        whole: dict[str, float] = {}
        for c in at.contributions:
            whole[c.module] = whole.get(c.module, 0.0) + abs(c.forward or 0.0)
        return {
            (c.module, c.unit): abs(c.forward or 0.0) / whole[c.module]
            for c in at.contributions
            if c.unit is not None and whole[c.module] and c.module and c.module not in self.containers
        }

    def share_of_through(self, at: AtSnapshot) -> float | None:
        """The part of ``through`` at one of the snapshots."""
        through = self.through
        return None if through is None else self._shares(at).get((through.module, through.unit))


def grown(session: "Session", text: str) -> Grown:
    """What grows up to the cursor, and how the target grew with it.

    Raises:
        UsageError: the target names nothing, or no row is recorded up to the cursor.
        Cancelled: somebody asked to stop.
    """
    from dgmtui.findings.layers.growth import growth_of

    series = growth_of(session.recording, session.iteration, session.ranks.thresholds)
    last = session.snapshot
    if last is None:
        return Grown(text, series, (), 0)
    target = _settled(session, text or session.target, last)
    usable = [
        s for s in session.recording.snapshots
        if s.iteration <= session.iteration and s.turn == last.turn and s.trace >= 0 and not s.missing
    ]  # fmt: skip
    chosen = _evenly(usable, SNAPSHOTS)
    progress = session.results.progress()
    seen, refused = [], dict[str, None]()
    for i, snapshot in enumerate(chosen):
        progress.update(i / len(chosen), f"{i + 1} of {len(chosen)} snapshots")
        try:
            seen.append(_at(session, snapshot, target))
        except (CreditError, ReplayError) as error:
            refused[f"{snapshot.iteration:,}: {error}"] = None
        except UsageError:
            if snapshot is chosen[-1]:
                raise
            refused[f"{snapshot.iteration:,}: its trace has no {target}"] = None
    parents = frozenset(module.parent for module in session.recording.modules if module.parent)
    return Grown(target, series, tuple(seen), len(usable), tuple(refused), parents)


def weight_place(session: "Session", module: str, unit: int) -> str:
    """The unit's slice of the weight that is measured of a module, for ``print``; empty where no snapshot tells it."""
    snapshot = session.snapshot
    info = session.recording.module(module)
    prefix = f"param:{module}." if module else "param:"
    shapes = {} if snapshot is None else {n: snapshot.tensors[prefix + n].shape for n in info.parameters
                                          if prefix + n in snapshot.tensors}  # fmt: skip
    name = "weight" if "weight" in shapes else max(shapes, key=lambda n: math.prod(shapes[n]), default="")
    transposed = info.type.startswith("ConvTranspose")
    return f"{prefix}{name}[{':, ' if transposed else ''}{unit}]" if name else ""


def _settled(session: "Session", text: str, last: "SnapshotInfo") -> str:
    """``nonfinite`` becomes the unit that it is at the last snapshot; a sample is left out."""
    if text == "nonfinite":
        found = session.results.crediting.target(last, text)
        if found.alone:
            raise UsageError(f"{found.text}: nothing grew into it; name a module or a unit instead")
        text = (found.module or ".") + ("" if found.unit is None else f"[{found.unit}]")
    return _SAMPLE.sub("", text)


def _evenly(snapshots: "list[SnapshotInfo]", most: int) -> "list[SnapshotInfo]":
    if len(snapshots) <= most:
        return snapshots
    return [snapshots[round(i * (len(snapshots) - 1) / (most - 1))] for i in range(most)]


def _at(session: "Session", snapshot: "SnapshotInfo", text: str) -> AtSnapshot:
    from dgmtui.credit import forward_contributions, parse_target
    from dgmtui.trace.replay import load_replay

    made = session.results.replayed(snapshot) if not session.results.edits.of(snapshot) else None
    own = made is None  # nobody else asks it for anything, so it lets go of what the sweep has passed
    replay = load_replay(session.recording, snapshot).again(differentiable=False) if made is None else made.replay
    replay.forward()
    try:
        target = parse_target(text, replay.graph, replay)
    except CreditError as error:
        raise CreditError(f"{text} is not finite there") from error
    largest = _largest(replay, target)
    table = forward_contributions(replay, largest, by="unit", releasing=own)
    return AtSnapshot(snapshot.iteration, abs(largest.value), table.rows)


def _largest(replay: "Replay", target: "Target") -> "Target":
    """The target's element of the largest magnitude."""
    import torch

    from dgmtui.credit.forward import mask_of
    from dgmtui.credit.grouping import Outputs

    value, outputs = replay.value(target.ref), Outputs(replay.graph)
    size = torch.where(mask_of(value, target, outputs), value.abs(), -1.0)
    element = tuple(int(i) for i in torch.unravel_index(size.argmax(), size.shape))
    axis = outputs.layout_of(target.ref).sample_axis
    sample = element[axis] if axis is not None and element else None
    return replace(target, element=element, sample=sample, value=float(value[element]))
