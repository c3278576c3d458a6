"""One investigation: the only mutable state there is, changed by commands and drawn as a ``View``."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from dgmtui.errors import DgmtuiError
from dgmtui.recording.model import NonFinite, Quantity, SnapshotInfo
from dgmtui.session.against import snapshot_before
from dgmtui.session.bookmarks import Bookmarks
from dgmtui.session.chart_settings import LossSettings
from dgmtui.session.checked import checked_iteration
from dgmtui.session.chosen import ChosenFinding
from dgmtui.session.climbing import Focus
from dgmtui.session.config import Config
from dgmtui.session.contributors import Contributors
from dgmtui.session.diary import Diary
from dgmtui.session.dynamics import DynamicsCharts
from dgmtui.session.folds import Folds
from dgmtui.session.landmarks import Landmarks
from dgmtui.session.liveness import Liveness
from dgmtui.session.looking import Looking
from dgmtui.session.network.shown import Networks
from dgmtui.session.operations import Operations
from dgmtui.session.ranks import Ranks
from dgmtui.session.replaced import OpenFiles
from dgmtui.session.stops import Stops
from dgmtui.session.subject import Subject, charted, of_birth, of_findings
from dgmtui.session.touring import Tour
from dgmtui.session.tree import NetworkTree
from dgmtui.session.watching import SeenFindings, take_in
from dgmtui.trace.available import torch_is_installed

if TYPE_CHECKING:
    from dgmtui.findings.model import Finding
    from dgmtui.recording.reader import Recording
    from dgmtui.session.comparing import Comparison
    from dgmtui.session.front import Front
    from dgmtui.session.picking import Pick
    from dgmtui.session.training import WaitingTraining
    from dgmtui.session.view import View
    from dgmtui.trace.graph import Graph
    from dgmtui.trace.progress import Progress

PHASES = {
    Quantity.ACTIVATION: "forward",
    Quantity.GRADIENT: "backward",
    Quantity.WEIGHT_GRADIENT: "backward",
    Quantity.WEIGHT: "update",
    Quantity.UPDATE: "update",
}
"""In which phase a quantity comes to be."""


class Session(Looking):
    """The cursor, what is selected, what has been found out so far, and the commands that led here.

    Commands and ``view`` may be called from any thread, one at a time: both take ``lock``.
    """

    def __init__(
        self,
        recording: "Recording",
        *,
        progress_factory: "Callable[[], Progress] | None" = None,
        thorough: bool = False,
    ) -> None:
        """Stand on the last iteration and the root module.

        Args:
            thorough: going to a non-finite value replays its iteration at once, so that one stands on the unit that
                caused it; a screen has that done in the background.
        """
        super().__init__()
        self.ranks = Ranks(recording, progress_factory)
        self.files = OpenFiles(recording.ranks)
        self.thorough = thorough
        self.lock = threading.RLock()
        self.phase: str | None = None
        self.loss_drawn = LossSettings()
        self.compared: Comparison | None = None
        """The recordings that stand beside this one."""
        self.pick: Pick | None = None
        """The line of the dynamics chart that is pointed at."""
        self.against: int | None = None
        """The iteration whose snapshot every table of contributions stands beside; None: none."""
        self.contributors = Contributors()
        """How the table of contributions is looked through."""
        self.watched = False
        """What the run records meanwhile is to be taken in."""
        self.following = False
        """The cursor goes with the last iteration of a run that goes on, until it is moved."""
        self.liveness = Liveness()
        """How a run that is watched is doing, and whether one has paused."""
        self._seen_findings = SeenFindings()
        self.training: WaitingTraining | None = None
        """The one that opened this screen and waits, if one did."""
        self.sourcing: tuple[str, ...] = ()
        """Scripts that are being run, outermost first."""
        self.tour = Tour()
        self.stops = Stops()
        """Breakpoints and displays."""
        self.chosen = ChosenFinding()
        self.config = Config()
        """What a person has set for good."""
        self.front: Front | None = None
        """The screen that it is shown on, if it is on one."""
        self.answer: object = None
        """The last answer that can be exported or copied; a ``Result`` of the commands."""
        self.folds = Folds()
        """What of the network tree is open."""
        self._open(self.ranks.first_to_fail())
        self.iteration = max(self.recording.last_iteration, 0)
        self.diary = Diary(self)
        """The commands that changed or showed something, as ``save`` writes them."""
        self.bookmarks = Bookmarks()

    def _open(self, rank: int) -> None:
        self.recording = self.ranks.recording(rank)
        self.results = self.ranks.results(rank)
        self.landmarks = Landmarks(self.recording, self.ranks.exclusions, self.results.explained)
        self.tree = NetworkTree(self.recording, self.landmarks, self.folds)
        self.charts = DynamicsCharts(self.recording)
        self.operations = Operations(self.recording)
        self.networks = Networks()

    @property
    def rank(self) -> int:
        """The rank that is looked at."""
        return self.recording.info.rank

    @property
    def target(self) -> str:
        """What ``credit`` explains if nothing else is named."""
        if trail := self.trail():
            return trail[0]
        if self.module:
            return self.selection
        snapshot = self.snapshot
        return "nonfinite" if snapshot is not None and snapshot.reason == "failing" and not self.cured else "loss"

    @property
    def snapshot(self) -> SnapshotInfo | None:
        """The one at the cursor or the nearest before it."""
        return self.recording.nearest_snapshot(self.iteration)

    @property
    def graph(self) -> "Graph | None":
        """The trace of the snapshot here, as edited; None where there is none."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.trace < 0:
            return None
        return self.results.edited_graph(snapshot) or self.operations.graph(snapshot.trace)

    @property
    def cured(self) -> bool:
        """Whether edits stand here and nothing that matters is non-finite any more."""
        snapshot = self.snapshot
        if snapshot is None or not self.results.edits.of(snapshot):
            return False
        return all(birth.harmless for birth in self.results.births_if_made(snapshot))

    @property
    def history(self) -> list[str]:
        """The lines of the diary."""
        return self.diary.lines

    @property
    def awaited(self) -> int | None:
        """The failing iteration whose replay will tell what to look at."""
        return self._awaited

    def cancel(self) -> None:
        """Ask the command that is running in another thread to stop; it raises ``Cancelled`` there."""
        self.ranks.cancel()

    @property
    def under_way(self) -> tuple[float, str]:
        """How far the present (or last) long work is, in [0, 1], and what it does; may be asked from any thread."""
        return self.results.under_way

    @property
    def sampling_due(self) -> bool:
        """Whether the last view's chart waits for ``refine_chart``; may be asked from any thread, as the next three."""
        return self.charts.wish.due

    @property
    def sampling(self) -> tuple[float, str] | None:
        """How far ``refine_chart`` is in another thread, and what it does; None where it is not at work."""
        return self.charts.wish.under_way

    def refine_chart(self) -> None:
        """Make the chart that the last view lacked, without the lock, so that commands run meanwhile."""
        self.charts.refine()

    def cancel_sampling(self) -> None:
        """Ask ``refine_chart`` to stop; the chart stays as it is until it is asked for again."""
        self.charts.wish.cancel()

    @staticmethod
    def prepare() -> None:
        """Load torch and what needs it, if it is installed, without the lock, so that quick commands run meanwhile."""
        if not torch_is_installed():
            return
        import dgmtui.credit
        import dgmtui.trace.birth
        import dgmtui.trace.verify  # noqa: F401  (loading them is all that is wanted)

    def go_to(self, iteration: int) -> str:
        """Move to an iteration; a negative one counts from the last.

        Returns:
            A sentence where that is not the very iteration asked for, else nothing.

        Raises:
            UsageError: there is none at or before it.
        """
        last = self.recording.last_iteration
        wanted = checked_iteration(iteration, last)
        self._stand(min(wanted, last))
        return "" if wanted <= last else f"{wanted} is not recorded; this is the last iteration before it"

    def move(self, steps: int) -> str:
        """Go on (or back, where negative) by so many iterations, and no further than the ends.

        Returns:
            A sentence where an end was in the way, else nothing.
        """
        last = max(self.recording.last_iteration, 0)
        wanted = self.iteration + steps
        self._stand(min(max(wanted, 0), last))
        if wanted < 0:
            return "this is the first iteration"
        return "this is the last iteration" if wanted > last else ""

    def refresh(self) -> bool:
        """Take in what a run that goes on has recorded since; whether that is anything."""
        with self.lock:
            if self.liveness.paused:
                return self.liveness.look(self.recording)
            changed = take_in(self.recording.ranks)
            if self.compared is not None:
                self.compared.refresh()
            if changed:
                self.charts.forget_rewritten()
                if self.following:
                    self.iteration = max(self.recording.last_iteration, 0)
                    self.phase = None
                self.stops.watch(self)
            return self.liveness.look(self.recording) or changed

    def follow(self) -> None:
        """Go to the last iteration, and with it while the run goes on."""
        self.liveness.paused = False
        self.refresh()
        self._stand(max(self.recording.last_iteration, 0))
        self.watched = self.following = True
        self.note_findings()

    def note_findings(self) -> None:
        """What is listed now has been seen by whoever gives commands; of a run that is not watched nothing is new."""
        if self.watched:
            with suppress(DgmtuiError):  # moving does not fail for that, ``findings`` says so
                self._seen_findings.note(self.ranks.findings(quick=True))

    def is_new(self, finding: "Finding") -> bool:
        """Whether it came since the last command."""
        return self._seen_findings.lack(finding)

    @property
    def running(self) -> bool:
        """Whether the run has not ended yet, or was killed, as far as is known."""
        return any(each.end is None for each in self.recording.ranks)

    def start(self) -> None:
        """Look at what the first finding concerns, as far as the recording tells; ``settle`` follows the replay."""
        failing = next((s for s in self.recording.snapshots if s.reason == "failing"), None)
        self._look_at(of_findings(self.recording, self.results))
        self._awaited = None if failing is None else failing.iteration
        self.focus = Focus("nonfinite") if self._fails_here() else None

    def settle(self) -> bool:
        """Look at the unit that caused the failure, once a replay has told it and unless something else was chosen.

        Returns:
            Whether what is looked at is another than before.
        """
        snapshot = None if self._awaited is None else self.recording.snapshot(self._awaited)
        if snapshot is None or self.results.birth_if_made(snapshot) is None:
            return False
        before, focus = (self.module, self.unit), self.focus
        graph = self.operations.graph(snapshot.trace)
        self._look_at(of_birth(self.recording, self.results, snapshot, graph))
        self.focus = focus
        if self.iteration == snapshot.iteration:
            self._take_phase()
        else:
            self.sample = None
        return (self.module, self.unit) != before

    def stand_on(self, found: NonFinite) -> None:
        """Go to a non-finite value and select the module, quantity and unit that it was seen in, or that caused it."""
        self._stand(found.iteration)
        self.select_module(found.module)
        self.phase = PHASES[found.quantity]
        self.unit = found.unit
        self.quantity, self.measure = found.quantity, None
        if self._fails_here() and self.thorough:
            with suppress(DgmtuiError, ImportError):  # what can't be replayed here is told from the recording
                self.results.findings()
        self._take_phase()
        if not self.thorough and found.module not in charted(self.recording):
            self._look_at(of_findings(self.recording, self.results))
        if self._fails_here():
            self.focus, self._awaited = Focus("nonfinite"), found.iteration
            self.settle()

    def select_rank(self, rank: int) -> str:
        """Look at another rank of the run: the same iteration, module and unit there, as far as they are recorded.

        Returns:
            A sentence where the iteration is another, else nothing.

        Raises:
            UsageError: it is not open.
        """
        iteration, module, unit = self.iteration, self.module, self.unit
        self.charts.wish.drop()
        self._open(rank)
        known = any(module == each.path for each in self.recording.modules)
        self.select_module(module if known else "")
        self.unit, self.sample = unit if known else None, None
        last = max(self.recording.last_iteration, 0)
        self._stand(min(iteration, last))
        return "" if iteration <= last else f"rank {rank} is recorded until {last} only"

    def close(self) -> None:
        """Close what was opened beside the recording, which is closed by whoever opened it.

        HDF5 misreads a file that is open twice in a process, and the list of runs opens one after another.
        """
        if self.compared is not None:
            self.compared.close()
            self.compared = None

    def aim(self, target: str, module: str, unit: int | None, sample: int | None) -> None:
        """Make ``target`` the target and look at the module, unit and sample that it turned out to be, if it is one."""
        if self.focus is None or self.focus.target != target:
            self.focus = Focus(target)
        if any(module == known.path for known in self.recording.modules):
            self.module, self.unit, self.sample, self._awaited = module, unit, sample, None
            self._offer_quantity()

    def trail(self) -> tuple[str, ...]:
        """Targets from the present one down to where ``up`` began."""
        if self.focus is None or (self.focus.target == "nonfinite" and self.cured):
            return ()
        return self.focus.trail

    def needed_snapshot(self) -> SnapshotInfo:
        """The snapshot that a replay here runs.

        Raises:
            UsageError: there is none at or before the cursor.
        """
        return snapshot_before(self.recording, self.iteration)

    def view(self) -> "View":
        """All that one screen shows; quick, and without torch unless a command has loaded it."""
        from dgmtui.session.viewing import build_view

        with self.lock:
            return build_view(self)

    def _look_at(self, subject: Subject | None) -> None:
        if subject is not None:
            self.select_module(subject.module)
            self.unit, self.sample = subject.unit, subject.sample
            self.quantity, self.measure = subject.quantity, None
            self._offer_quantity()
        self._awaited = None

    def _take_phase(self) -> None:
        """Phase and sample as the finding at the cursor tells them."""
        finding = self.results.finding_at(self.iteration)
        if finding is not None and (finding.kind, finding.iteration) == ("nonfinite", self.iteration):
            self.phase, self.sample = finding.phase or self.phase, finding.sample

    def _fails_here(self) -> bool:
        snapshot = self.recording.snapshot(self.iteration)
        return snapshot is not None and snapshot.reason == "failing"

    def _stand(self, iteration: int) -> None:
        self.following = False
        self.iteration, self.phase = iteration, None
        if self.focus is not None and self.focus.target == "nonfinite":
            self.focus = None
