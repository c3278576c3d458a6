"""Why a parameter never moves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from dgmtui.findings.case import Case
from dgmtui.findings.updates.cuts import is_used
from dgmtui.findings.updates.parameter_facts import Facts, ParameterFact, facts_of, rates
from dgmtui.recording.model import StepOutcome


class Why(StrEnum):
    """Reasons, as ``data`` of a finding has them."""

    FROZEN = "frozen"
    NO_OPTIMIZER = "not in an optimiser"
    REPLACED = "replaced"
    NO_STEP = "never stepped"
    DETACHED = "detached"
    UNUSED = "unused"
    ZEROED = "zeroed before the step"
    NO_RATE = "learning rate 0"
    ROUNDED = "rounds to nothing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Still:
    """Parameters that never moved, for one reason."""

    why: Why
    parameters: tuple[ParameterFact, ...]
    facts: Facts

    @property
    def modules(self) -> tuple[str, ...]:
        """Those that hold them."""
        return tuple(dict.fromkeys(parameter.module for parameter in self.parameters))

    @property
    def share(self) -> float:
        """Of the elements of all recorded parameters."""
        total = sum(parameter.size for parameter in self.facts.parameters)
        return sum(parameter.size for parameter in self.parameters) / max(1, total)


def still_parameters(case: Case) -> Iterator[Still]:
    """All that never moved, by reason, in the order of their first."""
    facts = facts_of(case)
    if facts is None or facts.last - facts.first < case.thresholds.still_iterations:
        return
    groups: dict[Why, list[ParameterFact]] = {}
    for parameter in facts.parameters:
        if not parameter.moved and parameter.size:
            why = _why(case, facts, parameter)
            if why is not None:
                groups.setdefault(why, []).append(parameter)
    for why, members in groups.items():
        yield Still(why, tuple(members), facts)


def _why(case: Case, facts: Facts, parameter: ParameterFact) -> Why | None:
    if not parameter.requires_grad:
        return Why.FROZEN
    if not parameter.optimizers:
        return _why_in_none(facts, parameter)
    mine = [facts.optimizers[i] for i in parameter.optimizers if i < len(facts.optimizers)]
    if not any(one.stepped for one in mine):
        return Why.NO_STEP if parameter.gradient == "nonzero" else None
    if parameter.gradient == "none":
        return Why.DETACHED if _is_taken(case, parameter) else Why.UNUSED
    if parameter.gradient == "zero":  # dead units, or weights that are zero
        return None
    if parameter.step_gradient != "nonzero":
        return Why.ZEROED if _is_cleared(facts, parameter) else None
    known = rates(case)
    if known and all(rate == 0 for _, group in known for rate in group):
        return Why.NO_RATE
    return Why.ROUNDED if _rounds(case, parameter) else Why.UNKNOWN


def _is_cleared(facts: Facts, parameter: ParameterFact) -> bool:
    """Whether the gradient was taken away; where others' are still there and this one is zero, those of several passes
    cancel, as of a critic's last bias."""
    together = (p for p in facts.parameters if set(p.optimizers) & set(parameter.optimizers))
    return parameter.step_gradient == "none" or not any(p.step_gradient == "nonzero" for p in together)


def _why_in_none(facts: Facts, parameter: ParameterFact) -> Why | None:
    if not facts.optimizers:
        return Why.UNKNOWN if parameter.gradient == "nonzero" else None
    if replaced_in(facts, parameter) and parameter.gradient != "none":
        return Why.REPLACED
    if parameter.gradient == "none" and not _has_siblings(facts, parameter):
        return None  # a model that is called and not trained, as a target network is
    return Why.NO_OPTIMIZER


def replaced_in(facts: Facts, parameter: ParameterFact) -> bool:
    """Whether an optimiser holds, in its place, what the model no longer has."""
    strangers = [s for one in facts.optimizers for s in one.strangers if s.gradient == "none"]
    named = [s for s in strangers if s.was and (parameter.path == s.was or parameter.path.endswith(f".{s.was}"))]
    return bool(named) or any(not s.was and s.shape == parameter.shape for s in strangers)


def _has_siblings(facts: Facts, parameter: ParameterFact) -> bool:
    """Whether an optimiser has another parameter of the same model."""
    root = parameter.path.partition(".")[0]
    return any(one.optimizers and one.path.partition(".")[0] == root for one in facts.parameters)


def _is_taken(case: Case, parameter: ParameterFact) -> bool:
    """Whether the traced pass takes it, or its module was at least called."""
    if case.graph is not None and is_used(case.graph, parameter.path):
        return True
    module = case.module(parameter.module)
    return module is not None and module.output_shape is not None


def _rounds(case: Case, parameter: ParameterFact) -> bool:
    """Whether steps that were made with a gradient changed nothing."""
    for snapshot in case.recording.snapshots:
        gradient = case.array(snapshot, f"grad:{parameter.path}")
        moved = [step.updates.get(parameter.path) for step in snapshot.optimizers if step.outcome == StepOutcome.MADE]
        if gradient is not None and moved and not any(moved) and bool(np.any(gradient)):
            return True
    return False


def common_module(modules: Sequence[str], facts: Facts, members: Sequence[ParameterFact]) -> str:
    """The smallest module that holds all of them, where nothing else is in it that moved; else the first of them."""
    parts = [module.split(".") for module in modules]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    prefix = ".".join(shared)
    inside = {p.path for p in facts.parameters if not prefix or f"{p.module}.".startswith(f"{prefix}.")}
    return prefix if inside <= {p.path for p in members} else modules[0]
