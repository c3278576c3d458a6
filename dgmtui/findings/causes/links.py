"""Conditions on two findings: whether what is known of them lets one be the cause of the other."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.failures.explanations import FORWARD
from dgmtui.findings.model import Finding
from dgmtui.recording.model import SnapshotInfo
from dgmtui.trace.graph import Graph, NodeRef

STANDING = frozenset(
    {"parameter_not_updated", "target_range", "wrong_loss_input", "evaluation_mode", "gradient_accumulating"}
)
"""What the code or the data is like from the first iteration on, unless an onset says otherwise."""


def began(finding: Finding) -> int:
    """The iteration from which on it may have had consequences."""
    if finding.onset is not None:
        return finding.onset
    return 0 if finding.kind in STANDING else finding.iteration


def modules_of(finding: Finding) -> frozenset[str]:
    """All modules that it names; empty where it concerns no one module."""
    more = finding.data.get("modules") or ()
    named = (finding.module, finding.data.get("fed_by"), *(more if isinstance(more, list | tuple) else ()))
    return frozenset(module for module in named if isinstance(module, str) and module)


@dataclass(frozen=True)
class Terrain:
    """The network and its rows, in which findings lie."""

    case: Case

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """Every trace of the snapshots, as of each turn there is one."""
        traces = {snapshot.trace: snapshot for snapshot in self.case.recording.snapshots if snapshot.trace >= 0}
        return tuple(graph for each in traces.values() if (graph := self.case.graph_of(each)) is not None)

    @cached_property
    def resolution(self) -> int:
        """How many iterations an onset that is read off rows may be late."""
        rows = self.case.recording.rows
        return int(np.diff(rows).max()) if len(rows) > 1 else 0

    def feeds(self, source: str, target: str) -> bool:
        """Whether what ``source`` gives out goes into ``target``, or one holds the other; True where no trace tells."""
        if _within(source, target) or _within(target, source):
            return True
        known = [graph for graph in self.graphs if {source, target} <= graph.once(_modules)]
        return not known or any(target in _reached(graph, source) for graph in known)


def _within(module: str, container: str) -> bool:
    return module == container or module.startswith(f"{container}.")


def _modules(graph: Graph) -> frozenset[str]:
    return frozenset(call.module for call in graph.calls)


def _reached(graph: Graph, source: str) -> frozenset[str]:
    """Modules that take, directly or through others, what any call of ``source`` made."""
    reached = graph.once(_reached_so_far)
    if source not in reached:
        own = {call.id for call in graph.calls if _within(call.module, source)}
        waiting = deque(node.id for node in graph.nodes if node.call in own)
        seen = set(waiting)
        while waiting:
            node = graph.nodes[waiting.popleft()]
            for out in range(len(node.outs)):
                fresh = [user for user in graph.users(NodeRef(node.id, out)) if user not in seen]
                seen.update(fresh)
                waiting.extend(fresh)
        reached[source] = frozenset(graph.module_of(graph.nodes[i]) for i in seen)
    return reached[source]


def _reached_so_far(graph: Graph) -> dict[str, frozenset[str]]:
    return {}


Condition: TypeAlias = Callable[[Terrain, Finding, Finding], bool]
"""``(terrain, cause, symptom)``; it may assume that both are of one rank."""


def not_later(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The cause began no later than the symptom, as far as rows tell."""
    return began(cause) <= began(symptom) + terrain.resolution


