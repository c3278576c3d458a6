"""Where the first non-finite value of an iteration was born: module, operation, element, sample and what went in."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from dgmtui.errors import ReplayError
from dgmtui.trace.backward import BackwardStep
from dgmtui.trace.batch import batch_axes
from dgmtui.trace.dependence import dominant_row, local_sensitivity, rows_behind
from dgmtui.trace.evidence import (
    bad_gradient,
    forward_phrase,
    gradient_in_float64,
    holds_whatever_goes_in,
    in_float64,
)
from dgmtui.trace.finite import is_finite, nonfinite_mask
from dgmtui.trace.graph import Graph, Node, NodeRef, OutsideRef, Ref, Source
from dgmtui.trace.operands import (
    Operand,
    broadcast_index,
    broadcasts,
    named_inputs,
    operand_at,
    operands_of,
    value_that_left,
    zero_divisor,
)
from dgmtui.trace.replay import Replay
from dgmtui.trace.rows import is_its_own_row
from dgmtui.trace.scan import Candidate, Origin, Scan
from dgmtui.trace.units import unit_axis

Weights: TypeAlias = Mapping[Ref, Tensor]
_SHOWN = 16


@dataclass(frozen=True)
class Birth:
    """Non-finite values that nothing before them explains. A field that does not apply is None."""

    phase: str
    """``input``, ``forward``, ``backward``, or ``update`` for a parameter or buffer that was non-finite already."""
    node: int | None
    """The forward node, also of a backward birth."""
    outside: str | None
    """Name of the outside tensor that held it, where no operation made it."""
    op: str | None
    """``aten.exp``."""
    autograd: str | None
    """The backward function, of a backward birth: ``SqrtBackward0``."""
    module: str
    source: Source | None
    what: str
    """``nan``, ``inf`` or ``-inf``."""
    elements: tuple[tuple[int, ...], ...]
    """The first 16; of a backward birth, of the operation's input whose gradient it is."""
    count: int
    unit: int | None = None
    units: tuple[int, ...] = ()
    sample: int | None = None
    """The first row of the batch that the elements depend on; None where every row matters, or none does."""
    samples: tuple[int, ...] = ()
    dominant_sample: int | None = None
    """Where every row matters (batch norm), the one whose exchange for an ordinary row changes most."""
    operands: tuple[Operand, ...] = ()
    value: float | None = None
    """The finite value that left the range, or at which the derivative is not finite."""
    finite_in_float64: bool | None = None
    """Whether the same replay in float64 is finite there: precision, not mathematics. None where it can't be told."""
    value_in_float64: float | None = None
    harmless: bool = False
    """Neither the loss nor a gradient is non-finite because of it."""
    regardless: bool = False
    """It is so whatever numbers go in: a shape, an option or an index makes it so (the deviation of a single row)."""
    masked_by: Node | None = None
    """Where only an infinity that the code spells out is behind it: the operation that put that in."""
    phrase: str = ""
    """What happened, as part of a sentence: ``aten.exp of 89.42 is inf``."""


def first_birth(replay: Replay) -> Birth | None:
    """The birth to blame for a non-finite loss or gradient: the first that reaches one. None where there is none.

    An Inf born earlier outranks the NaN that it turns into; one that the code spells out (a mask's) counts only where
    no arithmetic is to blame.
    """
    found = _Search(replay)
    blamed = found.blamed()
    return found.describe(*blamed) if blamed else None


def all_births(replay: Replay) -> tuple[Birth, ...]:
    """Every birth that is not a consequence of another, in execution order; what reaches nothing is ``harmless``."""
    found = _Search(replay)
    births = [
        found.describe_forward(candidate, harmless=not found.reaches(candidate))
        for candidate in found.scan.candidates
        if candidate.origin is not Origin.INTENDED or found.is_blamed(candidate)
    ]
    backward = [found.describe_backward(step) for step in found.backward_births()]
    return (*births, *backward)


Place: TypeAlias = "tuple[str, int | str | None]"
"""``forward`` or ``backward``, and the node, or the name of the outside tensor."""


