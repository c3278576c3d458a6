"""What an investigation has found out so far, each made when first asked for: replays, births, findings, credit."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from dgmtui.errors import RecordingError, ReplayError, UsageError
from dgmtui.recording.model import SnapshotInfo, Verdict
from dgmtui.session.crediting import Crediting
from dgmtui.session.diagnosis import Diagnosis, first_at
from dgmtui.session.edits import RECORDED, Edits
from dgmtui.session.excluding import Exclusions
from dgmtui.session.replayed import Replayed, edited_words, words_of
from dgmtui.session.stepping import Stepping
from dgmtui.session.units import Units

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    Key: TypeAlias = tuple[int, str, str, "Standing"]
    """Iteration, turn, dtype and edits."""

    from dgmtui.findings import Finding
    from dgmtui.recording.reader import Recording
    from dgmtui.session.edits import Standing
    from dgmtui.trace.birth import Birth
    from dgmtui.trace.edits import Edit, Iteration
    from dgmtui.trace.graph import Graph
    from dgmtui.trace.progress import Progress
    from dgmtui.trace.replay import Replay

KEPT_REPLAYS = 2
"""A replay holds every intermediate tensor of its iteration."""


class Results:
    """Lazy and cached; everything that needs torch imports it when called."""

    def __init__(
        self,
        recording: "Recording",
        progress_factory: "Callable[[], Progress] | None",
        exclusions: "Exclusions | None" = None,
    ) -> None:
        self._recording = recording
        self.exclusions = Exclusions() if exclusions is None else exclusions
        """What of ``births`` is left out."""
        self._make_progress = progress_factory
        self._running: Progress | None = None
        self._whole: Progress | None = None
        self.edits = Edits()
        """Those that stand; what is asked for without naming others is of the iterations changed by them."""
        self._replays: OrderedDict[Key, Replayed] = OrderedDict()
        self._verdicts: dict[tuple[int, str], Verdict | None] = {}
        self._births: dict[Key, tuple[Birth, ...]] = {}
        self._edited: dict[tuple[int, str, Standing], Graph] = {}
        """The graphs of edited iterations."""
        self.diagnosis = Diagnosis(recording, self)
        self.crediting = Crediting(recording, self)
        self.units = Units(self)
        self.stepping = Stepping(recording, self)

    def progress(self) -> "Progress":
        """For the work that begins now; ``cancel`` reaches it."""
        from dgmtui.trace.progress import Progress

        if self._whole is not None:
            return self._whole.part()
        self._running = self._make_progress() if self._make_progress else Progress()
        return self._running

    @contextmanager
    def one_work(self) -> "Iterator[Progress]":
        """All that begins within is a part of one work, which ``under_way`` tells of and ``cancel`` stops."""
        before, self._whole = self._whole, self.progress()
        try:
            yield self._whole
        finally:
            self._whole = before

    @property
    def under_way(self) -> tuple[float, str]:
        """Share done and what is being done, of the present or the last work."""
        return (0.0, "") if self._running is None else (self._running.done, self._running.text)

    def cancel(self) -> None:
        """Cancel the work that is under way, if any."""
        if self._running is not None:
            self._running.cancel()

    def replayed(self, snapshot: SnapshotInfo) -> Replayed | None:
        """Its replay in its own dtype, as edited, if it has been made."""
        return self._replays.get(self._key(snapshot))

    def verdict_words(self, snapshot: SnapshotInfo | None) -> str:
        """What its replay said, or ``not replayed``; how many edits stand, where some do."""
        if snapshot is None:
            return "not replayed"
        if edits := self.edits.of(snapshot):
            return edited_words(edits)
        place = snapshot.iteration, snapshot.turn
        return words_of(self._verdicts[place]) if place in self._verdicts else "not replayed"

    def verdict(self, snapshot: SnapshotInfo) -> Verdict | None:
        """What its replay said, as recorded; None where none was made or there was nothing to compare."""
        return self._verdicts.get((snapshot.iteration, snapshot.turn))

    def replay(self, snapshot: SnapshotInfo, dtype: str = "", edits: "Standing | None" = None) -> Replayed:
        """Run a snapshot forward and backward and compare it with what was recorded, unless it is edited.

        Args:
            dtype: torch's name of a floating dtype to compute in; empty for its own.
            edits: what it is changed by; None: those that stand.

        Raises:
            ReplayError: it can't be run again.
        """
        key = self._key(snapshot, dtype, edits)
        if key not in self._replays:
            self._replays[key] = self._run(snapshot, dtype, key[-1])
            if not dtype and not key[-1]:
                self._verdicts[snapshot.iteration, snapshot.turn] = self._replays[key].verdict
            self._let_go()
        self._replays.move_to_end(key)
        return self._replays[key]

    def _let_go(self) -> None:
        """Drop the replays used longest ago, but for that of the failing (or last) iteration: the screen opens on it,
        and the look at all the others would drop it."""
        kept = self.failing() or next(iter(self._recording.snapshots[-1:]), None)
        others = [key for key in list(self._replays)[:-1] if kept is None or key[0] != kept.iteration]
        while len(self._replays) > KEPT_REPLAYS:
            self._replays.pop(others.pop(0) if others else next(iter(self._replays)))

    def births(self, snapshot: SnapshotInfo, dtype: str = "", edits: "Standing | None" = None) -> "tuple[Birth, ...]":
        """Where non-finite values were born in a snapshot's replay, in order, but for what is excluded; those that an
        edit put in have phase ``edit``. Arguments are as of ``replay``."""
        from dgmtui.trace.birth import all_births

        key = self._key(snapshot, dtype, edits)
        if key not in self._births:
            made = self.replay(snapshot, dtype, key[-1])
            found = all_births(made.replay)
            self._births[key] = tuple(replace(b, phase="edit") if b.outside in made.changed else b for b in found)
        return self.exclusions.kept(self._births[key])

    def blamed_birth(self, snapshot: SnapshotInfo, edits: "Standing | None" = None) -> "Birth | None":
        """The first of ``births`` that a loss or gradient carries, else the first."""
        return _blamed(self.births(snapshot, edits=edits))

    def edit(self, snapshot: SnapshotInfo, edit: "Edit") -> None:
        """Change an iteration and replay it; an edit that can't be done, or be run, does not stand.

        Raises:
            UsageError: it names what is not there.
            ReplayError: what comes of it can't be run.
        """
        edits = (*self.edits.of(snapshot), edit)
        self.births(snapshot, edits=edits)
        self.edits.add(snapshot, edit)
        self.crediting.shown = None

    def undo(self, snapshot: SnapshotInfo) -> "Edit":
        """Take back the last edit of an iteration.

        Raises:
            UsageError: none stands.
        """
        changed = self.edits.undo(snapshot)
        self.crediting.shown = None
        return changed

    def redo(self, snapshot: SnapshotInfo) -> "Edit":
        """Make the edit of an iteration again that was undone last.

        Raises:
            UsageError: none was, or another one was made since.
        """
        changed = self.edits.redo(snapshot)
        self.crediting.shown = None
        return changed

    def edited_graph(self, snapshot: SnapshotInfo) -> "Graph | None":
        """The graph of the iteration as edited; None where no edit stands."""
        return self._edited.get((snapshot.iteration, snapshot.turn, self.edits.of(snapshot)))

    def run_to(self, snapshot: SnapshotInfo, node: int, dtype: str = "") -> "Tensor":
        """The (first) result of one node, running no more than it takes.

        Raises:
            UsageError: there is no such node.
            ReplayError: the snapshot can't be run again.
        """
        from dgmtui.trace.graph import NodeRef

        replay, _ = self._load(snapshot, dtype, self.edits.of(snapshot))
        if not 0 <= node < (count := len(replay.graph.nodes)):
            raise UsageError(f"no node {node}; there are 0 to {count - 1}, `nodes` lists them")
        replay.forward(to=node, progress=self.progress())
        outs = replay.graph.nodes[node].outs
        place = next((i for i, meta in enumerate(outs) if meta is not None), None)
        if place is None:
            raise UsageError(f"node {node} gives no tensor")
        return replay.value(NodeRef(node, place))

    def births_if_made(self, snapshot: SnapshotInfo, edits: "Standing | None" = None) -> "tuple[Birth, ...]":
        """As ``births``, without running anything."""
        return self.exclusions.kept(self._births.get(self._key(snapshot, "", edits), ()))

    def explained(self) -> frozenset[int]:
        """Iterations whose replay, as recorded, showed no birth but what is excluded."""
        made = ((key[0], births) for key, births in self._births.items() if key[2:] == ("", RECORDED) and births)
        return frozenset(iteration for iteration, births in made if not self.exclusions.kept(births))

    def birth_if_made(self, snapshot: SnapshotInfo) -> "Birth | None":
        """The one to blame in the iteration as recorded, if it has been replayed: the first that a loss or gradient
        carries."""
        return _blamed(self.births_if_made(snapshot, RECORDED))

    def findings(self, *, quick: bool = False) -> "tuple[Finding, ...]":
        """All findings, most likely root cause first.

        Args:
            quick: without a replay; what one has told before stays known.
        """
        return self.diagnosis.findings(quick=quick)

    @property
    def findings_complete(self) -> bool:
        """What there is to replay for findings has been replayed."""
        return self.diagnosis.complete

    def failing(self) -> SnapshotInfo | None:
        """The snapshot of the iteration that failed, if one did."""
        return next((s for s in self._recording.snapshots if s.reason == "failing"), None)

    def finding_at(self, iteration: int) -> "Finding | None":
        """The first finding at an iteration, else the first that was on its way or still is; needs no new replay.

        None also where they can't be read: moving does not fail for that, ``findings`` says so.
        """
        try:
            found = self.findings(quick=True)
        except RecordingError:
            return None
        return first_at(found, iteration, self._recording.rows)

    def _key(self, snapshot: SnapshotInfo, dtype: str = "", edits: "Standing | None" = None) -> "Key":
        return snapshot.iteration, snapshot.turn, dtype, self.edits.of(snapshot) if edits is None else edits

    def _load(self, snapshot: SnapshotInfo, dtype: str, edits: "Standing") -> "tuple[Replay, Iteration | None]":
        from dgmtui.trace.replay import load_replay

        replay = load_replay(self._recording, snapshot, dtype=_floating(dtype))
        if not edits:
            return replay, None
        from dgmtui.trace.edits import edited

        return edited(replay, edits)

    def _run(self, snapshot: SnapshotInfo, dtype: str, edits: "Standing") -> Replayed:
        from dgmtui.trace.verify import verify_elsewhere

        progress = self.progress()
        progress.update(0.0, f"reading the snapshot of iteration {snapshot.iteration}")
        replay, iteration = self._load(snapshot, dtype, edits)
        replay.forward(progress=progress)
        progress.check()
        progress.update(0.9, "running backward")
        refused = ""
        try:
            replay.backward()
        except ReplayError as error:
            refused = str(error)
        if iteration is not None:
            self._edited[snapshot.iteration, snapshot.turn, edits] = replay.graph
            return Replayed(snapshot, replay, None, refused, edits, iteration.changed, iteration.said)
        progress.update(0.95, "comparing with the training")
        verdict = None if dtype else verify_elsewhere(replay, self._recording, snapshot)
        progress.update(1.0, words_of(verdict))
        return Replayed(snapshot, replay, verdict, refused)


def _blamed(births: "tuple[Birth, ...]") -> "Birth | None":
    return next((birth for birth in births if not birth.harmless), births[0] if births else None)


def _floating(name: str) -> "torch.dtype | None":
    if not name:
        return None
    from dgmtui.trace.tensors import dtype_named

    return dtype_named(name)
