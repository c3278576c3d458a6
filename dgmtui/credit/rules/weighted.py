"""LRP-γ, LRP-αβ and z⁺ for layers with weights, by the sign of each term ``t_ij = x_i·w_ij`` and of the bias."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.direct import Lookup
from dgmtui.credit.flow import Kind
from dgmtui.credit.ops import vjp
from dgmtui.credit.propagation import Propagation
from dgmtui.credit.rules.passing import Arriving, Setting, Spread, added, stabilised
from dgmtui.credit.table import FACTORS, LayerRule, layer_rule, packet
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments, run_node


@dataclass(frozen=True)
class Layer:
    """``z_j = Σ_i x_i·w_ij + b_j`` as one operation, and the rule it gets."""

    node: Node
    setting: Setting
    rule: LayerRule
    x: Ref
    weight: Ref
    terms: tuple[Ref, ...]
    """What is added: biases."""

    def sum_of(self, sign: int) -> Tensor:
        """Σ over the terms of one sign, ``sign`` = ±1, of z's shape."""
        sums = [run_node(self.node, self._lookup(held), self.setting.flow.graph)[0] for held in self._sides(sign)]
        result: Tensor = sums[0] if len(sums) == 1 else sums[0] + sums[1]
        return result

    def shares(self, sign: int, s: Tensor) -> dict[Ref, Tensor]:
        """``Σ_j t_ij·s_j`` over the terms of one sign, for x and every bias."""
        wrt = (self.x, *self.terms)
        parts: dict[Ref, Tensor] = {}
        for held in self._sides(sign):
            pulled = vjp(self.node, self.setting.flow.graph, self._lookup(held), wrt, [s])
            for ref, g in zip(wrt, pulled, strict=True):
                part = held[ref] * g
                parts[ref] = parts[ref] + part if ref in parts else part
        return parts

    def _sides(self, sign: int) -> Iterator[dict[Ref, Tensor]]:
        """The products of one sign: those of positive inputs with the biases, then those of negative inputs."""
        x, weight = self.setting.value(self.x), self.setting.value(self.weight)
        biases = {ref: _of_sign(self.setting.value(ref), sign) for ref in self.terms}
        yield {self.x: x.clamp(min=0), self.weight: _of_sign(weight, sign), **biases}
        if bool((x < 0).any()):
            none = {ref: torch.zeros_like(bias) for ref, bias in biases.items()}
            yield {self.x: x.clamp(max=0), self.weight: _of_sign(weight, -sign), **none}

    def _lookup(self, held: dict[Ref, Tensor]) -> Lookup:
        def value(ref: Ref) -> Tensor:
            found = held[ref] if ref in held else self.setting.value(ref)
            return found.clone() if ref in self.node.mutates else found

        return value


def layer_of(node: Node, setting: Setting) -> Layer | None:
    """The layer that ``node`` is, where another rule than LRP-ε is asked for it.

    None for products without a weight, and for the rare layer that scales by a negative number or adds its own input.
    """
    rule = layer_rule(setting.propagation.rule, packet(node.op))
    if rule is LayerRule.EPSILON:
        return None
    named = named_arguments(node)
    factors = [ref for name in FACTORS[packet(node.op)] if isinstance(ref := named[name], NodeRef | OutsideRef)]
    inputs = [ref for ref in factors if setting.flow.kind(ref) is Kind.ACTIVATION]
    weights = [ref for ref in factors if setting.flow.kind(ref) is Kind.PARAMETER]
    terms = added(node, setting, excluded=FACTORS[packet(node.op)])
    scales = [named.get(name, 1) for name in ("alpha", "beta")]
    negative = any(isinstance(scale, int | float) and scale < 0 for scale in scales)
    if len(inputs) != 1 or len(weights) != 1 or negative or inputs[0] in terms or setting.value(inputs[0]).is_complex():
        return None
    return Layer(node, setting, rule, inputs[0], weights[0], terms)


