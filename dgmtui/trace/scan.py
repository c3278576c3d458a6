"""Where, in a forward pass, non-finite values come from that their inputs do not explain.

Inf and NaN are told apart, as are an Inf that arithmetic made and one that the code spells out (a mask's): the latter
is intended until something turns it into a NaN.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.finite import benign, is_finite, nonfinite_mask
from dgmtui.trace.graph import Argument, Node, NodeRef, OutsideRef, Ref
from dgmtui.trace.operations import is_alias, resolve_op, run_node
from dgmtui.trace.replay import Replay

_UNINITIALISED = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted"})
_OVERWRITES = frozenset(
    {"copy_", "fill_", "zero_", "bernoulli_", "normal_", "uniform_", "exponential_", "log_normal_", "cauchy_",
     "geometric_", "random_"}
)  # fmt: skip


class Origin(Enum):
    """Why a node's non-finite values are there though nothing explains them."""

    ARITHMETIC = "arithmetic"
    FROM_INTENDED = "from intended"
    """A NaN of which only an intended Inf, or uninitialised memory, can be the cause."""
    INTENDED = "intended"
    FED = "fed"
    """An outside tensor held it."""


@dataclass(frozen=True)
class Candidate:
    """Non-finite values that were born here."""

    ref: Ref
    origin: Origin
    mask: Tensor
    """bool, of the shape of the result: the elements born here."""


@dataclass(frozen=True)
class _State:
    """What a node's results hold, or pass on."""

    nan: bool = False
    arithmetic_inf: bool = False
    other: bool = False
    """An intended Inf, or uninitialised memory."""

    def __or__(self, more: "_State") -> "_State":
        return _State(self.nan | more.nan, self.arithmetic_inf | more.arithmetic_inf, self.other | more.other)


