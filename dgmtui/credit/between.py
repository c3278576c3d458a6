"""Relevance where it is looked at as a whole: on every element of the inputs, and between the units of two layers."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dgmtui.credit.forward import seed_of
from dgmtui.credit.grouping import Outputs
from dgmtui.credit.model import Target
from dgmtui.credit.propagation import EPSILON_RULE, Propagation
from dgmtui.credit.sweep import Reader, Sweep
from dgmtui.errors import CreditError
from dgmtui.trace.graph import Ref
from dgmtui.trace.progress import Progress
from dgmtui.trace.replay import Replay


def input_relevance(
    replay: Replay, target: Target, *, propagation: Propagation = EPSILON_RULE, progress: Progress | None = None
) -> Mapping[str, Tensor]:
    """Outside tensor of the batch → its relevance for ``target``, element by element.

    Raises:
        CreditError: the target is non-finite, or no unit is behind it.
    """
    if target.alone:
        raise CreditError(f"{target.text}: there is no relevance to show")
    reader = Reader(replay)
    seed = seed_of(replay, target, Outputs(reader.graph), propagation.epsilon)
    ledger = Sweep(reader, propagation, progress).run({target.ref: seed}, lambda ref, relevance, approximate: False)
    return ledger.arrived


def unit_flows(
    replay: Replay,
    source: Ref,
    sink: Ref,
    groups: Sequence[Sequence[int]],
    *,
    propagation: Propagation = EPSILON_RULE,
    progress: Progress | None = None,
) -> tuple[Tensor, Tensor]:
    """What each unit of ``source`` puts into each group of units of ``sink``, over all samples and positions.

    One sweep a group, which starts with the group's own activations and ends at ``source``.

    Returns:
        Contributions ``[units of source, groups]`` and what there was to divide up ``[groups]``, both float64; the
        rest of it came by another way, from a bias, or from a draw.

    Raises:
        CreditError: a group's activations are non-finite, or nothing of ``source`` goes into ``sink``.
    """
    reader, outputs = Reader(replay), Outputs(replay.graph)
    axis, units = outputs.layout_of(source).unit_axis, outputs.layout_of(sink).unit_axis
    assert axis is not None and units is not None, "both have units"
    flows = torch.zeros(replay.graph.meta(source).shape[axis], len(groups), dtype=torch.float64)
    totals = torch.zeros(len(groups), dtype=torch.float64)
    met = False
    for place, group in enumerate(groups):
        seed = _seed(reader.value(sink), units, group)
        totals[place] = seed.double().sum()
        found = _arriving(reader, sink, seed, source, propagation, progress)
        if found is not None:
            met = True
            flows[:, place] = found.double().movedim(axis, 0).flatten(1).sum(1)
    if not met:
        raise CreditError(f"nothing of {outputs.label(source)} goes into {outputs.label(sink)}")
    return flows, totals


def _seed(value: Tensor, axis: int, group: Sequence[int]) -> Tensor:
    chosen = torch.tensor(list(group), dtype=torch.int64)
    seed = torch.zeros_like(value).index_copy_(axis, chosen, value.index_select(axis, chosen))
    if not torch.isfinite(seed).all():
        raise CreditError("the target units hold non-finite values; `credit nonfinite` says what put them there")
    return seed


def _arriving(
    reader: Reader, sink: Ref, seed: Tensor, source: Ref, propagation: Propagation, progress: Progress | None
) -> Tensor | None:
    found: list[Tensor] = []

    def visit(ref: Ref, relevance: Tensor, approximate: bool) -> bool:
        if ref == source:
            found.append(relevance)
        return ref == source

    Sweep(reader, propagation, progress).run({sink: seed}, visit)
    return found[0] if found else None
