"""Forward contributions: what each unit put into the target, by layer-wise relevance propagation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dgmtui.credit.gradient import gradient_parts
from dgmtui.credit.grouping import By, Outputs, Sums, rows_of, summed
from dgmtui.credit.model import Contributions, Target
from dgmtui.credit.propagation import EPSILON_RULE, Propagation
from dgmtui.credit.selection import mask_of_target
from dgmtui.credit.sweep import Ledger, Reader, Sweep
from dgmtui.errors import CreditError
from dgmtui.trace.graph import OutsideRef, Ref
from dgmtui.trace.progress import Progress
from dgmtui.trace.replay import Replay


def forward_contributions(
    replay: Replay,
    target: Target,
    *,
    propagation: Propagation = EPSILON_RULE,
    by: By = "unit",
    progress: Progress | None = None,
    releasing: bool = False,
) -> Contributions:
    """Relevance at the output of every module that ``target`` depends on (LRP-ε; Bach et al. 2015, eq. 58).

    ``replay`` has run forward. One sweep; each tensor's relevance is let go once it is counted. Of a parameter's
    gradient it is what upstream of the parameter's layer made it (see ``gradient``). With ``releasing`` the replay's
    values are let go too, and it can't be asked for anything else afterwards: for ``again(differentiable=False)``.

    Raises:
        CreditError: the target is non-finite, or an operation in the way has no derivative.
        Cancelled: ``progress`` was cancelled.
    """
    if target.alone:
        return Contributions.of_nothing(target)
    collect = _Collect(Reader(replay), target, by)
    start = _start(replay, target, collect, propagation)
    ledger = Sweep(collect.reader, propagation, progress, releasing=releasing).run(start.seeds, collect.visit)
    for name, amount in start.ended.items():
        ledger.ended[name] += amount
    return Contributions(
        target=target,
        rows=rows_of(collect.sums, "forward", target.rows),
        conserved=_conserved(ledger, start.whole),
        approximate_ops=tuple(dict.fromkeys((*start.approximate_ops, *ledger.approximate_ops))),
        inputs=rows_of(collect.inputs, "forward", target.rows),
        note=_note(target, start),
    )


@dataclass(frozen=True)
class _Start:
    """What a sweep begins with."""

    seeds: Mapping[Ref, Tensor]
    whole: float
    """What is divided up: the relevance of ``seeds`` and what ended at once."""
    ended: Mapping[str, float] = field(default_factory=dict)
    approximate_ops: Sequence[str] = ()


def _start(replay: Replay, target: Target, collect: "_Collect", propagation: Propagation) -> _Start:
    if target.of == "value":
        seed = seed_of(replay, target, collect.outputs, propagation.epsilon)
        return _Start({target.ref: seed}, float(seed.double().sum()))
    assert isinstance(target.ref, OutsideRef), "it is a parameter's gradient"
    value = collect.reader.value(target.ref)
    direction = mask_of(value, target, collect.outputs).to(value.dtype)
    parts = gradient_parts(collect.reader, replay, target.ref, direction)
    return _Start(parts.seeds, target.value, parts.ended, parts.approximate_ops)


def seed_of(replay: Replay, target: Target, outputs: Outputs, epsilon: float) -> Tensor:
    """Relevance to start with: the target's value on the target and zero elsewhere, of its tensor's shape.

    A target that is zero has no relevance; it starts with ε, the least that the linear rule can divide up, so that the
    terms which cancel to zero come out as they are.

    Raises:
        CreditError: the target is non-finite, or a gradient.
    """
    if target.of == "gradient":
        raise CreditError(
            f"{target.text} is a gradient, which no single value leads to; `credit {target.name}` says which units "
            "made it, and those have chains"
        )
    value = replay.value(target.ref)
    value = value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    if not value.dtype.is_floating_point:
        raise CreditError(f"{target.text} holds {value.dtype} numbers; credit is for floating values")
    chosen = mask_of(value, target, outputs)
    seed = torch.where(chosen, value, 0.0)
    if not torch.isfinite(seed).all():
        raise CreditError(f"{target.text}, which has no finite value to divide up; ask for `nonfinite` instead")
    return torch.where(chosen, epsilon, 0.0).to(value.dtype) if not seed.any() else seed


def mask_of(value: Tensor, target: Target, outputs: Outputs) -> Tensor:
    """Which elements of ``value`` the target is, bool of its shape."""
    return mask_of_target(value.shape, target, outputs.layout_of(target.ref)).to(value.device)


class _Collect:
    """Takes down the relevance at module outputs and inputs as the sweep passes them."""

    def __init__(self, reader: Reader, target: Target, by: By) -> None:
        self.reader = reader
        self.outputs = reader.graph.once(Outputs)
        self.sums: dict[str, Sums] = {}
        self.inputs: dict[str, Sums] = {}
        self._target = target
        self._by = by

    def visit(self, ref: Ref, relevance: Tensor, approximate: bool) -> bool:
        if ref == self._target.ref:
            return False
        for module, type_ in self.outputs.modules(ref).items():
            self._add(self.sums, module, ref, type_, relevance, approximate)
        if isinstance(ref, OutsideRef):
            self._add(self.inputs, ref.name, ref, "", relevance, approximate)
        return False

    def _add(
        self, into: dict[str, Sums], name: str, ref: Ref, type_: str, relevance: Tensor, approximate: bool
    ) -> None:
        layout = self.outputs.layout(ref, type_)
        sums = summed(relevance, self.reader.value(ref), layout, self._by, self._target.rows)
        sums.approximate = approximate
        into[name] = into[name].add(sums) if name in into else sums


def size_of(amount: float | None) -> float:
    """For sorting the largest first: NaN is smaller than nothing."""
    size = abs(amount or 0.0)
    return -1.0 if math.isnan(size) else size


def _conserved(ledger: Ledger, started: float) -> dict[str, float]:
    ended = dict(ledger.ended)
    ended["lost"] = started - sum(ended.values())
    return ended


def _note(target: Target, start: _Start) -> str:
    if target.of == "gradient":
        return ""
    if target.value == 0 and start.seeds[target.ref].numel():
        return "the target is zero: its relevance is ε, and the shares are of the terms that cancel"
    return ""