class Scan:
    """One look at every node of a replay that has run forward."""

    def __init__(self, replay: Replay) -> None:
        replay.forward()
        self._replay = replay
        self._states: dict[int, _State] = {}
        self._fed: dict[str, _State] = {}
        self.candidates: list[Candidate] = []
        for name in replay.graph.outside:
            self._look_at_outside(name)
        for node in replay.graph.nodes:
            self._look_at(node)

    def causes(self, starts: Iterable[tuple[Ref, int]]) -> set[int | str]:
        """Nodes (by id) and outside tensors (by name) from which non-finite values came to ``starts``.

        A start is a reference and the node that reads it; only tensors that hold non-finite values are passed.
        """
        found: set[int | str] = set()
        visited: set[tuple[Ref, int]] = set()
        stack = list(starts)
        while stack:
            ref, reader = stack.pop()
            if (ref, reader) in visited or is_finite(self._replay.value(ref, at=reader)):
                continue
            visited.add((ref, reader))
            if isinstance(ref, OutsideRef):
                found.add(ref.name)
            for maker in self._makers(ref, reader):
                if maker in self._states or is_alias(self._replay.graph.nodes[maker].op):
                    found.add(maker)
                    stack.extend((read, maker) for read in self._read_by(self._replay.graph.nodes[maker]))
        return found

    def is_bad(self, node: int) -> bool:
        """Whether a result of the node held a non-finite value."""
        return node in self._states

    def _makers(self, ref: Ref, reader: int) -> Iterator[int]:
        if isinstance(ref, NodeRef):
            yield ref.node
        yield from self._replay.writers(ref, reader)

    def _read_by(self, node: Node) -> list[Ref]:
        """The references whose values matter to a node's results."""
        refs = list(dict.fromkeys(node.inputs()))
        if node.op.split(".")[1] in _OVERWRITES:
            return [ref for ref in refs if ref not in node.mutates]
        return refs

    def _look_at_outside(self, name: str) -> None:
        t = self._replay.value(OutsideRef(name))
        if is_finite(t):
            return
        mask_like = self._replay.graph.outside[name].kind == "input" and (
            name.startswith("input:literal") or _looks_like_mask(t)
        )
        intended = mask_like and not bool(torch.isnan(t).any())
        self._fed[name] = _State(bool(torch.isnan(t).any()), not intended, intended)
        origin = Origin.INTENDED if intended else Origin.FED
        self.candidates.append(Candidate(OutsideRef(name), origin, nonfinite_mask(t)))

    def _look_at(self, node: Node) -> None:
        bad = {out: t for out, t in self._results(node) if not is_finite(t)}
        if not bad:
            return
        if node.op.split(".")[1] in _UNINITIALISED:
            self._states[node.id] = _State(other=True)
            return
        sources = self._incoming(node)
        known = _State()
        for state in sources.values():
            known |= state
        if is_alias(node.op):
            self._states[node.id] = known
            return
        self._states[node.id] = _State()
        for out, t in bad.items():
            self._states[node.id] |= self._judge(node, out, t, sources, known)

    def _results(self, node: Node) -> Iterator[tuple[int, Tensor]]:
        """The results that matter: a kernel's side results that nobody takes (CTC's table) may hold what they like."""
        for out, meta in enumerate(node.outs):
            ref = NodeRef(node.id, out)
            taken = out == 0 or ref == self._replay.graph.loss or self._replay.graph.users(ref)
            if meta is not None and taken:
                yield out, self._replay.value(ref)

    def _incoming(self, node: Node) -> dict[Ref, _State]:
        """The inputs that hold non-finite values, and what is known of these."""
        incoming = {}
        for ref in self._read_by(node):
            if not is_finite(self._replay.value(ref, at=node.id)):
                incoming[ref] = self._state_of(ref, node.id)
        return incoming

    def _state_of(self, ref: Ref, reader: int) -> _State:
        t = self._replay.value(ref, at=reader)
        state = self._fed.get(ref.name, _State()) if isinstance(ref, OutsideRef) else _State()
        for maker in self._makers(ref, reader):
            state |= self._states.get(maker, _State())
        has_nan = bool(torch.isnan(t).any())
        known_nan = state.nan or not state.other
        return _State(has_nan and known_nan, state.arithmetic_inf, state.other)

    def _judge(self, node: Node, out: int, t: Tensor, sources: dict[Ref, _State], known: _State) -> _State:
        """Which of the non-finite values of one result were born here; what it holds from now on."""
        ref = NodeRef(node.id, out)
        nan = torch.isnan(t)
        born = nonfinite_mask(t) & self._unexplained(node, out, t, sources)
        literal = born & ~nan if _has_infinite_literal(node) else torch.zeros_like(born)
        born = born & ~literal
        if bool(literal.any()):
            self.candidates.append(Candidate(ref, Origin.INTENDED, literal))
        if bool(born.any()):
            self.candidates.append(Candidate(ref, Origin.ARITHMETIC, born))
        turned = bool(nan.any()) and sources and not (known.nan or known.arithmetic_inf) and not bool(born.any())
        if turned:
            self.candidates.append(Candidate(ref, Origin.FROM_INTENDED, nan))
        arithmetic = bool((born & ~nan).any()) or known.arithmetic_inf
        return _State(bool(nan.any()), arithmetic, bool(literal.any()) or known.other)

    def _unexplained(self, node: Node, out: int, t: Tensor, sources: dict[Ref, _State]) -> Tensor:
        """Where the result is non-finite though everything that it was computed from was finite, bool.

        The operation is run again on benign values in the place of the non-finite inputs: what is non-finite still is
        not their doing.
        """
        if not sources:
            return torch.ones_like(t, dtype=torch.bool)
        read = {ref: self._replay.value(ref, at=node.id) for ref in node.inputs()}
        if node.random or any(not bool(torch.isfinite(read[ref]).any()) for ref in sources):
            return torch.zeros_like(t, dtype=torch.bool)
        try:
            with torch.no_grad():
                again = run_node(node, lambda ref: benign(read[ref]).clone())[out]
        except ReplayError:
            return torch.zeros_like(t, dtype=torch.bool)
        still = nonfinite_mask(again)
        if torch.Tag.pointwise in resolve_op(node.op).tags:
            for ref in sources:
                still = still & ~nonfinite_mask(read[ref]).broadcast_to(still.shape)
        return still


def _looks_like_mask(t: Tensor) -> bool:
    """Infinities of one sign beside a single finite value (or none), as an additive attention mask has them."""
    finite = t[torch.isfinite(t)]
    one_sign = not bool(torch.isnan(t).any()) and not (bool((t == math.inf).any()) and bool((t == -math.inf).any()))
    return one_sign and (not finite.numel() or bool((finite == finite[0]).all()))


def _has_infinite_literal(node: Node) -> bool:
    return any(_infinite(value) for value in (*node.args, *node.kwargs.values()))


def _infinite(value: Argument) -> bool:
    if isinstance(value, tuple):
        return any(_infinite(item) for item in value)
    return isinstance(value, float) and math.isinf(value)