def blamed_places(replay: Replay) -> frozenset[Place]:
    """Where births are that the loss or a gradient carries, without describing them, which takes much longer."""
    found = _Search(replay)
    blamed = [
        candidate.ref
        for candidate in found.scan.candidates
        if found.reaches(candidate) and (candidate.origin is not Origin.INTENDED or found.is_blamed(candidate))
    ]
    forward: set[Place] = {("forward", ref.node if isinstance(ref, NodeRef) else ref.name) for ref in blamed}
    return frozenset(forward | {("backward", step.node) for step in found.backward_births()})


def place_of_birth(birth: Birth) -> Place:
    """Where a birth is, as ``blamed_places`` says it."""
    place = birth.outside if birth.node is None else birth.node
    return ("backward" if birth.phase == "backward" else "forward"), place


def reproduces(make: Callable[[], Replay]) -> bool:
    """Whether the non-finite comes back: run twice, is the first one born at the same node, with the same elements?

    If not, the hardware or a race is suspected.
    """
    first, second = (first_birth(make()) for _ in range(2))
    if first is None or second is None:
        return False
    return (first.phase, first.node, first.outside, first.elements) == (
        second.phase,
        second.node,
        second.outside,
        second.elements,
    )


class _Search:
    """Candidates, what they reach, and how they are described; computed once for a replay."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.graph = replay.graph
        self.scan = Scan(replay)
        self._loss_is_finite = is_finite(replay.loss)
        try:
            replay.backward()
        except ReplayError:  # nothing takes a gradient: then only the loss can be reached
            pass
        self._bad_steps = self._find_bad_steps()
        self._causes = self._find_causes()

    def blamed(self) -> "tuple[Candidate | BackwardStep] | None":
        """The one candidate or backward step to blame."""
        reached = [c for c in self.scan.candidates if self.reaches(c)]
        for origins in ((Origin.FED, Origin.ARITHMETIC, Origin.FROM_INTENDED), (Origin.INTENDED,)):
            if origins == (Origin.INTENDED,) and self._loss_is_finite and self._bad_steps:
                return (self._bad_steps[0],)
            chosen = [c for c in reached if c.origin in origins]
            if chosen:
                return (min(chosen, key=self._order),)
        return (self._bad_steps[0],) if self._bad_steps and self._loss_is_finite else None

    def backward_births(self) -> list[BackwardStep]:
        """Backward steps to blame that no forward candidate explains."""
        explained = [c for c in self.scan.candidates if self.reaches(c) and c.origin is not Origin.INTENDED]
        return [] if explained or not self._loss_is_finite else self._bad_steps

    def reaches(self, candidate: Candidate) -> bool:
        """Whether the loss or a gradient is non-finite because of it."""
        ref = candidate.ref
        return (ref.name if isinstance(ref, OutsideRef) else ref.node) in self._causes

    def is_blamed(self, candidate: Candidate) -> bool:
        blamed = self.blamed()
        return blamed is not None and blamed[0] is candidate

    def describe(self, blamed: Candidate | BackwardStep) -> Birth:
        if isinstance(blamed, BackwardStep):
            return self.describe_backward(blamed)
        return self.describe_forward(blamed)

    def _order(self, candidate: Candidate) -> tuple[int, int]:
        """Execution order; an outside tensor's place is its first use."""
        if isinstance(candidate.ref, NodeRef):
            return candidate.ref.node, 1
        users = self.graph.users(candidate.ref)
        return (users[0] if users else len(self.graph.nodes)), 0

    def _find_bad_steps(self) -> list[BackwardStep]:
        """Steps that turned finite gradients into non-finite ones which reached a leaf."""
        steps = self.replay.backward_steps
        reaches = [False] * len(steps)
        for i in reversed(range(len(steps))):
            step = steps[i]
            if step.leaf:
                reaches[i] = not step.incoming.finite
            elif not step.outgoing.finite:
                reaches[i] = any(reaches[j] for j in step.following if j > i)
        return [s for i, s in enumerate(steps) if reaches[i] and s.incoming.finite and not s.leaf]

    def _find_causes(self) -> set[int | str]:
        end = len(self.graph.nodes)
        starts: list[tuple[Ref, int]] = [(self.graph.loss, end)]
        causes: set[int | str] = set()
        for step in self._bad_steps if self._loss_is_finite else []:
            if step.node is not None:
                node = self.graph.nodes[step.node]
                starts.extend((ref, node.id) for ref in node.inputs())
                starts.extend((NodeRef(node.id, out), node.id + 1) for out, m in enumerate(node.outs) if m is not None)
        return causes | self.scan.causes(starts)

    def describe_forward(self, candidate: Candidate, *, harmless: bool = False) -> Birth:
        """A forward birth in full."""
        if isinstance(candidate.ref, OutsideRef):
            return replace(self._describe_fed(candidate.ref, candidate.mask), harmless=harmless)
        node, out = self.graph.nodes[candidate.ref.node], candidate.ref.out
        element = _places(candidate.mask)[0]
        first = local_sensitivity(self.replay, node, out, _only(candidate.mask, element))
        every = local_sensitivity(self.replay, node, out, candidate.mask)
        arithmetic = candidate.origin is Origin.ARITHMETIC
        regardless = arithmetic and holds_whatever_goes_in(self.replay, candidate.ref, element)
        operands = () if regardless else operands_of(self.replay, node, first)
        divisor = zero_divisor(node, operands)
        if divisor is not None:  # 0/0 whatever is divided: the rows that count are those behind the divisor
            first, every = {divisor: first[divisor]}, {divisor: every.get(divisor, first[divisor])}
        what = _kind(self.replay.value(candidate.ref)[element])
        value = value_that_left(node, operands) if arithmetic else None
        number = in_float64(self.replay, candidate.ref, element)
        masked_by = self._masked_by(candidate)
        return replace(
            self._with_samples(self._at_node(node, "forward", candidate.mask), node, first, every),
            what=what,
            operands=operands,
            value=value,
            value_in_float64=number,
            finite_in_float64=None if number is None else math.isfinite(number),
            harmless=harmless,
            regardless=regardless,
            masked_by=masked_by,
            phrase=forward_phrase(node, what, value, candidate.origin, masked_by, regardless=regardless),
        )

    def _masked_by(self, candidate: Candidate) -> Node | None:
        """The last operation before ``candidate`` that put in the infinity that alone is behind it."""
        if candidate.origin is not Origin.FROM_INTENDED or not isinstance(candidate.ref, NodeRef):
            return None
        behind = self.scan.causes([(candidate.ref, candidate.ref.node + 1)])
        intended = (
            c.ref.node for c in self.scan.candidates if c.origin is Origin.INTENDED and isinstance(c.ref, NodeRef)
        )
        last = max((node for node in intended if node in behind and node != candidate.ref.node), default=None)
        return None if last is None else self.graph.nodes[last]

    def _with_samples(self, birth: Birth, node: Node, first: Weights, every: Weights) -> Birth:
        """``birth`` with the rows that its elements depend on; ``first`` weighs the inputs of the first one alone."""
        rows = rows_behind(self.replay, node.id, every)
        own = rows_behind(self.replay, node.id, first) if rows.all_matter else rows
        dominant = dominant_row(self.replay, node.id, first) if own.all_matter else None
        element = birth.elements[0] if birth.elements else ()
        its_own_row = element == (dominant,)  # a row of its own for each, which normalised batches were mixed into
        if own.all_matter and birth.unit is None and all(len(e) == 1 for e in birth.elements) and not its_own_row:
            units = tuple(element[0] for element in birth.elements)  # no rows in it, so its one axis is of units
            birth = replace(birth, unit=units[0], units=units)
        if not rows.rows and is_its_own_row(self.replay, node, element):
            return replace(birth, sample=element[0], samples=tuple(dict.fromkeys(e[0] for e in birth.elements)))
        return replace(
            birth,
            sample=None if own.all_matter or not own.rows else _own_place(own.rows, element),
            samples=rows.rows,
            dominant_sample=dominant,
        )

    def _describe_fed(self, ref: OutsideRef, mask: Tensor) -> Birth:
        outside = self.graph.outside[ref.name]
        value = self.replay.value(ref)
        elements = _places(mask)
        is_input = outside.kind == "input"
        birth = Birth(
            phase="input" if is_input else "update",
            node=None,
            outside=ref.name,
            op=None,
            autograd=None,
            module="" if is_input else ref.name.partition(":")[2].rpartition(".")[0],
            source=None,
            what=_kind(value[elements[0]]),
            elements=elements,
            count=int(mask.sum()),
            unit=None if is_input or not elements[0] else elements[0][0],
            finite_in_float64=False,
            phrase=f"{ref.name.partition(':')[2]} holds {_kind(value[elements[0]])}"
            + (f" ({outside.origin})" if outside.origin else ""),
        )
        axis = batch_axes(self.graph).get(ref)
        if not is_input or axis is None:
            return birth
        rows = mask.movedim(axis, 0).reshape(mask.shape[axis], -1).any(1).nonzero().flatten().tolist()
        return replace(birth, sample=rows[0], samples=tuple(rows))

    def describe_backward(self, step: BackwardStep) -> Birth:
        if step.node is None:
            return self._unowned(step)
        node = self.graph.nodes[step.node]
        ref, gradient = bad_gradient(self.replay, node, step)
        if ref is None or gradient is None:
            return replace(self._unowned(step), node=node.id, op=node.name, **_place_of(self.graph, node))
        mask = nonfinite_mask(gradient)
        elements = _places(mask)
        first, every = {ref: _only(mask, elements[0]).double()}, {ref: mask.double()}
        birth = self._with_samples(self._at_node(node, "backward", mask), node, first, every)
        operands = tuple(
            operand_at(self.replay, node, read, name, broadcast_index(self.replay.value(read, at=node.id), elements[0]))
            for read, name in named_inputs(self.replay, node)
            if broadcasts(self.replay.value(read, at=node.id), mask)
        )
        received = float(self.replay.value(ref, at=node.id)[elements[0]])
        what = _kind(gradient[elements[0]])
        number = gradient_in_float64(self.replay, ref, elements[0])
        return replace(
            birth,
            autograd=step.function,
            what=what,
            operands=operands,
            value=received,
            value_in_float64=number,
            finite_in_float64=None if number is None else math.isfinite(number),
            phrase=f"the derivative of {node.name} at {received:.6g} made the gradient {what}",
        )

    def _unowned(self, step: BackwardStep) -> Birth:
        return Birth(
            phase="backward",
            node=None,
            outside=None,
            op=None,
            autograd=step.function,
            module="",
            source=None,
            what=step.outgoing.kind,
            elements=(),
            count=0,
            phrase=f"{step.function} made a gradient {step.outgoing.kind}",
        )

    def _at_node(self, node: Node, phase: str, mask: Tensor) -> Birth:
        elements = _places(mask)
        type_ = self.graph.calls[node.call].type if node.call >= 0 else ""
        axis = unit_axis(mask.shape, type_)
        units = tuple(dict.fromkeys(element[axis] for element in elements)) if axis is not None else ()
        return Birth(
            phase=phase,
            node=node.id,
            outside=None,
            op=node.name,
            autograd=None,
            module=self.graph.module_of(node),
            source=node.source,
            what="",
            elements=elements,
            count=int(mask.sum()),
            unit=units[0] if units else None,
            units=units,
        )


def _place_of(graph: Graph, node: Node) -> dict[str, Any]:
    return {"module": graph.module_of(node), "source": node.source}


def _places(mask: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(place) for place in mask.nonzero()[:_SHOWN].tolist())


def _kind(value: Tensor) -> str:
    number = float(value.real if value.is_complex() else value)
    return "nan" if number != number else "inf" if number > 0 else "-inf"


def _only(mask: Tensor, element: tuple[int, ...]) -> Tensor:
    one = torch.zeros_like(mask)
    one[element] = True
    return one


def _own_place(rows: tuple[int, ...], element: tuple[int, ...]) -> int:
    """Of the rows that an element depends on that of its own place, as of a sum over pairs; else the first."""
    return element[0] if element and element[0] in rows else rows[0]
