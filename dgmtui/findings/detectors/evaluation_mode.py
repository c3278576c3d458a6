"""Models that train in evaluation mode: without dropout, and with batch norm that uses what it no longer updates."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dgmtui.findings.case import Case
from dgmtui.findings.model import Evidence, Finding, Severity
from dgmtui.findings.registry import detector
from dgmtui.findings.updates.parameter_facts import facts_of, listed
from dgmtui.recording.model import MODE, PARAMETERS, ModuleInfo

_DROPS = re.compile(r"^(Feature)?(Alpha)?Dropout\d*d?$|^RReLU$|^StochasticDepth$|^DropPath$")
_NORMALISES = re.compile(r"^(Lazy|Sync)?BatchNorm(\d*d)?$")


@dataclass(frozen=True)
class _Mode:
    """A model's training flag in the passes that a loss was differentiated through."""

    path: str
    since: int
    """The iteration from which it has been in evaluation mode, to the last."""


@detector("evaluation_mode", live=True)
def evaluation_mode(case: Case) -> Iterator[Finding]:
    """A model whose dropout or batch norm differs in evaluation mode is trained in evaluation mode."""
    models = _evaluated(case)
    for mode in models:
        finding = _of_model(case, mode)
        if finding is not None:
            yield finding


@detector("frozen_batch_norm")
def frozen_batch_norm(case: Case) -> Iterator[Finding]:
    """Batch norm is in evaluation mode within a model that trains, as where it is frozen on purpose."""
    yield from _frozen_norms(case, {mode.path for mode in _evaluated(case)})


def _evaluated(case: Case) -> list[_Mode]:
    """Outermost modules that ended the run in evaluation mode, and since when."""
    since: dict[str, int | None] = {}
    for event in case.recording.events():
        modules = event.data.get("modules") if event.kind == MODE else None
        for path, training in (modules if isinstance(modules, dict) else {}).items():
            since[str(path)] = None if training else event.iteration
    if not since and not any(event.kind == PARAMETERS for event in case.recording.events()):
        since = _evaluated_by_snapshots(case)
    return [_Mode(path, iteration) for path, iteration in since.items() if iteration is not None]


def _evaluated_by_snapshots(case: Case) -> dict[str, int | None]:
    """The same for a recording without such events, as exactly as its snapshots lie."""
    found: dict[str, int | None] = {}
    for snapshot in case.snapshots:
        graph = case.graph_of(snapshot)
        for call in graph.calls if graph else ():
            if call.parent < 0:
                known = found.get(call.module)
                found[call.module] = None if call.training else snapshot.iteration if known is None else known
    return found


def _of_model(case: Case, mode: _Mode) -> Finding | None:
    inside = [m for m in case.recording.modules if not mode.path or f"{m.path}.".startswith(f"{mode.path}.")]
    drops = [m.path for m in inside if _drops(m)]
    norms = [m.path for m in inside if _NORMALISES.match(m.type) and "track_running_stats=False" not in m.detail]
    count = case.recording.iteration_count
    lasted = count - mode.since
    if not (drops or norms) or not _is_trained(case, mode.path) or lasted < case.thresholds.evaluation_iterations:
        return None
    what = []
    if drops:
        what.append(f"{listed(drops)} drop{'s' if len(drops) == 1 else ''} nothing")
    if norms:
        what.append(
            f"{listed(norms)} normalise{'s' if len(norms) == 1 else ''} with running statistics that "
            f"{'are never updated' if mode.since == 0 else f'have not been updated since iteration {mode.since:,}'}"
        )
    name = f"`{mode.path}`" if mode.path else "The model"
    when = "from the start" if mode.since == 0 else f"from iteration {mode.since:,} on"
    return Finding(
        kind="evaluation_mode",
        severity=Severity.WARNING,
        iteration=max(0, count - 1),
        onset=mode.since,
        rank=case.recording.info.rank,
        phase="forward",
        module=mode.path,
        value=lasted / count,
        message=f"{name} trains in evaluation mode {when} ({lasted:,} of {count:,} iterations): {'; '.join(what)}.",
        advice="Call model.train() before the training loop, and again after each evaluation that called model.eval().",
        evidence=(
            Evidence(f"goto {mode.since}", "the first iteration in evaluation mode"),
            *(Evidence(f"module {path}", "differs in evaluation mode") for path in [*norms, *drops][:2]),
        ),
        data={"dropout": drops, "batch_norm": norms, "since": mode.since},
    )


def _drops(module: ModuleInfo) -> bool:
    """Whether it draws at random in training mode: dropout above 0, also that of a recurrent or attention layer."""
    if _DROPS.match(module.type):
        return not re.match(r"p=0(\.0*)?(,|$)", module.detail)
    found = re.search(r"dropout=([0-9.]+)", module.detail)
    return found is not None and float(found[1].rstrip(".")) > 0


def _is_trained(case: Case, path: str) -> bool:
    """Whether an optimiser moves parameters of it; so it is taken to be where nothing tells."""
    facts = facts_of(case)
    if facts is None:
        return True
    inside = [p for p in facts.parameters if not path or f"{p.path}.".startswith(f"{path}.")]
    return any(p.requires_grad and (p.moved or p.gradient == "nonzero") and p.optimizers for p in inside)


def _frozen_norms(case: Case, told: set[str]) -> Iterator[Finding]:
    """Batch norm in evaluation mode within a model that trains: as a rule on purpose."""
    snapshot = next(reversed(case.snapshots), None)
    graph = case.graph_of(snapshot) if snapshot else None
    if snapshot is None or graph is None:
        return
    roots = {call.id: call for call in graph.calls if call.parent < 0}
    frozen: list[str] = []
    for call in graph.calls:
        top = call
        while top.parent >= 0:
            top = graph.calls[top.parent]
        if top.id in roots and top.training and top.module not in told and not call.training:
            if _NORMALISES.match(call.type):
                frozen.append(call.module)
    if frozen:
        yield Finding(
            kind="evaluation_mode",
            severity=Severity.INFO,
            iteration=snapshot.iteration,
            rank=case.recording.info.rank,
            phase="forward",
            module=frozen[0],
            value=float(len(set(frozen))),
            message=(
                f"{listed(frozen)} {'are' if len(set(frozen)) > 1 else 'is'} in evaluation mode while the model trains:"
                " running statistics are used and not updated, as where batch norm is frozen for fine-tuning."
            ),
            advice="If it is not frozen on purpose, call train() on it too.",
            evidence=(Evidence(f"module {frozen[0]}", "batch norm in evaluation mode"),),
            data={"batch_norm": list(dict.fromkeys(frozen))},
        )
