"""What detectors look at: a recording, its trace, and what a replay of the failing iteration showed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from dgmtui.errors import RecordingError, ReplayError
from dgmtui.findings.thresholds import Thresholds
from dgmtui.recording.arrays import as_array
from dgmtui.recording.model import STATISTICS, Channel, Match, ModuleInfo, Quantity, SnapshotInfo, Verdict
from dgmtui.trace.graph import Graph

if TYPE_CHECKING:
    from dgmtui.findings.visits import Visit
    from dgmtui.recording import Recording
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.progress import Progress
    from dgmtui.trace.replay import Replay

T = TypeVar("T")
ReplaySource: TypeAlias = "Callable[[SnapshotInfo], tuple[Replay, Verdict]]"
"""Runs a snapshot again, forward and backward, and says whether it gave the recorded iteration."""
Visited: TypeAlias = "dict[tuple[int, str], Visit | None]"
"""What snapshots that were run again have shown, by iteration and turn; None of those that could not be."""


@dataclass(frozen=True)
class Failure:
    """What the replay of the failing iteration showed."""

    snapshot: SnapshotInfo
    verdict: Verdict
    births: "tuple[Birth, ...]"
    """In order; those that no gradient carries are marked harmless."""


@dataclass(frozen=True)
class Case:
    """One recording under examination."""

    recording: "Recording"
    thresholds: Thresholds
    failure: Failure | None = None
    """None where nothing failed, or a replay was not asked for or not possible."""
    source: "ReplaySource | None" = None
    """Runs a snapshot's iteration again; None where only the recording is looked at, as before the first paint."""
    progress: "Progress | None" = None
    """Told how far a long look is; may cancel."""
    visited: "Visited" = field(default_factory=dict)
    """Is filled by ``visit``."""

    def once(self, find: Callable[["Case"], T]) -> T:
        """``find(self)``, found once and kept as long as the case is: for what several detectors look at."""
        if find not in self._found:
            before = len(self._asked)
            self._found[find] = find(self), self._asked[before:]
        else:
            self._asked.extend(self._found[find][1])  # what a detector sees by replays it sees by replays
        return self._found[find][0]  # type: ignore[no-any-return]

    @cached_property
    def _found(self) -> dict[Callable[["Case"], Any], tuple[Any, list[SnapshotInfo]]]:
        """What was found, and the snapshots that were asked for meanwhile."""
        return {}

    def visit(self, snapshot: SnapshotInfo, see: "Callable[[Replay], Visit]") -> "Visit | None":
        """What ``see`` reads off a snapshot's iteration run again, kept by ``visited``; None where ``replay`` is."""
        place = snapshot.iteration, snapshot.turn
        if place in self.visited:
            self._asked.append(snapshot)
        else:
            replay = self.replay(snapshot)
            self.visited[place] = None if replay is None else see(replay)
        return self.visited[place]

    def replay(self, snapshot: SnapshotInfo) -> "Replay | None":
        """A snapshot's iteration run again, forward and, where it has one, backward, with every value; None where
        that is not asked for, or can't be, or did not give the recorded iteration."""
        if self.source is None:
            return None
        self._asked.append(snapshot)
        try:
            replay, verdict = self.source(snapshot)
        except ReplayError:
            return None
        return replay if verdict.forward in (Match.MATCHES, Match.AGREES) else None

    @property
    def replays(self) -> int:
        """How often one was asked for."""
        return len(self._asked)

    @cached_property
    def _asked(self) -> list[SnapshotInfo]:
        return []

    def array(self, snapshot: SnapshotInfo, name: str) -> "NDArray[Any] | None":
        """A tensor of a snapshot by its name (``param:PATH``, ``input:NAME``, ``grad:PATH``, ``earlier:PATH``, …),
        without torch; half precision widened to float32. None where the snapshot does not hold it."""
        spec = snapshot.tensors.get(name)
        return None if spec is None else as_array(self.recording.tensor(spec))

    def graph_of(self, snapshot: SnapshotInfo) -> Graph | None:
        """The trace that runs on a snapshot; None where none does or it can't be read."""
        if snapshot.trace not in self._graphs:
            self._graphs[snapshot.trace] = self._read_graph(snapshot.trace)
        return self._graphs[snapshot.trace]

    @cached_property
    def _graphs(self) -> dict[int, Graph | None]:
        return {}

    def _read_graph(self, trace: int) -> Graph | None:
        try:
            return None if trace < 0 else Graph.from_json(self.recording.trace(trace))
        except RecordingError:
            return None

    @cached_property
    def snapshots(self) -> tuple[SnapshotInfo, ...]:
        """Those with a trace whose outside tensors were all found, by iteration, then turn."""
        return tuple(each for each in self.recording.snapshots if each.trace >= 0 and not each.missing)

    @cached_property
    def graph(self) -> Graph | None:
        """The trace of the latest snapshot that has one; None where it can't be read."""
        latest = next((s for s in reversed(self.recording.snapshots) if s.trace >= 0), None)
        return None if latest is None else self.graph_of(latest)

    @cached_property
    def _modules(self) -> dict[str, ModuleInfo]:
        return {module.path: module for module in self.recording.modules}

    @cached_property
    def _channels(self) -> dict[tuple[str, Quantity], int]:
        return {(c.module, c.quantity): i for i, c in enumerate(self.recording.channels)}

    def module(self, path: str) -> ModuleInfo | None:
        """What is known of a module; None where it was not recorded under this path."""
        return self._modules.get(path)

    def channel(self, module: str, quantity: Quantity) -> int | None:
        """Id of a module's quantity; None where it was not recorded."""
        return self._channels.get((module, quantity))

    def samples(self, path: str) -> int:
        """Rows of the batch in one recorded row of a module, as when it was first called; 1 where that is unknown."""
        module = self.module(path)
        return max(1, module.output_shape[0]) if module is not None and module.output_shape else 1

    def called(self, channel: int) -> NDArray[np.bool_]:
        """``[R]``, whether there was anything to measure in a row, finite or not."""
        table = self.recording.statistics(channel, 0, len(self.recording.rows))
        measured: NDArray[np.bool_] = np.any(np.isfinite(table[:, :6]), axis=1) | np.any(table[:, 6:] > 0, axis=1)
        return measured

    def channels(self, quantity: Quantity) -> list[tuple[int, Channel]]:
        """Ids and channels of one quantity, in the order of the modules."""
        return [(i, c) for i, c in enumerate(self.recording.channels) if c.quantity == quantity]

    def statistic(self, channel: int, name: str, last: int | None = None) -> NDArray[np.float64]:
        """``[R]``, one statistic over the recorded rows, or over the last so many."""
        count = len(self.recording.rows)
        start = 0 if last is None else max(0, count - last)
        column: NDArray[np.float64] = self.recording.statistics(channel, start, count)[:, STATISTICS.index(name)]
        return column
