"""Parameters that never move, and why."""

from collections.abc import Callable, Iterator

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.losses.progress_of_loss import begin_and_end, gain
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.findings.updates.cuts import cuts_of, how
from dgmtui.findings.updates.initial import is_as_initialised
from dgmtui.findings.updates.parameter_facts import ParameterFact, listed
from dgmtui.findings.updates.stillness import Still, Why, common_module, still_parameters
from dgmtui.recording.model import StepOutcome
from dgmtui.trace.graph import Node


@detector("parameter_not_updated")
def parameter_not_updated(case: Case) -> Iterator[Finding]:
    """A parameter is the same at the end as before the first step: frozen, detached, in no optimiser, never stepped."""
    found = list(still_parameters(case))
    others = any(still.why not in (Why.FROZEN, Why.UNUSED) for still in found)
    for still in found:
        yield _finding(case, still, others=others and still.why is Why.FROZEN)


def _finding(case: Case, still: Still, *, others: bool) -> Finding:
    """``others``: there are parameters that do not move for a reason that nobody means, and it is that one's fault."""
    module = common_module(still.modules, still.facts, still.parameters)
    cut = _cut(case, still)
    severity = Severity.INFO if others else _severity(case, still)
    count, total = len(still.parameters), len(still.facts.parameters)
    whole = listed(p.path for p in still.parameters) if count < 3 else listed(_shown(still, module))
    verb = "never moves" if len(set(_shown(still, module))) == 1 and count > 2 or count == 1 else "never move"
    source = cut.source if cut else None
    return Finding(
        kind="parameter_not_updated",
        severity=severity,
        iteration=still.facts.last,
        onset=still.facts.first,
        rank=case.recording.info.rank,
        phase="update",
        module=module,
        op=cut.name if cut else None,
        **line_of(source),
        value=still.share,
        message=(
            f"{whole} {verb}: {_REASONS[still.why](case, still, cut)} ({count} of {total} parameters, "
            f"{still.share:.0%} of the elements, the same at iteration {still.facts.last:,} as before the first step)."
        ),
        advice=_ADVICE[still.why],
        consequences=_consequences(case, severity),
        evidence=(Evidence(f"module {module or '.'}", "its weight, gradient and update"),),
        data={"why": str(still.why), "parameters": [p.path for p in still.parameters], "share": still.share},
    )


def _shown(still: Still, module: str) -> list[str]:
    holds_all = all(f"{m}.".startswith(f"{module}.") or not module for m in still.modules)
    return [module] if holds_all else list(still.modules)


def _consequences(case: Case, severity: Severity) -> tuple[str, ...]:
    came_down = gain(case)
    if severity is Severity.INFO or not came_down < case.thresholds.stuck_change:
        return ()
    begin, end = begin_and_end(case.recording.losses())
    return (f"The loss does not come down: {begin:.4g} at the start, {end:.4g} at the end.",)


def _severity(case: Case, still: Still) -> Severity:
    if still.why is Why.FROZEN:
        return _severity_of_frozen(case, still)
    if still.why is Why.UNUSED:
        trained = sum(p.size for p in still.facts.parameters if p.moved)
        return Severity.ERROR if still.share > 0 and not trained else Severity.WARNING
    if still.why is Why.ROUNDED and all(p.dtype in ("float32", "float64") for p in still.parameters):
        return Severity.WARNING  # then it is the gradient that is next to nothing
    if still.why is Why.NO_OPTIMIZER:
        return _severity_in_none(case, still)
    return Severity.ERROR


def _severity_of_frozen(case: Case, still: Still) -> Severity:
    """Freezing is meant where it is of leading modules that are not as they were initialised."""
    matrices = [p for p in still.facts.parameters if p.moved and len(p.shape) > 1]
    stuck = gain(case) < case.thresholds.stuck_change
    if not matrices or (stuck and still.share > case.thresholds.frozen_share):
        return Severity.ERROR if stuck else Severity.WARNING
    initial = [p for p in still.parameters if len(p.shape) > 1 and is_as_initialised(case, p.path)]
    hardly_learns = still.share > case.thresholds.frozen_share and gain(case) < case.thresholds.frozen_gain
    if initial and (hardly_learns or not _is_model_of_its_own(still)):
        return Severity.WARNING
    return Severity.INFO


