"""Fused attention, written out for relevance (Achtibat et al. 2024, sec. 3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.rules.agreement import agrees
from dgmtui.credit.rules.linear import local
from dgmtui.credit.rules.passing import Arriving, Setting, Spread, stabilised, times
from dgmtui.credit.rules.softmax import through_softmax
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments


@dataclass(frozen=True)
class _WrittenOut:
    """``out = softmax(q kᵀ·scale + mask) v``; heads of k and v repeated where several queries share one."""

    q: Tensor
    k: Tensor
    v: Tensor
    mask: Tensor | None
    """As it is added; None where it only says which scores count."""
    scale: float
    p: Tensor
    out: Tensor


def attention(node: Node, arriving: Arriving, setting: Setting) -> Spread:
    """Both matrix products halve, softmax by its expansion. With dropout, or a kernel whose result this does not give,
    local linearisation, marked approximate."""
    relevance = arriving[0]
    named = named_arguments(node)
    written = None if relevance is None or named.get("dropout_p", 0.0) else _write_out(named, setting)
    if written is None or not agrees(written.out, node, setting):
        return local(node, arriving, setting)
    assert relevance is not None
    refs = [_ref(named[name]) for name in ("query", "key", "value")]
    s = stabilised(relevance, written.out, setting.propagation.epsilon)
    to_p = written.p * (s @ written.v.mT) / 2
    per_score = through_softmax(written.p, to_p, -1)
    to_v = written.v * (written.p.mT @ s) / 2
    to_q = written.q * (per_score @ written.k) * (written.scale / 2)
    to_k = written.k * (per_score.mT @ written.q) * (written.scale / 2)
    done = Spread()
    for ref, part in zip(refs, (to_q, to_k, to_v), strict=True):
        part = _once_a_head(part, setting.value(ref))
        done.parts[ref] = done.parts[ref] + part if ref in done.parts else part
    done.literal = to_p.sum() - to_q.sum() - to_k.sum()
    _to_mask(done, named, written, per_score)
    return done


def _to_mask(done: Spread, named: Mapping[str, object], written: _WrittenOut, per_score: Tensor) -> None:
    """What is added to the scores takes its share of them."""
    ref = named.get("attn_mask", named.get("attn_bias"))
    if written.mask is None or not isinstance(ref, NodeRef | OutsideRef):
        return
    part = times(written.mask, per_score).sum_to_size(written.mask.shape)
    done.parts[ref] = part
    done.literal = done.literal - part.sum()


def _write_out(named: Mapping[str, object], setting: Setting) -> _WrittenOut:
    q, k, v = (setting.value(_ref(named[name])) for name in ("query", "key", "value"))
    k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], 1) if t.dim() > 3 else t for t in (k, v))
    given = named.get("scale")
    scale = float(given) if isinstance(given, int | float) else q.shape[-1] ** -0.5
    scores = q @ k.mT * scale
    forbidden = torch.zeros(scores.shape[-2:], dtype=scores.dtype, device=scores.device)
    if named.get("is_causal", False):
        forbidden = forbidden.masked_fill(torch.ones_like(forbidden, dtype=torch.bool).tril().logical_not(), -torch.inf)
    ref = named.get("attn_mask", named.get("attn_bias"))
    mask = setting.value(ref) if isinstance(ref, NodeRef | OutsideRef) else None
    if mask is not None and mask.dtype == torch.bool:
        forbidden, mask = forbidden.masked_fill(mask.logical_not(), -torch.inf), None
    elif mask is not None:
        scores = scores + mask
    p = torch.softmax(scores + forbidden, -1)
    p = torch.where(torch.isnan(p), 0.0, p)
    return _WrittenOut(q, k, v, mask, scale, p, p @ v)


def _once_a_head(part: Tensor, given: Tensor) -> Tensor:
    """Summed over the queries that share a head."""
    if part.shape == given.shape:
        return part
    return part.reshape(given.shape[0], given.shape[1], -1, *part.shape[2:]).sum(2)


def _ref(argument: object) -> Ref:
    assert isinstance(argument, NodeRef | OutsideRef), "attention is between tensors"
    return argument
