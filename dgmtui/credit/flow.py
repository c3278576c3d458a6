"""What each tensor of a graph is made of, and so what it can carry: relevance goes to activations only."""

import functools
from enum import Enum

import torch

from dgmtui.credit.aliases import Aliases
from dgmtui.credit.table import GATES, MIXTURES, VALUE_FREE, Rule, packet, rule_of
from dgmtui.trace.graph import Graph, Node, NodeRef, Outside, OutsideRef, Ref
from dgmtui.trace.operations import named_arguments


class Kind(Enum):
    """What a tensor depends on."""

    ACTIVATION = "activation"
    """Floating, and made from the batch."""
    INDEX = "index"
    """Integer or bool, and made from the batch: it chooses, and carries no relevance itself."""
    MASK = "mask"
    """Floating, but made from indices only (``(x > 0).float()``, one-hot labels)."""
    RANDOM = "random"
    PARAMETER = "parameter"
    """Made from parameters and buffers only, such as ``t(weight)``."""
    CONSTANT = "constant"


class Flow:
    """The kind of every tensor of ``graph``, in one pass."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.aliases = Aliases(graph)
        self._kinds: dict[Ref, Kind] = {}
        self._carriers: dict[int, tuple[Ref, ...]] = {}
        for name, outside in graph.outside.items():
            self._kinds[OutsideRef(name)] = _outside_kind(outside)
        for node in graph.nodes:
            kind = self._of_operands(node)
            for out, meta in enumerate(node.outs):
                if meta is not None:
                    self._kinds[NodeRef(node.id, out)] = _as_dtype(kind, is_float(meta.dtype))
            for ref in self.aliases.older_names(node):
                if isinstance(ref, NodeRef) or graph.outside[ref.name].kind == "input":
                    self._kinds[ref] = _combined({self._kinds[ref], kind})

    def kind(self, ref: Ref) -> Kind:
        """What ``ref`` is made of."""
        return self._kinds[ref]

    def carriers(self, node: Node) -> tuple[Ref, ...]:
        """The operands that can carry relevance, each once, in order."""
        if node.id not in self._carriers:
            self._carriers[node.id] = self._carriers_of(node)
        return self._carriers[node.id]

    def _carriers_of(self, node: Node) -> tuple[Ref, ...]:
        if packet(node.op) in VALUE_FREE or is_draw(node):
            return ()
        masks = _attention_masks(node)
        refs = dict.fromkeys(node.inputs())
        return tuple(ref for ref in refs if self._kinds[ref] is Kind.ACTIVATION and ref not in masks)

    def is_gate(self, ref: Ref, mixing: bool = True) -> bool:
        """Whether a factor only says how much of the other factor passes; ``mixing``: softmax says that too."""
        kind = self._kinds[ref]
        if kind is not Kind.ACTIVATION:
            return True
        while isinstance(ref, NodeRef):
            node = self.graph.nodes[ref.node]
            if packet(node.op) in GATES or (mixing and packet(node.op) in MIXTURES):
                return True
            if rule_of(node.op) is not Rule.MOVING or len(self.carriers(node)) != 1:
                return False
            ref = self.carriers(node)[0]
        return False

    def _of_operands(self, node: Node) -> Kind:
        if is_draw(node):
            return Kind.RANDOM
        if packet(node.op) in VALUE_FREE:
            return Kind.CONSTANT
        return _combined({self._kinds[ref] for ref in node.inputs()})


def _attention_masks(node: Node) -> list[object]:
    """What says which scores count, and has no derivative in the fused kernels."""
    if "attention" not in node.op:
        return []
    named = named_arguments(node)
    return [named[name] for name in ("attn_mask", "attn_bias") if name in named]


def _combined(kinds: set[Kind]) -> Kind:
    """What is made from tensors of these kinds."""
    if Kind.ACTIVATION in kinds:
        return Kind.ACTIVATION
    chosen = Kind.INDEX in kinds or Kind.MASK in kinds
    if chosen and Kind.PARAMETER in kinds:
        return Kind.ACTIVATION
    if Kind.RANDOM in kinds:
        return Kind.RANDOM
    if chosen:
        return Kind.MASK
    return Kind.PARAMETER if Kind.PARAMETER in kinds else Kind.CONSTANT


@functools.cache
def is_float(dtype: str) -> bool:
    """Whether a dtype, by its name without prefix, is real or complex floating."""
    found = getattr(torch, dtype)
    return bool(found.is_floating_point or found.is_complex)


def _outside_kind(outside: Outside) -> Kind:
    if outside.kind != "input":
        return Kind.PARAMETER
    if outside.name.startswith("input:literal"):
        return Kind.CONSTANT
    return Kind.ACTIVATION if is_float(outside.meta.dtype) else Kind.INDEX


def is_draw(node: Node) -> bool:
    """Whether its result is chance alone; dropout and its like pass their operand on."""
    return node.random and packet(node.op) not in ("native_dropout", "rrelu_with_noise")


def _as_dtype(kind: Kind, floating: bool) -> Kind:
    if floating:
        return Kind.MASK if kind is Kind.INDEX else kind
    return Kind.INDEX if kind in (Kind.ACTIVATION, Kind.MASK) else kind