def _severity_in_none(case: Case, still: Still) -> Severity:
    if case.graph is not None and _is_model_of_its_own(still):
        fixed = [call.module for call in case.graph.calls if call.parent < 0 and call.module and not call.training]
        if fixed and all(any(f"{m}.".startswith(f"{one}.") for one in fixed) for m in still.modules):
            return Severity.WARNING  # in evaluation mode: one that another is trained through, as a fixed classifier
    return Severity.ERROR if any(len(p.shape) > 1 for p in still.parameters) else Severity.WARNING


def _is_model_of_its_own(still: Still) -> bool:
    """Whether nothing of the models that they belong to moves."""
    roots = {p.path.partition(".")[0] for p in still.parameters}
    return not any(p.moved and p.path.partition(".")[0] in roots for p in still.facts.parameters)


def _cut(case: Case, still: Still) -> Node | None:
    if still.why is not Why.DETACHED or case.graph is None:
        return None
    cuts = [node for p in still.parameters for node in cuts_of(case.graph, p.path)[:1]]
    return max(cuts, key=lambda node: node.id, default=None)


def _frozen(case: Case, still: Still, cut: Node | None) -> str:
    initial = [p.path for p in still.parameters if len(p.shape) > 1 and is_as_initialised(case, p.path)]
    random = f", and {listed(initial, 2)} still hold the random numbers they were initialised with" if initial else ""
    return f"requires_grad is False: frozen{random}"


def _in_none(case: Case, still: Still, cut: Node | None) -> str:
    holds = sum(one.holds for one in still.facts.optimizers)
    known = " and ".join(sorted({one.name for one in still.facts.optimizers}))
    gradient = any(p.gradient == "nonzero" for p in still.parameters)
    reached = "the backward pass gives a gradient, but " if gradient else ""
    return f"{reached}no optimiser has it ({known} {'hold' if ' and ' in known else 'holds'} {holds} parameters)"


def _replaced(case: Case, still: Still, cut: Node | None) -> str:
    strangers = [s for one in still.facts.optimizers for s in one.strangers if s.gradient == "none"]
    shapes = ", ".join(str(list(s.shape)) for s in strangers[:3])
    was = next((s.was for s in strangers if s.was), "")
    named = f" (what was `{was}` then)" if was else ""
    return (
        f"it was replaced after the optimiser was made, which still holds {len(strangers)} parameters of shapes "
        f"{shapes}{named} that the model no longer has"
    )


def _no_step(case: Case, still: Still, cut: Node | None) -> str:
    names = sorted({still.facts.optimizers[i].name for p in still.parameters for i in p.optimizers})
    return f"{' and '.join(names)} has it, but its step() is never called"


def _detached(case: Case, still: Still, cut: Node | None) -> str:
    if cut is not None:
        return f"no gradient reaches it, as it is detached from the loss: {how(cut)}"
    taker = _taker(case, still)
    by = f"; `{taker[1]}` takes a tensor with the very numbers `{taker[0]}` gave, but no history" if taker else ""
    return (
        "no gradient reaches it, as what it gives is detached from the loss on its way (.detach(), .data, .item(), a "
        f"round trip through NumPy, torch.no_grad()){by}"
    )


def _taker(case: Case, still: Still) -> tuple[str, str] | None:
    """A module of these whose output has the statistics of an outside tensor, and who takes that."""
    graph, snapshot = case.graph, next(iter(case.snapshots), None)
    if graph is None or snapshot is None:
        return None
    first = case.graph_of(snapshot)
    rows = np.flatnonzero(case.recording.rows == snapshot.iteration)
    if first is None or not len(rows):
        return None
    table = case.recording.statistics_row(int(rows[0]))
    outputs = {c.module: table[i, :4] for i, c in enumerate(case.recording.channels) if c.quantity == "activation"}
    for name, outside in first.outside.items():
        values = case.array(snapshot, name) if outside.kind == "input" else None
        if values is None or values.size < 2 or values.dtype.kind != "f":
            continue
        told = np.array([values.min(), values.max(), values.mean(dtype=np.float64), values.std(dtype=np.float64)])
        for module, known in outputs.items():
            below = any(not module or f"{m}.".startswith(f"{module}.") for m in still.modules)
            if below and np.allclose(told, known, rtol=1e-4, atol=1e-7):
                takers = [c.module for c in first.calls if any(getattr(r, "name", "") == name for r in c.inputs)]
                if takers and not any(not t or f"{module}.".startswith(f"{t}.") for t in takers[-1:]):
                    return module, takers[-1]
    return None


