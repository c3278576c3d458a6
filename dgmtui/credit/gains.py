"""The way of a gradient from the loss to a target, and the operations that it grew through."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dgmtui.credit.forward import mask_of
from dgmtui.credit.grouping import Outputs
from dgmtui.credit.model import AccountLine, Chain, Target
from dgmtui.credit.ops import vjp
from dgmtui.credit.sweep import Reader
from dgmtui.errors import CreditError
from dgmtui.trace.graph import Node, NodeRef, Ref
from dgmtui.trace.progress import Progress
from dgmtui.trace.replay import Replay

GREW = 1.05
"""Least factor by which a gradient's norm grows through an operation that is named."""
_NAMED = 5


@dataclass(frozen=True)
class Gain:
    """What one operation of the way made of the gradient that came in."""

    node: Node
    norm: float
    """L2 norm of the gradient that it handed on towards the target."""
    factor: float
    """That by the norm of the one that came in, by all the operation's results."""


def gradient_chain(replay: Replay, target: Target, *, progress: Progress | None = None) -> Chain:
    """Follow the target's gradient from the loss: the way is that through which, at each fork, most of it came.

    The account has the loss, the operations that the norm grew most through, in the order in which the backward pass
    ran them, and the target. Its lines' ``value`` is the norm of ∂L/∂, ``share`` the factor of the operation.

    Raises:
        CreditError: no gradient reaches the target, or it is not finite.
        ReplayError: there is no backward pass to replay.
        Cancelled: ``progress`` was cancelled.
    """
    replay.backward(steps=False)
    reader = Reader(replay)
    outputs = Outputs(replay.graph)
    gradient = replay.gradient(target.ref)
    name = target.name
    if gradient is None:
        raise CreditError(f"no gradient of the loss reaches {name}; choose a target that the loss depends on")
    own = torch.where(mask_of(gradient, target, outputs), gradient, 0.0)
    if not torch.isfinite(own).all():
        raise CreditError(f"the gradient at {name} is not finite; `chain nonfinite` says where that began")
    gains = _way(reader, replay, target.ref, own, progress)
    norm = float(own.double().norm())
    grown = sorted((gain for gain in gains if gain.factor > GREW), key=lambda gain: -gain.factor)[:_NAMED]
    grown.sort(key=lambda gain: -gain.node.id)
    end = AccountLine(f"∂L/∂{name}", norm, None, *outputs.made_by(target.ref), "", f"credit {name} --backward")
    account = (_loss_line(), *(_line(gain, reader) for gain in grown), end)
    return Chain((), _sentence(name, norm, grown, len(gains)), target, account=account)


def _way(reader: Reader, replay: Replay, ref: Ref, own: Tensor, progress: Progress | None) -> list[Gain]:
    """From the target to the loss: at each fork the operation through which most of the gradient came."""
    gains: list[Gain] = []
    part = own
    count = len(reader.graph.nodes)
    while ref != reader.graph.loss:
        best: tuple[float, Node, int, Tensor] | None = None
        for node_id in reader.graph.users(ref):
            if progress is not None:
                progress.update(node_id / count, "following the gradient")
            found = _through(reader, replay, reader.graph.nodes[node_id], ref, part)
            if found is not None and (best is None or found[0] > best[0]):
                best = found
        if best is None:
            return gains
        norm, node, out, arrived = best
        came = float(arrived.double().norm())
        gains.append(Gain(node, norm, norm / came if came else math.inf))
        ref, part = NodeRef(node.id, out), arrived
    return gains


def _through(
    reader: Reader, replay: Replay, node: Node, ref: Ref, part: Tensor
) -> tuple[float, Node, int, Tensor] | None:
    """Norm of what the operation handed on to the elements of ``ref`` that count, and the gradient that came in."""
    gradients = [replay.gradient(NodeRef(node.id, out)) for out in range(len(node.outs))]
    known = [(out, g) for out, g in enumerate(gradients) if g is not None]
    if not known or not node.grad_enabled:
        return None
    try:
        pulled = vjp(node, reader.graph, reader.at(node.id), (ref,), gradients)[0]
    except CreditError:
        return None
    out, arrived = max(known, key=lambda item: float(item[1].double().norm()))
    return float(torch.where(part != 0, pulled, 0.0).double().norm()), node, out, arrived


def _loss_line() -> AccountLine:
    return AccountLine("∂L/∂loss", 1.0, None, "", None, "", "credit loss")


def _line(gain: Gain, reader: Reader) -> AccountLine:
    node = gain.node
    where = "code outside modules" if node.call < 0 else reader.graph.module_of(node) or "root"
    return AccountLine(
        f"through {where}", gain.norm, gain.factor, node.name, node.source, "", f"credit node:{node.id} --backward"
    )


def _sentence(name: str, norm: float, grown: list[Gain], count: int) -> str:
    start = f"The gradient of the loss by {name} has norm {norm:.4g}, {count} operations from the loss."
    if not grown:
        return f"{start} It grew through none of them."
    told = [
        f"{gain.node.name}" + (f" ({gain.node.source})" if gain.node.source else "") + f" by {gain.factor:.3g}"
        for gain in sorted(grown, key=lambda gain: -gain.factor)[:3]
    ]
    return f"{start} It grew most through {', '.join(told)}."
