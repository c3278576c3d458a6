"""The reverse sweep: relevance goes from its seeds back over the graph, node by node."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from dgmtui.credit.flow import Flow, Kind, is_draw
from dgmtui.credit.propagation import Propagation
from dgmtui.credit.rules import Setting, Spread, spread
from dgmtui.credit.rules.passing import total
from dgmtui.credit.table import VALUE_FREE, packet
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.progress import Progress
from dgmtui.trace.replay import Replay

Visit: TypeAlias = Callable[[Ref, Tensor, bool], bool]
"""Told each real tensor's whole relevance, and whether it came through an approximation; True: it goes no further."""


@dataclass
class Ledger:
    """Where relevance ended."""

    ended: dict[str, float] = field(
        default_factory=lambda: {"inputs": 0.0, "bias": 0.0, "random": 0.0, "approximate": 0.0}
    )
    arrived: dict[str, Tensor] = field(default_factory=dict)
    """Relevance of each outside tensor of the batch, of its shape."""
    approximate_inputs: set[str] = field(default_factory=set)
    """Those of ``arrived`` that an approximation has a part in."""
    approximate_ops: dict[str, None] = field(default_factory=dict)
    """In the order they were met."""
    parameters: dict[Ref, Tensor] = field(default_factory=dict)
    """Relevance that parameters (and what is made of them alone) kept, of their shapes."""


_ENDS = {
    Kind.INDEX: "inputs",
    Kind.MASK: "inputs",
    Kind.RANDOM: "random",
    Kind.PARAMETER: "bias",
    Kind.CONSTANT: "bias",
}


class Reader:
    """The tensors of a replay as each operation read them."""

    def __init__(self, replay: Replay) -> None:
        self.flow = replay.graph.once(Flow)
        self.aliases = self.flow.aliases
        self._replay = replay

    @property
    def graph(self) -> Graph:
        """What was replayed."""
        return self.flow.graph

    def value(self, ref: Ref, reader: int | None = None) -> Tensor:
        """``ref`` as node ``reader`` read it (None: as it was made), half precision widened to float32."""
        value = self._replay.value(ref, at=reader)
        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value

    def release(self, node: Node) -> None:
        """Let go of what ``node`` gave: nobody will ask the replay for it again."""
        for out in range(len(node.outs)):
            self._replay.release(NodeRef(node.id, out))

    def at(self, reader: int) -> Callable[[Ref], Tensor]:
        """``value`` for one reader."""
        return lambda ref: self.value(ref, reader)


class Sweep:
    """Relevance on its way back."""

    def __init__(
        self,
        reader: Reader,
        propagation: Propagation,
        progress: Progress | None = None,
        *,
        releasing: bool = False,
    ) -> None:
        """``releasing``: let the replay's values go, too, as the sweep passes them."""
        self._reader = reader
        self._releasing = releasing
        self._propagation = propagation
        self._progress = progress
        self._waiting: dict[Ref, Tensor] = {}
        self._tainted: set[Ref] = set()
        self._ledger = Ledger()

    def run(self, seeds: Mapping[Ref, Tensor], visit: Visit) -> Ledger:
        """Send ``seeds`` back to where they came from; a tensor's relevance is let go once it is handed on."""
        for ref, relevance in seeds.items():
            self._give(ref, relevance, tainted=False)
        nodes = self._reader.graph.nodes
        last = max((ref.node for ref in self._waiting if isinstance(ref, NodeRef)), default=-1)
        for node in reversed(nodes[: last + 1]):
            if not self._waiting:
                break
            if self._progress is not None:
                self._progress.update(1 - node.id / (last + 1), "credit")
            self._reader.aliases.split(node, self._waiting, self._reader.value)
            self._pass(node, visit)
            if self._releasing:
                self._reader.release(node)
        self._arrive(visit)
        return self._ledger

    def _pass(self, node: Node, visit: Visit) -> None:
        refs = [NodeRef(node.id, out) for out in range(len(node.outs))]
        arriving = [self._waiting.pop(ref, None) for ref in refs]
        if all(r is None for r in arriving):
            return
        tainted = any(ref in self._tainted for ref in refs)
        for i, ref in enumerate(refs):
            relevance = arriving[i]
            if relevance is None or relevance.is_complex():
                continue
            if visit(ref, relevance, ref in self._tainted):
                arriving[i] = None
        if any(r is not None for r in arriving):
            self._hand_on(node, arriving, tainted)

    def _hand_on(self, node: Node, arriving: list[Tensor | None], tainted: bool) -> None:
        ended = self._ledger.ended
        if not self._reader.flow.carriers(node):
            ended[_end_at(node)] += _total(arriving)
            return
        setting = Setting(self._reader.flow, self._reader.at(node.id), self._propagation)
        done = spread(node, arriving, setting)
        self._account(node, done, arriving)
        for ref, part in done.parts.items():
            self._give(ref, part, tainted or done.approximate)

    def _account(self, node: Node, done: Spread, arriving: list[Tensor | None]) -> None:
        self._ledger.ended["bias"] += float(done.literal)
        if done.approximate:
            kept = _total(arriving) - _total(list(done.parts.values()))
            self._ledger.ended["approximate"] += kept
            self._ledger.approximate_ops[node.name] = None

    def _give(self, ref: Ref, relevance: Tensor, tainted: bool) -> None:
        kind = self._reader.flow.kind(ref)
        if kind is not Kind.ACTIVATION:
            self._ledger.ended[_ENDS[kind]] += total(relevance)
            if kind is Kind.PARAMETER:
                kept = self._ledger.parameters.get(ref)
                self._ledger.parameters[ref] = relevance if kept is None else kept + relevance
            return
        waiting = self._waiting.get(ref)
        self._waiting[ref] = relevance if waiting is None else waiting + relevance
        if tainted:
            self._tainted.add(ref)

    def _arrive(self, visit: Visit) -> None:
        for ref, relevance in self._waiting.items():
            if not isinstance(ref, OutsideRef):
                continue
            tainted = ref in self._tainted
            if not relevance.is_complex():
                visit(ref, relevance, tainted)
            self._ledger.ended["inputs"] += total(relevance)
            self._ledger.arrived[ref.name] = relevance
            if tainted:
                self._ledger.approximate_inputs.add(ref.name)


def _end_at(node: Node) -> str:
    """Where relevance ends at a node that has no operand to hand it on to."""
    if is_draw(node):
        return "random"
    return "inputs" if any(node.inputs()) and packet(node.op) not in VALUE_FREE else "bias"


def _total(tensors: Sequence[Tensor | None]) -> float:
    return sum(total(t) for t in tensors if t is not None)