def _unused(case: Case, still: Still, cut: Node | None) -> str:
    return "no gradient reaches it: nothing in the pass that leads to the loss takes it"


def _zeroed(case: Case, still: Still, cut: Node | None) -> str:
    return (
        "the backward pass gives a gradient, but when the optimiser steps it is gone or zero: it is cleared between "
        "backward() and step()"
    )


def _no_rate(case: Case, still: Still, cut: Node | None) -> str:
    return "the optimiser's learning rate is 0"


def _rounded(case: Case, still: Still, cut: Node | None) -> str:
    told = _spacing(case, still.parameters)
    return f"the step rounds to nothing in {still.parameters[0].dtype}{f': {told}' if told else ''}"


def _spacing(case: Case, parameters: tuple[ParameterFact, ...]) -> str:
    from dgmtui.findings.updates.rounding import spacing_at

    for snapshot in case.recording.snapshots:
        for p in parameters:
            weight, gradient = case.array(snapshot, f"param:{p.path}"), case.array(snapshot, f"grad:{p.path}")
            group = next(
                (
                    g
                    for s in snapshot.optimizers
                    if s.outcome == StepOutcome.MADE
                    for g in s.groups
                    if p.path in g.parameters
                ),
                None,
            )
            if weight is None or gradient is None or group is None or not isinstance(group.settings.get("lr"), float):
                continue
            size = float(np.median(np.abs(weight)))
            step = group.settings["lr"] * float(np.median(np.abs(gradient)))
            return (
                f"a weight of {p.path} is about {size:.3g}, where numbers lie {spacing_at(size, p.dtype):.2g} apart, "
                f"and lr · gradient is about {step:.2g}"
            )
    return ""


def _unknown(case: Case, still: Still, cut: Node | None) -> str:
    return "a gradient reaches it, but nothing changes it"


_REASONS: dict[Why, Callable[[Case, Still, Node | None], str]] = {
    Why.FROZEN: _frozen,
    Why.NO_OPTIMIZER: _in_none,
    Why.REPLACED: _replaced,
    Why.NO_STEP: _no_step,
    Why.DETACHED: _detached,
    Why.UNUSED: _unused,
    Why.ZEROED: _zeroed,
    Why.NO_RATE: _no_rate,
    Why.ROUNDED: _rounded,
    Why.UNKNOWN: _unknown,
}
_ADVICE = {
    Why.FROZEN: "Set requires_grad to True for what is to be trained; leave it False where a part is to be kept.",
    Why.NO_OPTIMIZER: (
        "Give it to the optimiser: register layers in nn.ModuleList or nn.ModuleDict rather than a list or dict, and "
        "pass the parameters of every part that is to be trained."
    ),
    Why.REPLACED: "Make the optimiser once the model has its last shape, or add the new ones by add_param_group().",
    Why.NO_STEP: "Call step() of this optimiser after backward().",
    Why.DETACHED: "Keep tensors, without .detach(), .item(), NumPy or torch.no_grad(), from there to the loss.",
    Why.UNUSED: "Call it in forward(), or take it out of the model.",
    Why.ZEROED: "Call zero_grad() before backward() or after step(), not between them.",
    Why.NO_RATE: "Give a learning rate above 0, and look at the scheduler.",
    Why.ROUNDED: (
        "Keep the weights in float32 and compute in half precision (torch.autocast), or raise the learning rate."
    ),
    Why.UNKNOWN: "Look at what is done with it after the step: it may be set back, or never be stepped.",
}