def most_of_the_time(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The cause held for most of the time of a symptom that lasts: units come to it one by one, and from how many on
    they are called so is a threshold's doing."""
    return symptom.iteration - began(cause) >= 0.5 * (symptom.iteration - began(symptom))


def same_modules(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """They name a module in common, or one names none."""
    ours, theirs = modules_of(cause), modules_of(symptom)
    return not ours or not theirs or any(_within(a, b) or _within(b, a) for a in ours for b in theirs)


def same_operation(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """They name the same operation at the same line, or, where one names none, a module in common."""
    if cause.op is None or symptom.op is None:
        return same_modules(terrain, cause, symptom)
    return cause.op == symptom.op and (not cause.source or not symptom.source or cause.source == symptom.source)


def downstream(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The symptom's module takes what the cause's gives out, or one of them names none."""
    ours, theirs = modules_of(cause), modules_of(symptom)
    return not ours or not theirs or any(terrain.feeds(a, b) for a in ours for b in theirs)


def upstream(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The symptom's module feeds the cause's, as gradients come back to it through that, or one names none."""
    return downstream(terrain, symptom, cause)


def same_turn(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """They are of one turn, or one is of no certain one."""
    return not cause.turn or not symptom.turn or cause.turn == symptom.turn


def same_sample(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """They name the same row of the batch, or row of the data set, or one names none."""
    if cause.dataset_index is not None and symptom.dataset_index is not None:
        return cause.dataset_index == symptom.dataset_index
    theirs = {symptom.sample, *symptom.samples} - {None}
    return cause.iteration != symptom.iteration or cause.sample is None or not theirs or cause.sample in theirs


def close_by(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The symptom shows at the cause's iteration, or within a row of it."""
    return abs(began(symptom) - cause.iteration) <= max(1, terrain.resolution) or began(symptom) == began(cause)


def after(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The symptom began at the iteration of the cause or after it; rows may date it too late, never too early."""
    return began(symptom) >= cause.iteration


def on_the_way(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The symptom began before the cause showed itself: it was on its way."""
    return began(symptom) <= cause.iteration


def after_first_step(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The symptom was not there before any step was taken."""
    return began(symptom) > 0


def before_any_step(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The cause was there before any step was taken, or clearly before the symptom."""
    return began(cause) == 0 or began(cause) + terrain.resolution < began(symptom)


def no_gradient(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """Nothing in the code explains the symptom, as a parameter that is frozen or in no optimiser."""
    return symptom.data.get("why") in (None, "unknown", "rounds to nothing")


def by_the_code(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The code explains the cause: it is no step that is too small to be seen."""
    return not no_gradient(terrain, symptom, cause)


def out_of_range(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """A non-finite value that is the end of a growth: numbers that were too large, not a shape, a mask or a zero."""
    if symptom.data.get("regardless") or symptom.phase == "input" or symptom.value == 0:
        return False
    return grew(terrain.case, symptom.iteration)


def by_its_input(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """A non-finite value that was in the batch, or that too large numbers led to."""
    return symptom.phase == "input" or out_of_range(terrain, cause, symptom)


def of_no_own_making(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The operation at which the non-finite value was born is finite for every ordinary number that goes in."""
    name = (symptom.op or "").removeprefix("aten.").rstrip("_")
    return symptom.phase != "backward" and name not in FORWARD


def of_its_own_making(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The reverse, for a symptom that the non-finite value's own operation may have made."""
    return not of_no_own_making(terrain, symptom, cause)


def ran_away(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """As ``out_of_range``, where the non-finite value is the cause."""
    return out_of_range(terrain, symptom, cause)


def soon_after(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The non-finite value came within ``cause_soon``, or at an operation that does not run away by itself."""
    if of_no_own_making(terrain, cause, symptom):
        return True
    return symptom.iteration - cause.iteration <= terrain.case.thresholds.cause_soon + terrain.resolution


def long_after(terrain: Terrain, cause: Finding, symptom: Finding) -> bool:
    """The non-finite value (here the cause) came much later than the symptom."""
    return not soon_after(terrain, symptom, cause)


def grew(case: Case, iteration: int) -> bool:
    """Whether loss or weights had grown by the factor ``cause_growth`` before an iteration since the run began."""
    factor = case.thresholds.cause_growth
    losses = np.abs(case.recording.losses(0, iteration))
    known = losses[np.isfinite(losses)]
    if len(known) >= 2 and known[0] > 0 and known[-3:].max() >= factor * known[0]:
        return True
    return _weights_grew(case, iteration, factor)


def _weights_grew(case: Case, iteration: int, factor: float) -> bool:
    """Whether some parameter's greatest magnitude did, from the first snapshot to the last up to the iteration."""
    within = [snapshot for snapshot in case.recording.snapshots if snapshot.iteration <= iteration]
    if len(within) < 2:
        return False
    for name in within[-1].tensors:
        if name.startswith("param:") and name in within[0].tensors:
            before, now = (_largest(case, snapshot, name) for snapshot in (within[0], within[-1]))
            if before > 0 and not now < factor * before:
                return True
    return False


def _largest(case: Case, snapshot: SnapshotInfo, name: str) -> float:
    values = case.array(snapshot, name)
    if values is None or not values.size or not np.issubdtype(values.dtype, np.number):
        return 0.0
    return float(np.abs(values).max())