def weighted(layer: Layer, arriving: Arriving) -> Spread:
    """Relevance through a layer by the rule it gets."""
    relevance = arriving[0]
    if relevance is None:
        return Spread()
    setting = layer.setting
    z = setting.value(NodeRef(layer.node.id))
    by_sign = multipliers(layer.rule, setting.propagation, z, layer.sum_of, relevance)
    parts: dict[Ref, Tensor] = {}
    for sign, s in by_sign.items():
        for ref, part in layer.shares(sign, s).items():
            parts[ref] = parts[ref] + part if ref in parts else part
    return Spread(parts)


def shares_of_terms(
    terms: Sequence[Tensor], rule: LayerRule, propagation: Propagation, relevance: Tensor
) -> list[Tensor]:
    """What each of ``terms``, held as tensors of z's shape that add up to z, gets by ``rule``."""
    signed = {sign: [_of_sign(term, sign) for term in terms] for sign in (1, -1)}
    z = sum(terms[1:], terms[0])
    by_sign = multipliers(rule, propagation, z, lambda sign: sum(signed[sign][1:], signed[sign][0]), relevance)
    return [
        sum((signed[sign][i] * s for sign, s in by_sign.items()), torch.zeros_like(relevance))
        for i in range(len(terms))
    ]


def multipliers(
    rule: LayerRule, propagation: Propagation, z: Tensor, sum_of: Callable[[int], Tensor], relevance: Tensor
) -> dict[int, Tensor]:
    """By what a term of each sign is multiplied to give its share: ``R_i = Σ_j t_ij⁺·s⁺_j + t_ij⁻·s⁻_j``.

    Args:
        sum_of: Σ over the terms of one sign, of z's shape.
    """
    if rule is LayerRule.GAMMA:
        return _gamma(propagation, z, sum_of, relevance)
    alpha, beta = (1.0, 0.0) if rule is LayerRule.Z_PLUS else (propagation.alpha, propagation.beta)
    return _alpha_beta(alpha, beta, sum_of, relevance)


def _gamma(
    propagation: Propagation, z: Tensor, sum_of: Callable[[int], Tensor], relevance: Tensor
) -> dict[int, Tensor]:
    """``R_i = Σ_j (t_ij + γ·t_ij^σ) / Σ_i(t_ij + γ·t_ij^σ) · R_j``, σ the sign of z_j (Montavon et al. 2019, for inputs
    and outputs of both signs): of terms that cancel, those that agree with the sum get more."""
    gamma = propagation.gamma
    has = {1: z >= 0, -1: z < 0}
    divisor = z
    for sign in (1, -1):
        if bool((relevance[has[sign]] != 0).any()):
            divisor = torch.where(has[sign], z + gamma * sum_of(sign), divisor)
    s = stabilised(relevance, divisor, propagation.epsilon)
    return {sign: torch.where(has[sign], (1 + gamma) * s, s) for sign in (1, -1)}


def _alpha_beta(alpha: float, beta: float, sum_of: Callable[[int], Tensor], relevance: Tensor) -> dict[int, Tensor]:
    """``R_i = Σ_j (α·t_ij⁺ / Σ_i t_ij⁺ − β·t_ij⁻ / Σ_i t_ij⁻) · R_j`` (Bach et al. 2015, eq. 60); where all terms have
    one sign these take all, so that nothing is lost."""
    positive, negative = sum_of(1), sum_of(-1)
    least = torch.finfo(positive.dtype).tiny / torch.finfo(positive.dtype).eps
    has_positive, has_negative = positive > least, negative < -least
    shares = {
        1: torch.where(has_negative, alpha, 1.0) * _over(relevance, positive, has_positive),
        -1: torch.where(has_positive, -beta, 1.0) * _over(relevance, negative, has_negative),
    }
    return {sign: s for sign, s in shares.items() if bool(s.any())}


def _over(relevance: Tensor, divisor: Tensor, where: Tensor) -> Tensor:
    return torch.where(where, relevance / torch.where(where, divisor, 1.0), 0.0)


def _of_sign(t: Tensor, sign: int) -> Tensor:
    return t.clamp(min=0) if sign > 0 else t.clamp(max=0)
