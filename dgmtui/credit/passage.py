"""Where a gradient became non-finite: which one came in, through which derivative, and where it went."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.ops import vjp
from dgmtui.errors import CreditError, ReplayError
from dgmtui.trace.birth import Birth
from dgmtui.trace.evidence import bad_gradient
from dgmtui.trace.finite import nonfinite_mask
from dgmtui.trace.graph import Node, NodeRef, Ref, Source
from dgmtui.trace.operations import run_node
from dgmtui.trace.replay import Replay

_NAMED = 3


@dataclass(frozen=True)
class Passage:
    """The step of the backward pass that made a gradient non-finite."""

    node: int
    op: str
    autograd: str
    source: Source | None
    out: tuple[int, ...]
    """Index into the operation's result: the element whose gradient came in."""
    incoming: float
    """∂L/∂ that element."""
    sender: Node | None
    """The operation whose derivative that gradient is; None where the result is the loss itself."""
    operand: Ref
    element: tuple[int, ...]
    """Index into the operand whose gradient became non-finite."""
    received: float
    """What it held."""
    derivative: float | None
    """∂out/∂element; None where it can't be told."""
    outgoing: float
    parameters: tuple[tuple[str, int, int], ...]
    """Name, non-finite elements and elements of every parameter gradient that is not finite."""
    gradients: int
    """How many parameters have a gradient."""

    @property
    def product(self) -> str:
        """``0 × inf = nan``."""
        if self.derivative is None:
            return f"{self.incoming:.4g} became {self.outgoing:.4g}"
        return f"{self.incoming:.4g} × {self.derivative:.4g} = {self.outgoing:.4g}"

    @property
    def reached(self) -> str:
        """``2 of 4 parameters: 0.weight (64 of 64), 0.bias (8 of 8)``; empty where it reached none."""
        if not self.parameters:
            return ""
        named = [f"{name} ({bad:,} of {count:,})" for name, bad, count in self.parameters[:_NAMED]]
        left = len(self.parameters) - len(named)
        more = f" and {left} more" if left else ""
        return f"{len(self.parameters)} of {self.gradients} parameters: {', '.join(named)}{more}"

    @property
    def sentence(self) -> str:
        """To follow the account of the value."""
        sender = "" if self.sender is None else f" from {self.sender.name}"
        if self.sender is not None and self.sender.source is not None:
            sender += f" ({self.sender.source})"
        went = f", which then went to {self.reached}" if self.reached else ""
        return f" The gradient that came in there{sender} was {self.incoming:.4g}: {self.product}{went}."


def passage_of(replay: Replay, birth: Birth) -> Passage | None:
    """The passage that a backward birth is; None where no operation of the trace made it."""
    if birth.node is None or not birth.elements:
        return None
    node, element = replay.graph.nodes[birth.node], birth.elements[0]
    steps = [step for step in replay.backward_steps if step.node == node.id and step.gradients]
    found = [bad_gradient(replay, node, step) for step in steps]
    operand, gradient = next(((ref, bad) for ref, bad in found if ref is not None), (None, None))
    out = NodeRef(node.id)
    incoming = replay.gradient(out)
    if operand is None or gradient is None or incoming is None:
        return None
    place = _felt_at(replay, node, operand, element, incoming)
    bad = {name: nonfinite_mask(g) for name, g in replay.gradients.items() if name.startswith("param:")}
    return Passage(
        node=node.id,
        op=node.name,
        autograd=birth.autograd or "",
        source=node.source,
        out=place,
        incoming=float(incoming[place]),
        sender=_sender(replay, out),
        operand=operand,
        element=element,
        received=float(replay.value(operand, at=node.id)[element]),
        derivative=_derivative(replay, node, operand, element, place),
        outgoing=float(gradient[element]),
        parameters=tuple(
            (name.removeprefix("param:"), int(mask.sum()), mask.numel()) for name, mask in bad.items() if mask.any()
        ),
        gradients=len(bad),
    )


def _felt_at(replay: Replay, node: Node, operand: Ref, element: tuple[int, ...], incoming: Tensor) -> tuple[int, ...]:
    """The element of the result that depends on the operand's element: seen by changing it a little.

    Of several, the one whose gradient is largest.
    """
    if replay.graph.meta(operand).shape == tuple(incoming.shape):
        return element
    changed = replay.value(operand, at=node.id).clone()
    changed[element] = changed[element] + 1 + changed[element].abs()
    try:
        with torch.no_grad():
            before = run_node(node, lambda ref: replay.value(ref, at=node.id).clone(), replay.graph)[0]
            after = run_node(
                node,
                lambda ref: changed.clone() if ref == operand else replay.value(ref, at=node.id).clone(),
                replay.graph,
            )[0]
    except (RuntimeError, ReplayError):
        before = after = torch.zeros_like(incoming)
    assert isinstance(before, Tensor) and isinstance(after, Tensor)
    felt = (before != after) & ~(before.isnan() & after.isnan())
    size = torch.where(felt, incoming.abs(), -1.0) if felt.any() else incoming.abs()
    return tuple(int(i) for i in torch.unravel_index(size.argmax(), size.shape))


def _derivative(
    replay: Replay, node: Node, operand: Ref, element: tuple[int, ...], place: tuple[int, ...]
) -> float | None:
    one = torch.zeros_like(replay.value(NodeRef(node.id)))
    one[place] = 1.0
    cotangents = [one, *(None for _ in node.outs[1:])]
    try:
        pulled = vjp(node, replay.graph, lambda ref: replay.value(ref, at=node.id), (operand,), cotangents)
    except CreditError:
        return None
    found = float(pulled[0][element])
    return None if math.isnan(found) else found


def _sender(replay: Replay, ref: Ref) -> Node | None:
    """The last operation that took ``ref`` and has a gradient itself."""
    if ref == replay.graph.loss:
        return None
    users = [replay.graph.nodes[i] for i in replay.graph.users(ref)]
    sending = [n for n in users if n.grad_enabled and replay.gradient(NodeRef(n.id)) is not None]
    return sending[-1] if sending else None
