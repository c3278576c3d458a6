"""What a parameter's gradient is made of upstream: the activations that it was multiplied with.

Where ``z = f(a, w)`` uses the parameter, ``∂L/∂w·v = Σ_uses ⟨∂L/∂z, ∂f/∂w·v⟩``, and for a layer each term is a sum over
samples, positions and inputs of ∂L/∂z times a. With ∂L/∂z held fixed that is linear in a, so that
``R_a = a ⊙ ∂⟨∂L/∂z, ∂f/∂w·v⟩/∂a`` divides it among the inputs without rest, and can be passed on as any relevance.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dgmtui.credit.flow import Kind, is_float
from dgmtui.credit.sweep import Reader
from dgmtui.credit.table import packet
from dgmtui.credit.tangents import push_forward
from dgmtui.errors import ReplayError
from dgmtui.trace.graph import Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments, run_node
from dgmtui.trace.replay import Replay

_NORMS = frozenset({
    "native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "_native_batch_norm_legit", "batch_norm",
    "_native_batch_norm_legit_functional", "_native_batch_norm_legit_no_training", "_batch_norm_with_update",
    "_batch_norm_no_update", "native_layer_norm", "native_group_norm", "_fused_rms_norm", "rms_norm",
})  # fmt: skip
"""The weight multiplies the normalised input, number by number; that does not depend on the input's size, so that
``a ⊙ ∂/∂a`` would add up to nothing."""
_CLOSE = 1e-3


@dataclass
class GradientParts:
    """A parameter's gradient, taken apart at the operations that use the parameter."""

    seeds: dict[Ref, Tensor] = field(default_factory=dict)
    """Relevance at the activations that it was multiplied with, each of its shape."""
    ended: dict[str, float] = field(default_factory=lambda: {"inputs": 0.0, "bias": 0.0, "approximate": 0.0})
    """The rest: ``inputs`` by indices (an embedding), ``bias`` by no input at all (a bias's own gradient),
    ``approximate`` by operations that are not linear in their input, named in ``approximate_ops``."""
    approximate_ops: list[str] = field(default_factory=list)

    def add(self, ref: Ref, relevance: Tensor) -> None:
        """``relevance`` came to ``ref`` at one more use."""
        before = self.seeds.get(ref)
        self.seeds[ref] = relevance if before is None else before + relevance


def gradient_parts(reader: Reader, replay: Replay, parameter: OutsideRef, direction: Tensor) -> GradientParts:
    """``⟨∂L/∂parameter, direction⟩`` by what it came from; ``replay`` has run backward.

    Args:
        direction: of the parameter's shape; ones at the elements whose gradient is meant.
    """
    moving: dict[Ref, Tensor] = {parameter: direction}

    def made_of_parameters(node: Node) -> bool:
        return all(reader.flow.kind(NodeRef(node.id, out)) is Kind.PARAMETER for out in _floats(node))

    push_forward(reader, direction, parameter, moving.__setitem__, through=made_of_parameters)
    parts = GradientParts()
    for node in reader.graph.nodes:
        if any(ref in moving for ref in node.inputs()) and not made_of_parameters(node):
            _Use(node, reader, replay, moving).divide(parts)
    return parts


