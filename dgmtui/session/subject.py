"""What to look at where nobody has chosen: what the first finding concerns, if series of it were recorded."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dgmtui.errors import DgmtuiError
from dgmtui.recording.model import Quantity, SnapshotInfo
from dgmtui.session.edits import RECORDED
from dgmtui.trace.graph import Graph, NodeRef, OutsideRef, Ref

if TYPE_CHECKING:
    from dgmtui.recording.reader import Recording
    from dgmtui.session.results import Results
    from dgmtui.trace.birth import Birth


@dataclass(frozen=True)
class Subject:
    """A module with series, and what of it matters."""

    module: str
    unit: int | None = None
    sample: int | None = None
    quantity: Quantity = Quantity.ACTIVATION


def charted(recording: "Recording") -> frozenset[str]:
    """Paths of the modules of which series were recorded."""
    return frozenset(channel.module for channel in recording.channels if channel.units)


def target_words(recording: "Recording") -> list[str]:
    """What `credit` and `chain` can be asked for by name: modules, then gradients of parameters."""
    modules = [module for module in recording.modules if module.path]
    gradients = [".".join(filter(None, (m.path, name))) for m in recording.modules for name in m.parameters]
    return ["nonfinite", "loss", *(module.path for module in modules), *(f"grad:{name}" for name in gradients)]


def of_findings(recording: "Recording", results: "Results") -> Subject | None:
    """Of the findings that need no replay, the first whose module has series; else the first such leaf."""
    known = charted(recording)
    for finding in results.findings(quick=True):
        if finding.module is not None and finding.module in known:
            return Subject(finding.module, finding.unit, finding.sample)
    parents = {module.parent for module in recording.modules}
    leaf = next((m.path for m in recording.modules if m.path in known and m.path not in parents), None)
    return None if leaf is None else Subject(leaf)


def of_birth(recording: "Recording", results: "Results", snapshot: SnapshotInfo, graph: Graph) -> Subject | None:
    """The unit whose value led to the first non-finite one; None where that is not known yet, or has no series.

    A birth outside every module, as in a function on a module's output, is looked at in the module that its operand
    comes from.
    """
    birth = results.birth_if_made(snapshot)
    if birth is None:
        return None
    known = charted(recording)
    quantity = Quantity.GRADIENT if birth.phase == "backward" else Quantity.ACTIVATION
    try:
        target = results.crediting.target(snapshot, "nonfinite", RECORDED)
    except DgmtuiError:  # no operation of the trace made it
        return None
    if birth.node is None:
        module = _held_by(birth, graph, known)
        return None if module is None else Subject(module, None, birth.sample, quantity)
    if target.module in known:
        return Subject(target.module, target.unit, target.sample, quantity)
    module = _upstream(graph, target.ref, known - {""})
    return None if module is None else Subject(module, None, target.sample, quantity)


def _held_by(birth: "Birth", graph: Graph, known: frozenset[str]) -> str | None:
    """The module whose parameter it is, else the first with series that takes what came in."""
    if birth.outside is None:
        return birth.module if birth.module in known else None
    kind, _, name = birth.outside.partition(":")
    owner = name.rpartition(".")[0]
    if kind in ("param", "buffer") and owner in known:
        return owner
    users = (graph.module_of(graph.nodes[node]) for node in graph.users(OutsideRef(birth.outside)))
    return next((module for module in users if module in known), None)


def _upstream(graph: Graph, start: Ref, known: frozenset[str]) -> str | None:
    """The nearest module with series that a value comes from, breadth first."""
    waiting, seen = deque([start]), {start}
    while waiting:
        ref = waiting.popleft()
        if not isinstance(ref, NodeRef):
            continue
        node = graph.nodes[ref.node]
        if (module := graph.module_of(node)) in known:
            return module
        fresh = [taken for taken in dict.fromkeys(node.inputs()) if taken not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return None