@dataclass(frozen=True)
class _Use:
    """One operation that takes the parameter, and perhaps activations."""

    node: Node
    reader: Reader
    replay: Replay
    moving: dict[Ref, Tensor]

    def divide(self, parts: GradientParts) -> None:
        arriving = {
            out: gradient
            for out in _floats(self.node)
            if (gradient := self.replay.gradient(NodeRef(self.node.id, out))) is not None
        }
        if not arriving:
            return
        if packet(self.node.op) in _NORMS and named_arguments(self.node).get("weight") in self.moving:
            self._divide_norm(arriving[0], parts)
        else:
            self._divide_product(arriving, parts)

    def _divide_norm(self, gradient: Tensor, parts: GradientParts) -> None:
        """``x̂ ⊙ v`` is what the operation gives with v as its weight and no bias."""
        named = named_arguments(self.node)
        weight, bias, x = (named.get(name) for name in ("weight", "bias", "input"))

        def lookup(ref: Ref) -> Tensor:
            value = self.reader.value(ref, self.node.id)
            value = self.moving[ref] if ref == weight else torch.zeros_like(value) if ref == bias else value
            return value.clone() if ref in self.node.mutates else value

        with torch.no_grad():
            moved = run_node(self.node, lookup, self.reader.graph)[0]
            if bias in self.moving and isinstance(bias, OutsideRef | NodeRef):
                view = (1, -1) + (1,) * (gradient.dim() - 2) if "batch" in self.node.op else self.moving[bias].shape
                parts.ended["bias"] += float((gradient * self.moving[bias].view(view)).sum())
        relevance = gradient.to(moved.dtype) * moved
        if isinstance(x, OutsideRef | NodeRef) and self.reader.flow.kind(x) is Kind.ACTIVATION:
            parts.add(x, relevance)
        else:
            parts.ended["inputs"] += float(relevance.sum())

    def _divide_product(self, arriving: dict[int, Tensor], parts: GradientParts) -> None:
        inputs = [ref for ref in self.reader.flow.carriers(self.node) if ref not in self.moving]
        whole, pulled = self._derivative(arriving, inputs)
        if pulled is None:
            parts.ended["approximate"] += whole
            parts.approximate_ops.append(self.node.name)
            return
        found = {ref: self._value(ref) * g for ref, g in zip(inputs, pulled, strict=True) if g is not None}
        rest = whole - sum(float(relevance.double().sum()) for relevance in found.values())
        by_index = any(self.reader.flow.kind(ref) is Kind.INDEX for ref in self.node.inputs())
        linear = not found or abs(rest) <= _CLOSE * abs(whole)
        if not linear:
            parts.approximate_ops.append(self.node.name)
        parts.ended["approximate" if not linear else "inputs" if by_index else "bias"] += rest
        for ref, relevance in found.items():
            parts.add(ref, relevance)

    def _derivative(self, arriving: dict[int, Tensor], inputs: list[Ref]) -> tuple[float, list[Tensor | None] | None]:
        """``⟨∂L/∂z, ∂f/∂w·v⟩``, and its derivative by the inputs; None where there is no second one."""
        leaves = {ref: self._value(ref).detach().requires_grad_() for ref in (*self._parameters(), *inputs)}

        def lookup(ref: Ref) -> Tensor:
            value = leaves[ref] if ref in leaves else self.reader.value(ref, self.node.id)
            return value.clone() if ref in self.node.mutates else value

        with torch.enable_grad():
            results = run_node(self.node, lookup, self.reader.graph)
            outs = [results[out] for out in arriving]
            given = [gradient.to(out.dtype) for gradient, out in zip(arriving.values(), outs, strict=True)]
            parameters = [leaves[ref] for ref in self._parameters()]
            try:
                slopes = torch.autograd.grad(outs, parameters, given, create_graph=True, allow_unused=True)
                whole = self._along(slopes)
                if not inputs or not whole.requires_grad:
                    return float(whole.detach()), [None] * len(inputs)
                pulled = torch.autograd.grad(whole, [leaves[ref] for ref in inputs], allow_unused=True)
            except (RuntimeError, NotImplementedError, ReplayError):
                return float(
                    self._along(torch.autograd.grad(outs, parameters, given, allow_unused=True)).detach()
                ), None
        return float(whole.detach()), list(pulled)

    def _along(self, slopes: tuple[Tensor | None, ...]) -> Tensor:
        """The derivative along the direction that the parameters move in."""
        total = torch.zeros((), dtype=torch.float64)
        for ref, slope in zip(self._parameters(), slopes, strict=True):
            if slope is not None:
                total = total + (slope * self.moving[ref].to(slope.dtype)).double().sum()
        return total

    def _parameters(self) -> list[Ref]:
        return [ref for ref in dict.fromkeys(self.node.inputs()) if ref in self.moving]

    @property
    def _value(self) -> Callable[[Ref], Tensor]:
        return self.reader.at(self.node.id)


def _floats(node: Node) -> list[int]:
    """Which results are floating."""
    return [out for out, meta in enumerate(node.outs) if meta is not None and is_float(meta.dtype)]
